"""What is no plug-in, or none for this machine, is told before any of it is run."""

import struct
import sys
from pathlib import Path

import pytest

from secret_sauce_hf.engines.plugin import files
from secret_sauce_hf.engines.plugin.files import find_plugin
from secret_sauce_hf.engines.plugin.process import hosts_for
from secret_sauce_hf.instruments import InputError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what programs look like differs by system")
X86_64, AARCH64 = 62, 183


@pytest.fixture(autouse=True)
def _an_ordinary_machine(monkeypatch):
    monkeypatch.setattr(files, "_machine", lambda: "x86_64")


def program(machine: int = X86_64, entry: bytes = b"VSTPluginMain", bits: int = 2) -> bytes:
    """As much of a shared library as is looked at."""
    head = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + struct.pack("<HH", 3, machine)
    return head + bytes(100) + entry + bytes(100)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        find_plugin(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_a_plugin(tmp_path):
    path = tmp_path / "synth.so"
    path.write_bytes(program())
    found = find_plugin(path)
    assert (found.path, found.format, len(found.digest)) == (path, "VST2", 64)
    other = tmp_path / "other.so"
    other.write_bytes(program() + b"1")
    assert find_plugin(other).digest != found.digest


def test_a_bundle(tmp_path):
    path = tmp_path / "Synth.vst3"
    inside = path / "Contents" / "x86_64-linux"
    inside.mkdir(parents=True)
    assert "no program in Contents/x86_64-linux" in refused(path)
    (inside / "Synth.so").write_bytes(program(entry=b"GetPluginFactory"))
    found = find_plugin(path)
    assert found.format == "VST3"
    (path / "Contents" / "Resources").mkdir()
    (path / "Contents" / "Resources" / "factory.bank").write_bytes(b"1234")
    assert find_plugin(path).digest != found.digest


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("synth.so", b"not a program at all", "is no program, whatever its name says"),
        ("synth.so", b"", "is no program"),
        ("synth.so", b"\x7fELF", "breaks off after 4 bytes"),
        ("synth.so", b"MZ" + bytes(100), "a program of Windows"),
        ("synth.so", program(AARCH64), "was built for aarch64, and this is x86_64"),
        ("synth.so", program(3, bits=1), "was built for 32-bit i386"),
        ("synth.so", program(4711), "was built for machine 4711"),
        ("synth.so", program(entry=b"sqrt"), "is a shared library, but no VST2 plug-in"),
        ("synth.vst3", program(), "but no VST3 plug-in: it has no GetPluginFactory"),
        ("synth.wav", program(), "is no file of a plug-in"),
    ],
)
def test_files_that_are_none(tmp_path, name, content, told):
    path = tmp_path / name
    path.write_bytes(content)
    assert told in refused(path)


def test_folders_that_are_none(tmp_path):
    assert "there is no such file" in refused(tmp_path / "synth.so")
    plain, empty = tmp_path / "synth", tmp_path / "Synth.vst3"
    plain.mkdir()
    empty.mkdir()
    assert "no bundle of a plug-in: those end in .component, .lv2, .vst, .vst3" in refused(plain)
    assert "no VST3 bundle: it has no folder Contents" in refused(empty)
    (empty / "Contents" / "aarch64-linux").mkdir(parents=True)
    assert "nothing for this machine (x86_64-linux); it has aarch64-linux" in refused(empty)
    sampler = tmp_path / "Sampler.lv2"
    sampler.mkdir()
    assert "it has no manifest.ttl" in refused(sampler)


def test_hosts(tmp_path, monkeypatch):
    path = tmp_path / "synth.so"
    path.write_bytes(program())
    plugin = find_plugin(path)
    with pytest.raises(InputError, match=r"'ardour' is no host of plug-ins; there is dawdreamer and pedalboard\."):
        hosts_for(plugin, "ardour")
    with pytest.raises(InputError, match="pedalboard loads no VST2"):
        hosts_for(plugin, "pedalboard")
    monkeypatch.setattr("secret_sauce_hf.engines.plugin.process.find_spec", lambda _: None)
    with pytest.raises(
        InputError, match=r"need dawdreamer, which is not installed: pip install 'secret_sauce_hf\[hosts"
    ):
        hosts_for(plugin)
