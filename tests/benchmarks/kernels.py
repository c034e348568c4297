"""The engines by themselves: how fast they render, what compiling them costs, whether they are vectorised."""

import sys
from pathlib import Path

from measuring import Report, core_count, figures, rate, run_child

sys.path.insert(0, str(Path(__file__).parents[1]))
from processor_digests import digests_of_two_processors

# What is rendered, and the options of `probe.py` for it.
_RENDERED = {
    "noisemaker, from silence": ("noisemaker",),
    "noisemaker, in session": ("noisemaker", "--in-session"),
    "noisemaker-light": ("noisemaker-light",),
    "subphatty": ("subphatty",),
    "guitar": ("guitar",),
}
# One collection of each engine.
_ENGINES = ("noisemaker", "subphatty", "guitar")

# Least number of vector instructions on single-precision numbers in the machine code of a kernel. Compiled for
# x86-64 with SSE2 alone, for AMD's znver3 and for an Intel with AVX-512 they have 254 to 274, 300 to 574 and 68 to
# 252; without vectors none, and without those of a large module they fall below. What vectors gain in speed differs
# from processor to processor (1.55 to 2.7 of the NoiseMaker), and is shown only.
_LEAST_VECTORS = {"noisemaker": 180, "subphatty": 220, "distortion": 50}
_LABELS = {"distortion": "guitar, distortion only"}


def report_kernels(report: Report) -> None:
    """Takes a second per core and with all cores, and seconds to the first take."""
    sizes = ("--takes", report.options.takes, "--repeats", report.options.repeats)
    first = {}
    for collection in _ENGINES:
        report.say(f"compiling the engine of {collection}")
        found = run_child("probe.py", collection, "--takes", 2, "--repeats", 1, environment=report.warm)
        report.check_kernel_cache(report.warm)
        first[collection] = f"{found['first']:.1f}"
    table = figures(
        "Engines, warm",
        "",
        "takes/s, one core",
        f"takes/s, {core_count()} cores",
        "s to the first take",
        "compiling first",
    )
    for label, arguments in _RENDERED.items():
        report.say(f"rendering {label}")
        alone = run_child("probe.py", *arguments, *sizes, environment=report.warm)
        together = run_child("probe.py", *arguments, *sizes, environment=report.warm, one_thread=False)
        cold = first.pop(arguments[0], "")
        table.add_row(label, rate(alone["processor"]), rate(together["clock"]), f"{alone['first']:.1f}", cold)
    report.print(
        table,
        "One core: in processor time. First take: in a fresh process, its imports included, with and without the "
        "cache of compiled kernels.\n",
    )


def report_vectorisation(report: Report) -> None:
    """Fail where the machine code of a kernel has fewer vector instructions than it should; show what they gain."""
    columns = ("takes/s, one core", "not vectorised", "gain", "vector instructions", "at least")
    table = figures("Vectorisation", "", *columns)
    sizes = ("--takes", max(64, report.options.takes // 4), "--repeats", report.options.repeats)
    scalar = report.kernel_cache("scalar") | {"NUMBA_LOOP_VECTORIZE": "0", "NUMBA_SLP_VECTORIZE": "0"}
    for what, least in _LEAST_VECTORS.items():
        label = _LABELS.get(what, what)
        report.say(f"rendering {label} with and without vector instructions")
        normal = run_child("probe.py", what, *sizes, environment=report.warm)
        without = run_child("probe.py", what, *sizes, environment=scalar)
        # Numba shows no machine code that it has from a cache.
        fresh = report.kernel_cache(f"counted-{what}")
        vectors = run_child("probe.py", what, "--takes", 2, "--repeats", 1, "--vectors", environment=fresh)["vectors"]
        gain = normal["processor"] / without["processor"]
        table.add_row(
            label,
            rate(normal["processor"]),
            rate(without["processor"]),
            f"{gain:.1f}×",
            "–" if vectors is None else str(vectors),
            str(least),
        )
        if vectors is not None and vectors < least:
            report.fail(
                f"{label}: {vectors} vector instructions, and should have at least {least}. A helper that is "
                "not inlined, or a branch in a loop over the lanes?"
            )
    report.check_kernel_cache(scalar)
    report.print(table)


def report_processors(report: Report) -> None:
    """Fail where an engine plays otherwise as compiled for the oldest 64-bit x86; the tests do it with one of them."""
    report.say("compiling for the oldest x86")
    ours, theirs = digests_of_two_processors(_ENGINES, report.folder / "oldest")
    table = figures("Compiled for this processor and for the oldest 64-bit x86", "", "the same bytes")
    for own, other in zip(ours, theirs, strict=True):
        table.add_row(own.split()[0], "yes" if own == other else "NO")
    if ours != theirs:
        report.fail("An engine's takes depend on the processor.")
    report.print(table)
