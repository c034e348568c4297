"""Times what users wait for, beside what they would use instead. `make bench` runs it.

Fails where something is wrong that does not depend on the machine's speed: a kernel that
is no longer vectorised, or a build whose memory grows with its rows.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from builds import report_builds
from comparison import report_comparison
from kernels import report_kernels, report_processors, report_vectorisation
from measuring import Report, machine, run_child, scratch


def report_matching(report: Report) -> None:
    """Importing the package, comparing sounds, predicting; and a small benchmark of matching."""
    report.say("importing")
    code = "import time; start = time.perf_counter(); import secret_sauce_hf; print(time.perf_counter() - start)"
    seconds = min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
        for _ in range(3)
    )
    report.say("comparing and predicting")
    found = run_child("probe.py", "matching", "--takes", 100, "--repeats", report.options.repeats, environment={})
    report.print(
        f"import secret_sauce_hf: {seconds:.3f} s",
        f"MSS: {found['mss']:.1f} ms a pair",
        f"one prediction, warm, one core: {found['prediction']:.0f} ms\n",
    )
    report.say("matching, beside other ways to answer")
    # Networks to compare with would have to be trained for minutes.
    untrained = ["--without", "lstm", "--without", "regression"]
    out = ["--out", str(report.folder / "benchmark")]
    command = ["secret-sauce", "benchmark", "noisemaker-light", "--rows", "5", "--seconds", "3", *untrained]
    program = str(Path(sys.executable).with_name("secret-sauce"))
    done = subprocess.run([program, *command[1:], *out], capture_output=True, text=True)
    if done.returncode:
        report.fail(f"{' '.join(command)}: {done.stderr.strip()}")
    report.print(f"{' '.join(command)}\n", done.stdout)


_SECTIONS: dict[str, Callable[[Report], None]] = {
    "kernels": report_kernels,
    "vectorisation": report_vectorisation,
    "processors": report_processors,
    "comparison": report_comparison,
    "builds": report_builds,
    "matching": report_matching,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--takes", type=int, default=512, help="takes to render for each figure")
    parser.add_argument("--repeats", type=int, default=3, help="runs, of which the fastest counts")
    parser.add_argument("--full", action="store_true", help="build the whole collections of 2018")
    parser.add_argument("--only", nargs="+", choices=_SECTIONS, metavar="SECTION", help=", ".join(_SECTIONS))
    options = parser.parse_args()
    if options.takes < 1 or options.repeats < 1:
        parser.error("--takes and --repeats are at least 1.")
    with scratch() as folder:
        report = Report(options, folder)
        report.print(f"{machine()}\n")
        for name, section in _SECTIONS.items():
            if options.only is None or name in options.only:
                try:
                    section(report)
                except ChildProcessError as error:
                    report.fail(str(error))
        report.say("done")
    if report.failures:
        print(f"{len(report.failures)} of the checks FAILED, see above.", file=sys.stderr)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
