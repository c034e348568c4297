"""The audit of dependencies: what it finds, and that it says when nobody could be asked."""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler

import audit
import pytest
from local_server import local_server

FLAW = {"id": "GHSA-1", "fix_versions": ["2.0"], "aliases": ["CVE-2026-1"], "description": "bad"}


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, "Of 1 packages no flaw is known."),
        ([{"name": "a", "version": "1", "vulns": [FLAW]}], 1, "a 1: GHSA-1 (CVE-2026-1), mended in 2.0"),
        ([{"name": "a", "version": "1", "vulns": [{"id": "X-1"}]}], 1, "a 1: X-1, not mended yet"),
        ([{"name": "b", "skip_reason": "?"}], 3, "Nothing could be asked of b."),
        ([{"name": "b", "skip_reason": "?"}, {"name": "a", "version": "1", "vulns": [FLAW]}], 1, "a 1: GHSA-1"),
    ],
)
def test_a_flaw_is_told_and_what_could_not_be_asked(answer, code, said):
    found, lines = audit.verdict(answer)
    assert found == code and said in "\n".join(lines)


class Osv(BaseHTTPRequestHandler):
    """Knows of the flaws of one version of jinja2, as the real one tells of them."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = (asked["package"]["name"], asked["version"]) in self.server.known
        flaw = {"id": "GHSA-462w-v97r-4m45", "aliases": ["CVE-2019-10906"], "details": "", "affected": []}
        content = json.dumps({"vulns": [flaw]} if known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@pytest.fixture
def osv():
    with local_server(Osv) as server:
        server.known = {("jinja2", "2.10")}
        yield server


def test_the_real_tool_asks_a_database(osv, tmp_path):
    pytest.importorskip("pip_audit", reason="the group audit is not installed")
    file = tmp_path / "constraints.txt"
    file.write_text("# of a comment nobody asks\nrich==15.0.0\nJinja2==2.10\n")
    url = f"http://127.0.0.1:{osv.server_port}/v1/query"
    command = [sys.executable, audit.__file__, "--file", str(file), "--osv", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == audit.FOUND, done.stderr
    assert done.stdout.startswith("jinja2 2.10: CVE-2019-10906 (GHSA-462w-v97r-4m45), not mended yet\n")


def test_who_knows_nothing_was_not_asked(monkeypatch, capsys):
    monkeypatch.setattr(audit, "asked", lambda *_: [{"name": "jinja2", "skip_reason": "not found on PyPI"}])
    monkeypatch.setattr(sys, "argv", ["audit.py"])
    with pytest.raises(SystemExit) as ended:
        audit.main()
    assert ended.value.code == audit.NOT_ASKED
    assert capsys.readouterr().out == "Not audited: no database of advisories can be reached from here.\n"
