"""Readers of one file that somebody else wrote (see `mutants`): sounds, archives, presets, MIDI, tables, records."""

import io
import json
import struct
from pathlib import Path

import numpy as np
import soundfile
from mutants import Draw, Reader, Target, every, junk, spoilt_bytes, spoilt_text

from secret_sauce_hf import Note, Presets
from secret_sauce_hf.instruments import declaration_text, get_collection, read_declaration, with_seconds
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.rows import read_file, read_rows, write_rows

LIGHT = get_collection("noisemaker-light")
EXAMPLE = Path(__file__).parents[1] / "examples" / "own_instrument"
RATE = 22_050
PLAYED = (Note(48, 90, 0.1, 0.25), Note(55, 64, 0.25, 0.5))


def sound(seconds: float = 0.3) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)


def wav(samples: np.ndarray, container: str = "WAV", subtype: str | None = "PCM_16", rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


def spoilt_json_text(draw: Draw, content: bytes) -> bytes:
    """JSON, its values or its bytes damaged; what has become none stays bytes."""
    try:
        return spoilt_text(draw, content.decode())
    except (ValueError, RecursionError):
        return spoilt_bytes(draw, content)


# Sounds


def audio(folder: Path) -> Target:
    from secret_sauce_hf.data.reading import read_audio
    from secret_sauce_hf.instruments.sounds import check_sound, read_samples
    from secret_sauce_hf.listening_test.folders import read_sound as read_answer
    from secret_sauce_hf.modeling.feature_extraction_secret_sauce import read_sound

    path = folder / "sound.wav"
    kinds = (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", None), ("OGG", None), ("AIFF", None), ("AU", None))
    kinds += (("RF64", "PCM_24"), ("W64", "PCM_16"), ("CAF", "PCM_16"), ("MP3", None), ("WAVEX", "DOUBLE"))

    def read(content: bytes) -> None:
        path.write_bytes(content)
        every(
            lambda: check_sound(path),
            lambda: read_sound(path),
            lambda: read_sound(content),
            lambda: read_audio({"bytes": content}),
            lambda: read_samples({"bytes": content, "path": "a.mp3"}),
            lambda: finite(read_answer(path)),
        )

    short = [wav(sound(0.02), container, subtype) for container, subtype in kinds]
    stereo = wav(np.stack([sound(0.01), sound(0.01)], axis=1), rate=44_100)
    return Target(read, [*short, stereo, wav(sound())], spoilt_bytes, ".wav")


def finite(samples: np.ndarray) -> None:
    assert np.isfinite(samples).all(), "samples that are no numbers"


def archives(folder: Path) -> Target:
    import zipfile

    from archive_files import TINY, archive_files

    from secret_sauce_hf.original import Archive

    path = folder / "archive.zip"
    files = archive_files()
    small = {name: wav(sound(0.001)) if name.endswith(".wav") else content for name, content in files.items()}

    def packed(files: dict[str, bytes], method: int) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as file:
            for name, content in files.items():
                file.writestr(zipfile.ZipInfo(name), content, method)
        return buffer.getvalue()

    def read(content: bytes) -> None:
        path.write_bytes(content)

        archive = Archive(path, TINY)
        assert archive.state
        str(archive.check(0, min(len(archive.presets), 2)))
        archive.take(0)

    seeds = [packed(small, method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)]
    return Target(read, [*seeds, packed(files, zipfile.ZIP_LZMA)], spoilt_bytes, ".zip")


# MIDI and presets


def midi(folder: Path) -> Target:
    from secret_sauce_hf.midi import (
        preset_midi_file,
        read_clip,
        read_messages,
        read_midi_file,
        read_preset_file,
        write_midi_file,
    )

    path = folder / "preset.mid"
    contents = []
    for collection in ("noisemaker-light", "subphatty"):
        settings = next(draw_presets(collection, 1, seed=1).rows())
        write_midi_file(preset_midi_file(collection, settings), path)
        contents.append(path.read_bytes())
        write_midi_file(preset_midi_file(collection, settings, notes=PLAYED), path)
        contents.append(path.read_bytes())

    def read(content: bytes) -> None:
        path.write_bytes(content)
        every(
            lambda: str(read_messages("subphatty", read_midi_file(path))),
            lambda: read_preset_file(LIGHT, path),
            lambda: read_clip(path),
            lambda: read_clip(path, seconds=1.0),
        )

    return Target(read, contents, spoilt_bytes, ".mid")


def plugin_presets(folder: Path) -> Target:
    from secret_sauce_hf.engines.plugin.preset_bytes import owner, preset_of_bank, programs

    path = folder / "preset"
    program = struct.pack(">4si4si4sii28s2f", b"CcnK", 0, b"FxCk", 1, b"Toy!", 1, 2, b"Bass", 0.5, 0.25)
    own = struct.pack(">4si4si4sii28si", b"CcnK", 0, b"FPCh", 1, b"Toy!", 1, 2, b"Lead", 8) + bytes(8)
    bank = struct.pack(">4si4si4siii124x", b"CcnK", 0, b"FxBk", 2, b"Toy!", 1, 2, 1) + program + own
    state = struct.pack("<4si32sq", b"VST3", 1, b"0123456789ABCDEF" * 2, 56) + bytes(8)
    parts = b"List" + struct.pack("<i4sqq", 1, b"Comp", 48, 8)

    def read(content: bytes) -> None:
        path.write_bytes(content)
        content = path.read_bytes()
        owner(content)
        assert all(len(one) <= len(content) for _, one in programs(content))
        if content[8:12] == b"FxBk":
            preset_of_bank(content, "Bass", 2)

    return Target(read, [program, own, bank, state + parts], spoilt_bytes, ".fxp")


def noisemaker_presets(folder: Path) -> Target:
    return _native(folder, "noisemaker", ".noisemakerpreset")


def dx7_voices(folder: Path) -> Target:
    from secret_sauce_hf.midi.sysex import BANK_VOICES

    target = _native(folder, "dx7", ".syx")
    voice = target.seeds[0]
    packed = bytes(128 * BANK_VOICES)
    bank = b"\xf0\x43\x00\x09\x20\x00" + packed + bytes([-sum(packed) % 128]) + b"\xf7"
    return Target(target.read, [voice, bank, voice * 2], spoilt_bytes, ".syx")


def vital_presets(folder: Path) -> Target:
    target = _native(folder, "vital", ".vital")
    # Not the base64, of which there is much.
    record = json.loads(target.seeds[0])
    short = json.loads(target.seeds[0])
    short["settings"] |= {"sample": {}, "wavetables": []}
    return Target(target.read, [json.dumps(one).encode() for one in (short, record)], spoilt_json_text, ".vital")


def _native(folder: Path, name: str, ending: str) -> Target:
    from secret_sauce_hf.midi import native_preset, read_preset_file
    from secret_sauce_hf.midi.preset_files import collection_of_file

    collection, path = get_collection(name), folder / f"preset{ending}"
    settings = next(draw_presets(collection, 1, seed=1).rows())

    def read(content: bytes) -> None:
        path.write_bytes(content)
        every(
            lambda: read_file(collection, path),
            lambda: read_preset_file(collection, path),
            lambda: collection_of_file(path),
        )

    return Target(read, [native_preset(collection, settings, "bass")], spoilt_bytes, ending)


def preset_records(folder: Path) -> Target:
    from secret_sauce_hf.midi import read_preset_file
    from secret_sauce_hf.midi.preset_files import collection_of_file

    path = folder / "preset.json"
    row = {name: value for name, value in next(draw_presets(LIGHT, 1, seed=1).rows()).items() if name != "file"}
    match = {"collection": LIGHT.name, "preset": row, "fixed": dict(LIGHT.fixed), "distance": 1.5}

    def read(content: bytes) -> None:
        path.write_bytes(content)
        every(
            lambda: read_preset_file(LIGHT, path),
            lambda: read_file("noisemaker", path, seconds=1.0),
            lambda: collection_of_file(path),
        )

    return Target(read, [json.dumps(one).encode() for one in (row, match)], spoilt_json_text, ".json")


# Rows and declarations


def tables(folder: Path) -> Target:
    path = folder / "rows.csv"
    text, noted = io.StringIO(), io.StringIO()
    draw_presets(LIGHT, 6, seed=1).to_csv(text)
    draw_presets(LIGHT, 6, seed=1).playing(PLAYED[:1]).to_csv(noted)
    # As spreadsheets write them: semicolons, decimal commas, a byte order mark, UTF-16, quotes.
    comma = text.getvalue().replace(",", ";").replace(".", ",")
    quoted = "\r\n".join(
        ",".join('"' + cell.strip('"') + '"' for cell in line.split(",")) for line in text.getvalue().splitlines()
    )
    spreadsheets = [("sep=;\n" + comma).encode(), b"\xef\xbb\xbf" + comma.encode(), quoted.encode()]
    spreadsheets.append(text.getvalue().replace(",", "\t").encode("utf-16"))

    def spoil(draw: Draw, content: bytes) -> bytes:
        lines = [line.split(",") for line in content.decode(errors="replace").splitlines()]
        for _ in range(draw.choice((0, 1, 2, 5)) if lines else 0):
            line = draw.choice(lines)
            at = draw.randrange(len(line)) if line else 0
            line[at : at + draw.randrange(2)] = [str(junk(draw))] * draw.randrange(3)
        spoilt = "\n".join(map(",".join, lines)).encode(errors="replace")
        return spoilt_bytes(draw, content if draw.random() < 0.3 else spoilt) if draw.random() < 0.6 else spoilt

    def read(content: bytes) -> None:
        path.write_bytes(content)
        every(lambda: Presets.from_csv(LIGHT, path), lambda: read_file(LIGHT, path, seconds=1.0, replaced=True))

    return Target(read, [text.getvalue().encode(), noted.getvalue().encode(), *spreadsheets], spoil, ".csv")


def json_lines(folder: Path) -> Target:
    path = folder / "rows.jsonl"
    text = io.StringIO()
    longer = draw_presets(with_seconds(LIGHT, 2), 2, 2).playing(PLAYED)
    write_rows(
        [draw_presets(LIGHT, 2, 1), Presets(longer.collection, longer.unit, ("a.wav", "b.wav"), longer.performances)],
        text,
    )

    def read(content: bytes) -> None:
        path.write_bytes(content)
        every(lambda: read_rows(LIGHT, path), lambda: read_file(LIGHT, path, seconds=1.0, replaced=True))

    return Target(read, [text.getvalue().encode()], spoilt_lines, ".jsonl")


def spoilt_lines(draw: Draw, content: bytes) -> bytes:
    """JSON Lines, some lines damaged."""
    lines = content.splitlines()
    for at in draw.sample(range(len(lines)), min(draw.choice((1, 1, 3)), len(lines))):
        lines[at] = spoilt_json_text(draw, lines[at])
    content = b"\n".join(lines)
    return spoilt_bytes(draw, content) if draw.random() < 0.3 else content


def declarations(folder: Path) -> Target:
    path = folder / "own.json"
    texts = [(EXAMPLE / "bass_box.json").read_text()]
    texts += [declaration_text(get_collection(name)) for name in ("noisemaker-light", "guitar-tiny")]

    def read(content: bytes) -> None:
        path.write_bytes(content)
        draw_presets(read_declaration(path), 3, seed=1).heard()

    return Target(read, [text.encode() for text in texts], spoilt_json_text, ".json")


# Answers


def predictions(folder: Path) -> Target:
    from secret_sauce_hf.evaluation import read_predictions

    path = folder / "theirs.jsonl"
    files = [f"s{row}.wav" for row in range(3)]
    one, two, three = (dict(row) for row in draw_presets(LIGHT, 3, seed=1).rows())
    for row in (one, two, three):
        row.pop("file", None)
    lines = [
        {"row": 0, "preset": one, "seconds": 1.5},
        {"file": "s1.wav", "candidates": [two, one]},
        {"row": 2, "preset": three},
    ]

    def read(content: bytes) -> None:
        path.write_bytes(content)
        found = read_predictions(path, LIGHT, files, 2)
        assert all(np.isfinite(units).all() for units in found.units)

    return Target(read, ["\n".join(map(json.dumps, lines)).encode()], spoilt_lines, ".jsonl")


def listening_tests(folder: Path) -> Target:
    """What participants send back, and the key of a test."""
    from participants import REFERENCES, SYSTEMS, keys_of, result

    from secret_sauce_hf.listening_test import make_listening_test
    from secret_sauce_hf.listening_test.form import read_key
    from secret_sauce_hf.listening_test.returned import read_results

    path, place = folder / "result.json", folder / "test"
    place.mkdir()
    tests = {
        method: make_listening_test(REFERENCES, SYSTEMS, folder / method, method=method, trials=2, progress=False)
        for method in ("mushra", "2afc")
    }
    keys = [keys_of(made) for made in tests.values()]
    seeds = [
        result(made, "p1", lambda condition, place: 100 if condition == "reference" else len(condition) + place)
        for made in tests.values()
    ]

    def read(content: bytes) -> None:
        path.write_bytes(content)
        (place / "key.json").write_bytes(content)
        for key in keys:
            _, refused = read_results([path], key)
            assert all("\n" not in one.reason and len(one.reason) < 1_000 for one in refused)
        read_key(place)

    return Target(read, [json.dumps(one).encode() for one in (*seeds, *keys)], spoilt_json_text, ".json")


def matches(folder: Path) -> Target:
    """The records that `match --out` writes, and that of an exported benchmark."""
    from secret_sauce_hf.evaluation.exported import read_export
    from secret_sauce_hf.listening_test.answers import common_names, compare
    from secret_sauce_hf.listening_test.folders import read_match_folder, read_references

    place = folder / "match"
    place.mkdir()
    (place / "a.wav").write_bytes(wav(sound(1.0)))
    references = read_references([place / "a.wav"])
    record = {"sound": "a.wav", "region": [0.0, 0.8], "preset": {"filter_cutoff": 1.5}, "notes": None}
    export = {"schema": 1, "collection": LIGHT.name, "rows": 2, "hidden": True, "data": {"source": "a", "split": None}}
    export |= {"floor": {"noise_seed": 1, "median": 0.5}, "nothing_heard": 0, "command": "a", "versions": {}}

    def read(content: bytes) -> None:
        (place / "a.json").write_bytes(content)
        (place / "export.json").write_bytes(content)

        def answer() -> None:
            system = read_match_folder("own", place)
            for name in common_names(references, [system]):
                compare(name, references, [system])

        every(answer, lambda: read_export(place))

    return Target(read, [json.dumps(one).encode() for one in (record, export)], spoilt_json_text, ".json")


READERS: dict[str, Reader] = {
    "audio": audio,
    "archives": archives,
    "midi": midi,
    "plugin-presets": plugin_presets,
    "noisemaker-presets": noisemaker_presets,
    "dx7-voices": dx7_voices,
    "vital-presets": vital_presets,
    "preset-records": preset_records,
    "tables": tables,
    "json-lines": json_lines,
    "declarations": declarations,
    "predictions": predictions,
    "listening-tests": listening_tests,
    "matches": matches,
}
