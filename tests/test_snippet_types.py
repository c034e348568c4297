"""The programs in the README and in docs/ are right in the eyes of a type checker, as strict as it can be."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "SKILL.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```python(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets() -> dict[str, str]:
    """Every program, by a name that says where it stands; files that a page names by these."""
    found = {}
    for page in PAGES:
        for number, (name, text) in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")), 1):
            found[name or f"{page.stem.replace('-', '_').lower()}_{number}.py"] = text
    return found


STRICT = """
[[tool.mypy.overrides]]
module = [{modules}]
disallow_any_generics = true
disallow_untyped_decorators = true
strict_equality = true
extra_checks = true
warn_return_any = true
check_untyped_defs = true
no_implicit_reexport = true
implicit_optional = false
"""


def test_snippets_are_typed(tmp_path):
    programs = snippets()
    assert len(programs) > 20
    for name, text in programs.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    # The package's own options for the package, so that what `make lint` has kept of it is taken.
    config = tmp_path / "mypy.toml"
    modules = ", ".join(f'"{Path(name).stem}"' for name in programs)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").replace('packages = ["secret_sauce_hf"]', "")
    config.write_text(text + STRICT.format(modules=modules), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", config, *(tmp_path / name for name in sorted(programs))],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
