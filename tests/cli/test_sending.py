"""`secret-sauce send` and `ports`, to a real port of a JACK server."""

import contextlib
import time

import mido
import pytest
from jack_machines import have, jack_server

from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.midi import (
    native_preset,
    not_to_send,
    port_names,
    preset_midi_file,
    read_preset,
    send,
    write_midi_file,
)
from secret_sauce_hf.midi.sysex import bank_message, presets_to_voices, write_syx
from secret_sauce_hf.presets import draw_presets

pytest.importorskip("rtmidi")
pytestmark = pytest.mark.skipif(not have("jackd", "jack"), reason="needs a JACK server and its client")
DX7 = draw_presets("dx7", 3, seed=5)
PLAIN = next(draw_presets("noisemaker", 1, seed=5).rows())


@pytest.fixture(scope="module")
def jack():
    """A server of our own, without a sound card, that clients of this process and its children find."""
    with jack_server() as name:
        yield name


@pytest.fixture(scope="module")
def synth(jack):
    """A port that keeps what is sent to it."""
    assert jack
    backend = mido.Backend("mido.backends.rtmidi/UNIX_JACK")
    until = time.monotonic() + 10
    while True:
        try:
            port = backend.open_input("synth in", virtual=True)
            break
        except OSError:
            # The server is not up yet.
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
    with port, contextlib.suppress(OSError):
        yield port


@pytest.fixture
def received(synth):
    # What another test has sent may still be on its way.
    while list(synth.iter_pending()):
        time.sleep(0.3)

    def wait(count):
        found, until = [], time.monotonic() + 20
        while len(found) < count and time.monotonic() < until:
            found += synth.iter_pending()
            time.sleep(0.01)
        return found

    return wait


@pytest.fixture
def ask(run):
    """Runs a command that has to do what it says: its output and what it tells beside."""

    def ask(*arguments):
        code, out, err = run(*arguments)
        assert code == 0, err
        return out, err

    return ask


@pytest.fixture
def refused(run):
    """Runs a command that has to fail, in one line."""

    def refused(*arguments):
        code, out, err = run(*arguments)
        assert code == 2 and out == "" and err.count("\n") == 1
        return err

    return refused


def written(folder, name, content):
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.usefixtures("synth")
def test_ports_are_listed(ask, refused):
    assert "synth in" in ask("ports")[0] and "synth in" in ask("ports", "--api", "jack")[0]
    assert port_names() == port_names("jack")
    assert "give one of alsa, jack, core, windows" in refused("ports", "--api", "telepathy")


def test_controllers_arrive_with_what_is_fixed(ask, tmp_path, received):
    write_midi_file(preset_midi_file("noisemaker", PLAIN), tmp_path / "a.mid")
    ask("send", tmp_path / "a.mid", "-c", "noisemaker", "--port", "synth", "--channel", 3, "--send-unheard")
    messages = received(16)
    assert {message.channel for message in messages} == {2}
    assert read_preset("noisemaker", messages) == PLAIN


def test_what_is_not_heard_is_told(ask, tmp_path, received):
    row = PLAIN | {"osc1_volume": 0.0}
    path = written(tmp_path, "a.noisemakerpreset", native_preset("noisemaker", row))
    # There is one port, and the file tells whose preset it is.
    _, told = ask("send", path, "--gap", 1)
    assert "Not sent, as it is not heard: " in told and "osc1_wave" in told
    left = not_to_send("noisemaker", row)
    sent = {p.control[0] for p in get_collection("noisemaker").parameters if p.name not in left}
    assert {message.control for message in received(len(sent))} == sent and 5 < len(sent) < 16


def test_a_voice_arrives_whole_and_is_played(ask, refused, tmp_path, received):
    first, second = (next(DX7[at : at + 1].rows()) for at in (0, 1))
    ask("send", written(tmp_path, "a.syx", native_preset("dx7", first)), "--note", "C3")
    messages = received(3)
    assert read_preset("dx7", messages) == first
    assert [message.type for message in messages] == ["sysex", "note_on", "note_off"]
    bank = written(tmp_path, "b.syx", write_syx([bank_message(presets_to_voices(DX7, ["A", "B", "C"]))]))
    ask("send", bank, "--voice", 2)
    assert read_preset("dx7", received(1)) == second
    assert "holds 32 presets, and one is wanted here" in refused("send", bank)
    assert "There is no preset 33" in refused("send", bank, "--voice", 33)


@pytest.mark.usefixtures("synth")
def test_what_goes_wrong(refused, tmp_path):
    path = written(tmp_path, "a.syx", native_preset("dx7", next(DX7.rows())))
    assert "No MIDI port 'theremin'; there is" in refused("send", path, "--port", "theremin")
    assert "There is no MIDI channel 17" in refused("send", path, "--channel", 17)
    assert "give seconds from 0 to 1" in refused("send", path, "--gap", 5_000)
    assert "only those of" in refused("send", path, "-c", "guitar")
    assert "none.syx" in refused("send", tmp_path / "none.syx")
    untold = written(tmp_path, "a.json", b'{"cutoff": 3}')
    assert "does not tell whose preset it is" in refused("send", untold)
    assert "H9" in refused("send", path, "--note", "H9")


def test_a_port_that_is_gone():
    class Gone(mido.ports.BaseOutput):
        def _send(self, _):
            raise OSError("unplugged")

    with pytest.raises(InputError, match="gone after 0 messages: unplugged"):
        send([mido.Message("note_on")], Gone("a synth"))
