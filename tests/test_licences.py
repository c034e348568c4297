"""What others made is listed with its licence, and nothing that everybody gets is under the GPL."""

import re

import licences
import pytest


@pytest.fixture(scope="module")
def rows():
    return licences.table()


def test_the_page_lists_what_is_installed(rows):
    there = licences.PAGE.read_text(encoding="utf-8")
    assert there == licences.page(rows), "write it again: python tests/licences.py"


def test_every_package_says_its_licence(rows):
    assert {name: told for name, (told, _) in rows.items() if not told or "unsaid" in told} == {}
    # What the metadata of a package says by now need not be said here.
    assert licences.KNOWN.keys() <= rows.keys()


def test_nothing_of_the_core_or_of_all_is_under_the_gpl(rows):
    extras = {name: extras for name, (told, extras) in rows.items() if licences.is_gpl(told)}
    assert extras.keys() == {"dawdreamer", "dexed-py", "pedalboard", "vita"}
    assert {extra for own in extras.values() for extra in own}.isdisjoint(licences.FREE)


def test_vendored_files_are_listed_and_their_licence_lies_beside_them():
    package = licences.ROOT / "secret_sauce_hf"
    there = {path.relative_to(licences.ROOT).as_posix() for path in package.glob("**/vendor/*") if path.suffix}
    assert there == licences.VENDORED.keys()
    for name in licences.VENDORED:
        assert list((licences.ROOT / name).parent.glob("*LICENSE")), name
    # Nothing else among what a browser reads was made by others: it would say so, or be of one line.
    for path in (path for kind in ("js", "css") for path in package.rglob(f"*.{kind}") if "vendor" not in path.parts):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"copyright|@licen[sc]e", text, re.IGNORECASE), path
        assert max(map(len, text.splitlines())) < 1_000, path


def test_what_a_dependency_requires_is_followed():
    found = licences.dependencies(["secret_sauce_hf[two]"], {"two": ["secret_sauce_hf[one]"], "one": ["rich>=14"]})
    assert found.keys() == {"rich", "markdown-it-py", "mdurl", "pygments"}
    with pytest.raises(LookupError, match=r"^no-such-package is not installed$"):
        licences.dependencies(["no.such_package"], {})


@pytest.mark.parametrize(
    ("told", "gpl"),
    [
        ("GPL-3.0-or-later", True),
        ("GNU AFFERO GENERAL PUBLIC LICENSE", True),
        ("MIT AND GPL-2.0-only", True),
        ("MIT OR GPL-2.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("Apache-2.0", False),
    ],
)
def test_what_is_the_gpl(told, gpl):
    assert licences.is_gpl(told) is gpl
