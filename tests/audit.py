"""Ask a database of advisories whether a dependency of constraints.txt has a known flaw.

    .venv/bin/python tests/audit.py [--file constraints.txt] [--osv URL]

Exits with 0 where nothing is known, with 1 where something is, and with 3 where nobody could be asked: a mirror of PyPI
that knows no advisories answers as if there were none, so what asks is tried with a version of which a flaw is known.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOUND, NOT_ASKED = 1, 3
CANARY = "jinja2==2.10"
"""CVE-2019-10906."""
SECONDS = 10
"""Of the network, before a database counts as one that does not answer."""


def asked(requirements: Path, service: str, osv: str | None = None) -> list[dict[str, Any]] | None:
    """What pip-audit answers of each requirement; None if it cannot ask.

    Args:
        requirements: a file of versions.
        service: "osv" or "pypi".
        osv: where another OSV is.
    """
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", str(SECONDS)]
    command += ["--vulnerability-service", service, *(["--osv-url", osv] if osv and service == "osv" else [])]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    return found


def reached(osv: str | None = None) -> str | None:
    """A service that knows of the flaw that everybody knows; None if there is none."""
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "requirements.txt"
        canary.write_text(f"{CANARY}\n")
        for service in ("osv", "pypi"):
            answer = asked(canary, service, osv)
            if answer and answer[0].get("vulns"):
                return service
    return None


def verdict(answer: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """What to exit with, and what to say, of answers."""
    lines = [
        f"{one['name']} {one['version']}: {flaw['id']}"
        + (f" ({', '.join(flaw['aliases'])})" if flaw.get("aliases") else "")
        + (f", mended in {', '.join(flaw['fix_versions'])}" if flaw.get("fix_versions") else ", not mended yet")
        for one in answer
        for flaw in one.get("vulns", ())
    ]
    unknown = sorted(str(one["name"]) for one in answer if "skip_reason" in one)
    if unknown:
        lines.append(f"Nothing could be asked of {', '.join(unknown)}.")
    if any(one.get("vulns") for one in answer):
        return FOUND, [*lines, "Raise these versions in constraints.txt, and the bounds in pyproject.toml."]
    return (NOT_ASKED, lines) if unknown else (0, [f"Of {len(answer)} packages no flaw is known."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--file", type=Path, default=ROOT / "constraints.txt", help="versions (default: constraints.txt)"
    )
    parser.add_argument("--osv", metavar="URL", help="where an OSV is, instead of its own address")
    options = parser.parse_args()
    service = reached(options.osv)
    answer = None if service is None else asked(options.file, service, options.osv)
    if answer is None:
        print("Not audited: no database of advisories can be reached from here.")
        sys.exit(NOT_ASKED)
    code, lines = verdict(answer)
    print("\n".join(lines))
    sys.exit(code)


if __name__ == "__main__":
    main()
