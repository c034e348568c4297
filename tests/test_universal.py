"""One wheel for every system and every Python from 3.11 on: as far as that can be seen from one of them."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "secret_sauce_hf"
SOURCES = sorted(PACKAGE.rglob("*.py"))
POSIX_MODULES = {"crypt", "fcntl", "grp", "nis", "ossaudiodev", "posix", "pty", "pwd", "resource", "spwd", "syslog"} | {
    "termios",
    "tty",
}
POSIX_NAMES = {
    "os": {"chown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getpgid", "getuid", "killpg", "mkfifo", "nice"}
    | {"posix_spawn", "register_at_fork", "sched_getaffinity", "sched_setaffinity", "setsid", "sysconf", "uname"}
    | {"O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "wait3", "wait4", "waitid", "WNOHANG"},
    "signal": {"SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "alarm", "setitimer"}
    | {"pthread_sigmask", "sigwait"},
    "socket": {"AF_UNIX", "SO_REUSEPORT", "socketpair"},
    "time": {"tzset"},
}
"""What Windows lacks; macOS lacks some of it."""
GUARDED = {
    ("compiling.py", "getuid"): 'hasattr(os, "getuid")',
    ("engines/plugin/worker.py", "fork"): 'if reset == "fork":',
    ("modeling/checkpoint_secret_sauce.py", "register_at_fork"): 'hasattr(os, "register_at_fork")',
    ("processors.py", "SIGKILL"): 'sys.platform == "linux"',
    ("processors.py", "sched_getaffinity"): 'hasattr(os, "sched_getaffinity")',
}
GUARDED_MODULES = {("files.py", "fcntl"): 'sys.platform == "win32"'}
"""Where some of it is used all the same, and the words in the source by which only systems that have it come there."""
# Left out of 3.12 and 3.13.
REMOVED = {
    "aifc",
    "asynchat",
    "asyncore",
    "audioop",
    "cgi",
    "cgitb",
    "chunk",
    "distutils",
    "imghdr",
    "imp",
    "lib2to3",
} | {*("mailcap", "msilib", "nntplib", "pipes", "smtpd", "sndhdr", "sunau", "telnetlib", "uu", "xdrlib")}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def used(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Every attribute of a module of the standard library that a source uses, as module and name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name


def imported(tree: ast.AST) -> set[str]:
    """The first part of the name of every module that a source imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found


def test_no_source_needs_posix_or_what_later_pythons_lack():
    wrong = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        tree = parsed(path)
        name = path.relative_to(PACKAGE).as_posix()
        wrong += [
            f"{name}: {module}"
            for module in imported(tree) & (POSIX_MODULES | REMOVED)
            if GUARDED_MODULES.get((name, module), "no guard is known") not in text
        ]
        wrong += [
            f"{name}: {module}.{attribute}"
            for module, attribute in used(tree)
            if attribute in POSIX_NAMES.get(module, ())
            and GUARDED.get((name, attribute), "no guard is known") not in text
        ]
        # A SyntaxWarning from 3.14 on.
        endings = [part for node in ast.walk(tree) if isinstance(node, ast.Try) for part in node.finalbody]
        wrong += [
            f"{name}: return in finally" for end in endings if any(isinstance(n, ast.Return) for n in ast.walk(end))
        ]
    assert wrong == []


def test_every_guard_is_of_something():
    found = {
        (path.relative_to(PACKAGE).as_posix(), attribute)
        for path in SOURCES
        for module, attribute in used(parsed(path))
        if attribute in POSIX_NAMES.get(module, ())
    }
    assert found == set(GUARDED)


def test_text_is_read_and_written_as_utf_8():
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--preview", "--select", "PLW1514", str(PACKAGE)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_every_module_is_imported_where_posix_is_missing(bare):
    program = f"""
import importlib, os, pkgutil, signal, socket, sys, time, warnings
warnings.simplefilter("ignore")
import secret_sauce_hf

names = [info.name for info in pkgutil.walk_packages(secret_sauce_hf.__path__, "secret_sauce_hf.")]
# `__main__` runs; Spaces import what is beside them there.
names = [name for name in names if not name.endswith("__main__") and ".metrics.modules." not in name]

def load(names):
    for name in names:
        try:
            importlib.import_module(name)
            yield name
        except ModuleNotFoundError as error:
            assert error.name.partition(".")[0] != "secret_sauce_hf", error

# What others bring is loaded as it is on this system, and stays.
loaded = list(load(names))
for system in ("darwin", "win32"):
    for module in [module for module in sys.modules if module.partition(".")[0] == "secret_sauce_hf"]:
        del sys.modules[module]
    # Not `os.name`: by it pathlib chooses between paths that this system cannot have.
    sys.platform = system
    if system == "darwin":
        del os.sched_getaffinity
    else:
        for module in {sorted(POSIX_MODULES)!r}:
            sys.modules[module] = None
        for module, attributes in {POSIX_NAMES!r}.items():
            for attribute in attributes:
                if hasattr(sys.modules[module], attribute):
                    delattr(sys.modules[module], attribute)
    assert list(load(loaded)) == loaded
    from secret_sauce_hf.processors import machine, thread_count
    assert thread_count() >= 1 and machine()
print(len(loaded))
"""
    assert int(bare(program, cwd=ROOT).split()[-1]) > 250


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel as pip builds it, of a copy: nothing is left in the checkout."""
    pytest.importorskip("setuptools", "77", reason="setuptools builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("secret_sauce_hf", "model_cards"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    program = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, folder], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2_000:]
    (built,) = folder.glob("*.whl")
    return built


def test_one_wheel_is_for_every_system(wheel):
    assert re.fullmatch(r"secret_sauce_hf-[\d.]+-py3-none-any\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = [name for name in names if name.endswith("/WHEEL")]
        assert "Root-Is-Purelib: true" in archive.read(metadata).decode()
    compiled = {name for name in names if name.endswith((".so", ".pyd", ".dylib", ".pyc"))}
    assert not compiled


def test_the_wheel_has_all_that_lies_beside_the_code(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    here = {
        f"secret_sauce_hf/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    here |= {f"secret_sauce_hf/model_cards/{path.name}" for path in (ROOT / "model_cards").iterdir()}
    assert here - names == set()
    assert "secret_sauce_hf/py.typed" in names
    assert "secret_sauce_hf/checkpoints/noisemaker-light/model.safetensors" in names
    assert any(name.endswith("/entry_points.txt") for name in names)
    # A name that differs from another by its case alone is lost on Windows and macOS.
    assert len({name.casefold() for name in names}) == len(names)
    # Names that Windows cannot have.
    assert not [name for name in names if re.search(r'[<>:"|?*\\]|[. ]$|(^|/)(con|prn|aux|nul)(\.|/|$)', name, re.I)]
