"""Tables of presets: the rows of 2018, fresh rows, what is heard, bad tables."""

import csv
import hashlib
import io
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import ORIGINAL

from secret_sauce_hf import tables
from secret_sauce_hf.instruments import COLLECTIONS, InputError, Knob, get_collection
from secret_sauce_hf.instruments.instrument import Playing, Timing
from secret_sauce_hf.instruments.notes import Note, Performances, constant_note
from secret_sauce_hf.original.table import original_presets
from secret_sauce_hf.presets import FILE_COLUMN, Presets, draw_presets, never_heard, read_table

every_collection = pytest.mark.parametrize("name", COLLECTIONS)
every_original = pytest.mark.parametrize("name", ORIGINAL)

# SHA-256 of the tables that were published in 2018.
TABLES = {
    "guitar-tiny": "89663e3046e62f68cebdad8ef5691a91925a129c57cd4f96240ee151688317b5",
    "guitar": "1f25f6964ab14c4db7752bfdbf22f658b5fc49abeff85cf71f65561caf965148",
    "noisemaker-light": "e48f09b4f977524bba327108b93f01c6abdf8440ac758deb60526e8f3d3a2389",
    "noisemaker": "1060e15e72893a7f3bd6b790e43a77018b08ace9b58217f6b4f623837fdf10f0",
    "subphatty": "f51e8b53c44fef733818927c599603f857454908e71741651f153772747c919c",
}
LIGHT_ROW = {"lfo1_rate": 5.0, "filter_cutoff": 5, "lfo1_amount": 0.0, "osc2_wave": "Sine", "filter_resonance": 10.0}
LIGHT_HEADER = "lfo1_rate,filter_cutoff,lfo1_amount,osc2_wave,filter_resonance,file\n"


def csv_of(presets: Presets) -> str:
    table = io.StringIO()
    presets.to_csv(table)
    return table.getvalue()


def light(**changes) -> Presets:
    """One row of noisemaker-light."""
    return Presets.from_settings("noisemaker-light", [LIGHT_ROW | changes])


# --- the rows of 2018 ---


@every_original
def test_the_table_of_2018_to_the_letter(name):
    assert hashlib.sha256(csv_of(original_presets(name)).encode()).hexdigest() == TABLES[name]


@every_original
def test_the_published_table(name, shared):
    collection = COLLECTIONS[name]
    path = shared / "original" / f"{collection.stem}.csv"
    ours = original_presets(name)
    with path.open(newline="") as file:
        theirs = list(csv.DictReader(file))
    assert len(ours) == len(theirs) == collection.count
    for parameter, column in zip(ours.parameters, ours.settings.values(), strict=True):
        cells = [row[parameter.name] for row in theirs]
        if isinstance(parameter, Knob):
            np.testing.assert_allclose(column, np.array(cells, dtype=float), rtol=0, atol=1e-9)
        else:
            assert column.tolist() == cells
    if collection.has_file_column:
        assert ours.files == [row[FILE_COLUMN] for row in theirs]
    read = Presets.from_csv(name, path)
    np.testing.assert_array_equal(read.cc, ours.cc)
    assert csv_of(read) == path.read_text()


@every_original
def test_a_part_of_the_rows_of_2018(name):
    every = original_presets(name)
    part = original_presets(name, 5, 17)
    assert part == every[5:17]
    assert part.files[0] == "s5.wav"
    assert len(original_presets(name, 3, 3)) == 0
    with pytest.raises(InputError, match=f"{name} has rows 0 to {len(every) - 1} of 2018, not 5 to {len(every)}"):
        original_presets(name, 5, len(every) + 1)
    with pytest.raises(InputError):
        original_presets(name, -1)
    with pytest.raises(InputError):
        original_presets(name, 7, 6)


# --- fresh rows ---


@settings(max_examples=60)
@given(
    name=st.sampled_from(list(COLLECTIONS)),
    seed=st.integers(0, 2**64),
    start=st.integers(0, 2**40),
    skipped=st.integers(0, 50),
    count=st.integers(0, 20),
)
def test_a_row_depends_on_its_seed_and_number_only(name, seed, start, skipped, count):
    rows = draw_presets(name, skipped + count, seed, start)
    assert draw_presets(name, count, seed, start + skipped) == rows[skipped:]
    assert rows.files == [f"s{row}.wav" for row in range(start, start + skipped + count)]


def test_rows_stay_the_same_from_version_to_version():
    rows = draw_presets("guitar", 100, seed=7, start=1_000)
    digest = hashlib.sha256(rows.cc.astype("<i8").tobytes()).hexdigest()
    assert digest == "7d140f9e7ea827fe5e8c7d1a39be458f1e18962d37290b2d84fe7b6d1d8c73c0"


def test_other_seeds_and_rows_differ():
    assert not np.array_equal(draw_presets("subphatty", 5, 1).cc, draw_presets("subphatty", 5, 2).cc)
    assert len(np.unique(draw_presets("subphatty", 1_000, 1).cc, axis=0)) == 1_000


@every_collection
def test_values_are_uniform_over_what_is_legal(name):
    rows = draw_presets(name, 20_000, seed=3)
    for parameter, column in zip(rows.parameters, rows.cc.T, strict=True):
        if isinstance(parameter, Knob):
            low, high = parameter.limits
            assert low <= column.min() and column.max() <= high
            bins = min(16, high + 1 - low)
            counts, _ = np.histogram(column, bins=bins, range=(low, high + 1))
            # Bins need not hold the same number of integers.
            edges = np.ceil(np.linspace(low, high + 1, bins + 1))
            expected = np.diff(edges) / (high + 1 - low) * len(rows)
        else:
            counts = np.array([(column == code).sum() for code in parameter.codes])
            assert counts.sum() == len(rows)
            expected = np.full(len(counts), len(rows) / len(counts))
        # Six standard deviations.
        assert (np.abs(counts - expected) < 6 * np.sqrt(expected)).all(), parameter.name


@pytest.mark.parametrize("wrong", [{"count": -1}, {"seed": -1}, {"start": -1}])
def test_negative_numbers_are_refused(wrong):
    with pytest.raises(InputError, match="must be an integer from 0"):
        draw_presets("guitar", **({"count": 1, "seed": 0} | wrong))


# --- conversion ---


@every_collection
def test_every_legal_cc_survives_a_table_and_float32(name):
    """Each column runs through all its legal CC values."""
    legal = [
        np.arange(p.limits[0], p.limits[1] + 1) if isinstance(p, Knob) else np.array(p.codes)
        for p in COLLECTIONS[name].parameters
    ]
    rows = max(map(len, legal))
    cc = np.stack([np.resize(values, rows) for values in legal], axis=1)
    presets = Presets.from_cc(name, cc)
    np.testing.assert_array_equal(presets.cc, cc)
    np.testing.assert_array_equal(Presets.from_csv(name, io.StringIO(csv_of(presets))).cc, cc)
    as_stored = [
        {key: float(np.float32(value)) if isinstance(value, float) else value for key, value in row.items()}
        for row in presets.rows()
    ]
    np.testing.assert_array_equal(Presets.from_settings(name, as_stored).cc, cc)


@every_collection
def test_rows_and_settings_say_the_same(name):
    presets = original_presets(name, 0, 20)
    again = Presets.from_settings(
        name, [row | {FILE_COLUMN: file} for row, file in zip(presets.rows(), presets.files, strict=True)]
    )
    assert again.files == presets.files
    np.testing.assert_allclose(again.unit, presets.unit, rtol=0, atol=1e-15)
    assert {type(value) for row in presets.rows() for value in row.values()} <= {float, str}


@every_collection
def test_complete_has_every_parameter_of_the_instrument(name):
    presets = original_presets(name, 0, 3)
    complete = presets.complete()
    instrument = presets.collection.instrument
    assert set(complete) == {parameter.name for parameter in instrument.parameters}
    assert presets.complete_unit().shape == (3, len(instrument.parameters))
    for key, setting in presets.collection.fixed:
        assert (complete[key] == setting).all()


def test_what_is_fixed_may_be_no_parameter_and_must_not_lack():
    collection = get_collection("noisemaker-light")
    more = replace(collection, name="mine", fixed=(*collection.fixed, ("mode", "low")))
    expected = draw_presets(collection, 2, 1).complete_unit()
    np.testing.assert_array_equal(draw_presets(more, 2, 1).complete_unit(), expected)
    with pytest.raises(KeyError, match=collection.fixed[0][0]):
        draw_presets(replace(collection, name="less", fixed=collection.fixed[1:]), 2, 1).complete_unit()


def test_selecting_rows():
    presets = original_presets("noisemaker-light", 0, 10)
    assert presets[2:4].files == ["s2.wav", "s3.wav"]
    assert presets[[7, 7, 0]].files == ["s7.wav", "s7.wav", "s0.wav"]
    assert presets[np.arange(10) % 2 == 1] == presets[1::2]
    with pytest.raises(InputError, match="slice or a list"):
        presets[3]


@pytest.mark.parametrize(
    "number", [5, 5.0, "5", "5.", "+5.0", "50e-1", np.float32(5), np.int16(5), Fraction(5), np.str_("5.0")]
)
def test_numbers_in_any_dress(number):
    assert light(lfo1_rate=number).settings["lfo1_rate"] == [5.0]


# --- what is heard ---


def heard(collection: str, **changes) -> set[str]:
    """The parameters that are heard in row 0 of 2018 with `changes`."""
    row = next(original_presets(collection, 0, 1).rows()) | changes
    presets = Presets.from_settings(collection, [row])
    return {name for name, flag in zip(presets.collection.columns, presets.heard()[0], strict=True) if flag}


def test_heard_on_the_noisemaker():
    loud = {"osc1_volume": 10.0, "osc2_volume": 10.0, "lfo1_amount": 10.0, "amp_attack": 0.0}
    assert "osc1_pulse_width" in heard("noisemaker", **loud, osc1_wave="Pulse")
    assert "osc1_pulse_width" not in heard("noisemaker", **loud, osc1_wave="Saw")
    assert "osc1_pulse_width" not in heard("noisemaker", **loud | {"osc1_volume": 0.0}, osc1_wave="Pulse")
    assert {"lfo1_rate", "lfo1_amount"} <= heard("noisemaker", **loud, lfo1_destination="FILTER")
    for destination in ("NOTHING", "LFO2RATE"):
        assert not {"lfo1_rate", "lfo1_amount"} & heard("noisemaker", **loud, lfo1_destination=destination)
    pitch = {"lfo1_destination": "OSC2PITCH"}
    assert "lfo1_rate" in heard("noisemaker", **loud, **pitch, osc2_wave="Sine")
    assert "lfo1_rate" not in heard("noisemaker", **loud, **pitch, osc2_wave="Noise")
    assert "lfo1_rate" not in heard("noisemaker", **loud | {"lfo1_amount": 5.0}, **pitch, osc2_wave="Sine")
    assert not {"filter_attack", "filter_decay", "filter_sustain"} & heard("noisemaker", **loud)
    assert "osc2_wave" not in heard("noisemaker", **loud | {"osc2_volume": 0.0})
    # A slow attack is still rising at the end of the take.
    assert not {"amp_decay", "amp_sustain"} & heard("noisemaker", **loud | {"amp_attack": 9.0})


def test_heard_on_noisemaker_light():
    # Its LFO always moves the filter; osc 2 sounds at full level by the base preset.
    assert {"lfo1_rate", "lfo1_amount", "osc2_wave"} <= heard("noisemaker-light", lfo1_amount=10.0)
    assert "lfo1_rate" not in heard("noisemaker-light", lfo1_amount=5.0)


def test_heard_on_the_guitar():
    effects = ["filter", "disto", "flanger", "delay", "reverb"]
    off = {f"{effect}_on_off": "off" for effect in effects}
    switches = set(off)
    assert heard("guitar", **off) == switches
    for effect in effects:
        names = {name for name in COLLECTIONS["guitar"].columns if name.startswith(effect)}
        assert heard("guitar", **off | {f"{effect}_on_off": "on"}) == switches | names
    assert heard("guitar-tiny") == switches


def test_heard_on_the_subphatty():
    never = {"env_filter_release", "env_amplifier_release", "filter_kb_tracking_amount"}
    assert not never & {name for row in range(20) for name in heard("subphatty", filter_cutoff=row / 2)}
    still = {"mod_pitch_amount": 0.0, "mod_filter_amount": 0.0, "mod_wave_amount": 0.0}
    assert not {"mod_source", "mod_lfo_rate"} & heard("subphatty", **still)
    moved = still | {"mod_filter_amount": 10.0}
    assert {"mod_source", "mod_lfo_rate"} <= heard("subphatty", **moved, mod_source="Triangle")
    # The filter envelope as modulator leaves the LFO unused.
    assert "mod_lfo_rate" not in heard("subphatty", **moved, mod_source="FilterEnv")
    assert not {"osc2_wave", "osc2_frequency", "osc2_octave"} & heard("subphatty", mixer_osc2=0.0)


def playing(name: str, *notes: Note, **changes) -> set[str]:
    """What is heard in row 0 of 2018 with `changes`, in a take of 2.5 s that plays something else."""
    collection = replace(
        COLLECTIONS[name], timing=Timing(0.1, 2.5, (0.0, 2.5), slot=3.0), plays=Playing("notes", 0, 127)
    )
    row = next(original_presets(name, 0, 1).rows()) | changes
    presets = Presets.from_settings(collection, [row]).playing(Performances.from_notes([notes]))
    return {name for name, flag in zip(collection.columns, presets.heard()[0], strict=True) if flag}


def test_heard_on_the_subphatty_where_notes_end_and_away_from_note_60():
    releases = {"env_filter_release", "env_amplifier_release"}
    settings = {"env_amplifier_release": 5.0, "filter_eg_amount": 8.0}
    assert releases <= playing("subphatty", Note(60, 100, 0.1, 1.0), **settings)
    assert not releases & playing("subphatty", Note(60, 100, 0.1, 2.4), **settings)
    # One key goes up while the other is down: nothing is released.
    assert not releases & playing("subphatty", Note(60, 100, 0.1, 1.0), Note(60, 100, 0.9, 2.0), **settings)
    assert releases <= playing("subphatty", Note(60, 100, 0.1, 0.5), Note(60, 100, 0.9, 2.0), **settings)
    # The filter's release goes on in silence where the amplifier's is short.
    assert "env_filter_release" not in playing(
        "subphatty", Note(60, 100, 0.1, 1.0), **settings | {"env_amplifier_release": 0.0}
    )
    for pitch in (24, 59, 61, 96):
        assert "filter_kb_tracking_amount" in playing("subphatty", Note(pitch, 100, 0.1, 1.0))
    assert "filter_kb_tracking_amount" not in playing("subphatty", Note(60, 100, 0.1, 1.0))


@pytest.mark.parametrize(
    "name, attack, sustain",
    [("subphatty", "env_amplifier_attack", "env_amplifier_sustain"), ("noisemaker", "amp_attack", "amp_sustain")],
)
def test_a_sustain_is_heard_where_the_attack_ends_before_the_note(name, attack, sustain):
    decay = attack.replace("attack", "decay")
    last = 0.0
    for seconds in (0.1, 0.3, 0.9, 2.0):
        note = Note(60, 100, 0.1, seconds)
        ends = [step / 10 for step in range(101) if sustain in playing(name, note, **{attack: step / 10, decay: 2.0})]
        assert ends == [step / 10 for step in range(len(ends))]
        # Of a melody the longest note counts.
        melody = [Note(64, 100, 2.2, 0.05), note]
        assert sustain in playing(name, *melody, **{attack: ends[-1], decay: 2.0})
        assert last < ends[-1] < 10
        last = ends[-1]


def test_what_every_row_plays_decides_what_is_never_heard():
    releases = {"env_filter_release", "env_amplifier_release", "filter_kb_tracking_amount"}
    original = COLLECTIONS["subphatty"]
    assert never_heard(original, {}) == releases
    assert never_heard(replace(original, plays=Playing("notes", 24, 96)), {}) == set()
    shorter = replace(original, timing=replace(original.timing, note_off=0.5))
    assert never_heard(shorter, {}) == {"filter_kb_tracking_amount"}
    known = {"env_amplifier_release": 1.0, "env_amplifier_attack": 9.5}
    assert never_heard(shorter, known) == {
        "env_filter_release", "filter_kb_tracking_amount", "env_amplifier_decay", "env_amplifier_sustain"
    }  # fmt: skip


def test_a_table_of_2018_is_heard_as_the_note_of_2018_is():
    presets = draw_presets("subphatty", 50, seed=8)
    note = Performances.constant([constant_note(presets.collection.timing)], 50)
    assert np.array_equal(presets.playing(note).heard(), presets.heard())


# --- bad input ---


@pytest.mark.parametrize(
    "value",
    [10.001, -0.001, float("nan"), float("inf"), -float("inf"), 10**400, True, False, np.True_, None.__class__, [5.0],
     Decimal(5), 5j, "", " ", " 5", "5 ", "5,0", "1_0", "0x5", "nan", "inf", "٥", "five", "1e999", "--1", b"5"],
    ids=repr,
)  # fmt: skip
def test_a_knob_refuses(value):
    with pytest.raises(InputError, match=r"row 0, column lfo1_rate: .* must be a number from 0 to 10"):
        light(lfo1_rate=value)


@pytest.mark.parametrize("value", ["sine", "SINE", "Sine ", " Sine", "", "Square", 3, 3.0, True, ["Sine"], b"Sine"])
def test_a_switch_refuses(value):
    with pytest.raises(InputError) as error:
        light(osc2_wave=value)
    assert str(error.value) == f"row 0, column osc2_wave: {value!r} must be one of Saw, Pulse, Triangle, Sine, Noise."


def test_limits_of_a_knob_that_moves_over_a_part():
    row = next(original_presets("guitar").rows())
    for setting in (3.30, 6.62):
        with pytest.raises(InputError, match=r"filter_frequency: .* must be a number from 3\.307\d+ to 6\.614\d+"):
            Presets.from_settings("guitar", [row | {"filter_frequency": setting}])


def test_the_first_mistake_is_reported():
    rows = [dict(LIGHT_ROW) for _ in range(6)]
    rows[4]["lfo1_rate"] = 11.0
    rows[3]["filter_resonance"] = "x"
    rows[3]["filter_cutoff"] = -1
    del rows[5]["osc2_wave"]
    with pytest.raises(InputError, match="row 3, column filter_cutoff: -1 must be"):
        Presets.from_settings("noisemaker-light", rows)
    del rows[2]["lfo1_rate"], rows[2]["osc2_wave"]
    with pytest.raises(InputError, match=r"row 2: no value for lfo1_rate, osc2_wave\."):
        Presets.from_settings("noisemaker-light", rows)
    rows[1]["glide"] = 5.0
    with pytest.raises(InputError, match="row 1: unknown column 'glide'; noisemaker-light has lfo1_rate, "):
        Presets.from_settings("noisemaker-light", rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([LIGHT_ROW | {"lfo1_rate": None}], "row 0: no value for lfo1_rate"),
        (LIGHT_ROW, "row 0: not a mapping from names to settings but 'lfo1_rate'"),
        ([[5, 5, 0, "Sine", 10]], "row 0: not a mapping"),
        ([LIGHT_ROW | {FILE_COLUMN: "../s0.wav"}], "row 0, column file: '../s0.wav' must be a plain file name"),
        ([LIGHT_ROW | {FILE_COLUMN: "a\\b.wav"}], "must be a plain file name"),
        ([LIGHT_ROW | {FILE_COLUMN: "c:x.wav"}], "must be a plain file name"),
        ([LIGHT_ROW | {FILE_COLUMN: ".."}], "must be a plain file name"),
        ([LIGHT_ROW | {FILE_COLUMN: 'a"b.wav'}], "must be a plain file name"),
        ([LIGHT_ROW | {FILE_COLUMN: "a\nb.wav"}], "must be a plain file name"),
        ([LIGHT_ROW | {FILE_COLUMN: "x" * 256}], "must be a plain file name"),
        ([LIGHT_ROW | {FILE_COLUMN: 7}], "must be a plain file name"),
        ([LIGHT_ROW | {FILE_COLUMN: "a.wav"}] * 2, "row 1, column file: row 0 has 'a.wav' already"),
    ],
)
def test_bad_rows(rows, message):
    with pytest.raises(InputError) as error:
        Presets.from_settings("noisemaker-light", rows)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "The table is empty"),
        ("lfo1_rate,lfo1_rate\n", "The header names 'lfo1_rate' more than once"),
        ("lfo1_rate,file\n", "The header lacks filter_cutoff, lfo1_amount, osc2_wave, filter_resonance."),
        (LIGHT_HEADER.replace(",file", ",glide"), "The header: unknown column 'glide'; noisemaker-light has"),
        (LIGHT_HEADER.replace("osc2_wave", "osc2 wave"), "The header: unknown column 'osc2 wave'"),
        (LIGHT_HEADER + '1,2,3,"Sine"\n', "row 0 (line 2): no value for filter_resonance."),
        (LIGHT_HEADER + '1,2,3,"Sine",4,"s0.wav",5\n', "line 2: more cells than the header has names"),
        (LIGHT_HEADER + '1,2,3,"Sine",,"s0.wav"\n', "row 0 (line 2), column filter_resonance: '' must be a number"),
        (LIGHT_HEADER + '\n\n1,2,3,"Sine",4,\n1,2,3,"sine",4,\n', "row 1 (line 5), column osc2_wave: 'sine'"),
        (LIGHT_HEADER + '1,2 2,3,"Sine",4,"s0.wav"\n', "row 0 (line 2), column filter_cutoff: '2 2' must be"),
        (LIGHT_HEADER + '1,2,3,"Sine,4,"s0.wav"\n', "not a CSV table"),
        (LIGHT_HEADER + "1,2,3," + "x" * 200_000 + ",4,s0.wav\n", "not a CSV table (field larger"),
        (LIGHT_HEADER + "1,2,3," + "x" * 1_000 + ",4,s0.wav\n", "'xxxxxxxxxx"),
        (LIGHT_HEADER + "1,2,3,Sine,4,/etc/passwd\n", "row 0 (line 2), column file: '/etc/passwd' must be"),
    ],
)
def test_bad_tables(table, message):
    with pytest.raises(InputError) as error:
        Presets.from_csv("noisemaker-light", io.StringIO(table, newline=""))
    assert message in str(error.value)
    assert len(str(error.value)) < 300 and "\n" not in str(error.value)


def test_a_table_without_files_and_with_other_habits(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes("\ufefffilter_resonance,osc2_wave,lfo1_amount,filter_cutoff,lfo1_rate\r\n1,Saw,2,3,4\r\n".encode())
    presets = Presets.from_csv("noisemaker-light", path)
    assert presets.files == ["s0.wav"]
    assert next(presets.rows()) == pytest.approx(
        {"filter_resonance": 1.0, "lfo1_amount": 2.0, "filter_cutoff": 3.0, "lfo1_rate": 4.0, "osc2_wave": "Saw"}
    )
    assert len(Presets.from_csv("noisemaker-light", io.StringIO(LIGHT_HEADER))) == 0


SHEET = "lfo1_rate;filter_cutoff;lfo1_amount;osc2_wave;filter_resonance;file"
SHEET_ROWS = "4,96062992126;0,5;10;Sine;1E-1;s0.wav\n,5;5,;3,25;Noise;0;ä.wav"


@pytest.mark.parametrize(
    "content",
    [
        f"{SHEET}\n{SHEET_ROWS}\n".encode(),
        f"\ufeff{SHEET}\r\n".encode() + SHEET_ROWS.replace("\n", "\r\n").encode(),
        f"sep=;\n{SHEET}\n{SHEET_ROWS}".encode(),
        f'"SEP=;"\r{SHEET}\r'.encode() + SHEET_ROWS.replace("\n", "\r").encode(),
        f"{SHEET}\n{SHEET_ROWS}\n".replace(";", "\t").encode("utf-16"),
        f"\ufeffsep=\t\n{SHEET}\n{SHEET_ROWS}\n".replace(";", "\t").encode("utf-16-be"),
        f"{SHEET}\n{SHEET_ROWS}\n".replace(";", "|").encode("utf-16-le"),
        f"{SHEET}\n{SHEET_ROWS}\n".encode("utf-32"),
        # Empty columns and rows beside the table, as its window showed them.
        f"{SHEET};;\n{SHEET_ROWS}\n".replace("wav\n", "wav;;\n").encode() + b";;;;;;;\n;;;;;;;\n",
        # It begins below empty rows, and its cells are padded.
        f";;;\n\n{SHEET}\n{SHEET_ROWS}\n".replace("0,5", "\u00a00,5 ").replace("Sine", " Sine ").encode(),
        f"\nsep=;\n{SHEET}\n{SHEET_ROWS}\n".replace("lfo1_amount", " lfo1_amount ").encode(),
        # Commas on both sides: what holds one is put in quotes.
        (SHEET + "\n" + SHEET_ROWS.replace(",", "_")).replace(";", ",").replace("4_96062992126", '"4,96062992126"')
        .replace("0_5", '"0,5"').replace("_5", '",5"').replace("5_", '"5,"').replace("3_25", '"3,25"').encode(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["path", "text", "bytes"])
def test_tables_as_spreadsheets_write_them(content, how, tmp_path):
    if how == "path":
        source = tmp_path / "table.csv"
        source.write_bytes(content)
    elif how == "bytes":
        source = io.BytesIO(content)
    else:
        source = io.StringIO(decoded(content), newline="")
    presets = Presets.from_csv("noisemaker-light", source)
    assert presets.files == ["s0.wav", "ä.wav"]
    assert list(presets.rows()) == [
        pytest.approx({"lfo1_rate": 4.96062992126, "filter_cutoff": 0.5, "lfo1_amount": 10.0, "filter_resonance": 0.1,
                       "osc2_wave": "Sine"}),
        pytest.approx({"lfo1_rate": 0.5, "filter_cutoff": 5.0, "lfo1_amount": 3.25, "filter_resonance": 0.0,
                       "osc2_wave": "Noise"}),
    ]  # fmt: skip


def decoded(content: bytes) -> str:
    return tables.read_text(io.BytesIO(content))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (f"sep=;\n{SHEET}\n1;2;3;Sinus;4;a.wav", "row 0 (line 3), column osc2_wave: 'Sinus' must be one of"),
        (f"{SHEET}\n1.234,5;2;3;Sine;4;a.wav", "row 0 (line 2), column lfo1_rate: '1.234,5' must be a number"),
        (f"{SHEET}\n1;2;3;Sine;12,5;a.wav", "column filter_resonance: '12.5' must be a number from 0 to 10"),
        (f"{SHEET}\n1;2;3;Sine;4;a.wav;mine", "line 2: more cells than the header has names"),
        (f"\n;;\n{SHEET}\n1;2;3;Sinus;4;a.wav", "row 0 (line 4), column osc2_wave: 'Sinus' must be one of"),
        (f"{SHEET};;\n1;2;3;Sine;4;a.wav;;mine", "line 2: more cells than the header has names"),
        (f'sep=;\n{SHEET}\n1;2;3;"Sine;4;a.wav\n', "not a CSV table"),
        (f"{SHEET.replace(';', '#')}\n", "The header: unknown column"),
        ("sep=;", "The table is empty"),
    ],
)
def test_spreadsheets_with_mistakes(table, message):
    with pytest.raises(InputError) as error:
        Presets.from_csv("noisemaker-light", io.StringIO(table))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_labels_keep_their_commas():
    """A decimal comma is one in a knob's column only."""
    light_ = get_collection("noisemaker-light")
    wave = replace(light_.instrument["osc2_wave"], labels=("1,5", "2,5", "Triangle", "Sine", "Noise"))
    parameters = tuple(wave if p.name == "osc2_wave" else p for p in light_.instrument.parameters)
    mine = replace(light_, instrument=replace(light_.instrument, parameters=parameters))
    presets = Presets.from_csv(mine, io.StringIO(f"{SHEET}\n1,5;2;3;2,5;4;a.wav"))
    assert next(presets.rows())["osc2_wave"] == "2,5"


def test_bad_files(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="No such file"):
        Presets.from_csv("guitar", tmp_path / "none.csv")
    with pytest.raises(InputError, match="No such file"):
        Presets.from_csv("guitar", tmp_path)
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        Presets.from_csv("guitar", path)
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 2)
    with pytest.raises(InputError, match="is larger than"):
        Presets.from_csv("guitar", path)


@pytest.mark.parametrize(
    ("cc", "message"),
    [
        ([[0, 0, 0, 0, 128]], "row 0, column filter_resonance: CC 128 must be from 0 to 127"),
        ([[0, 0, 0, 0, 0], [-1, 0, 0, 33, 0]], "row 1, column lfo1_rate: CC -1 must be from 0 to 127"),
        ([[0, 0, 0, 33, 0]], "column osc2_wave: CC 33 must be one of 0 (Saw), 32 (Pulse), 49 (Triangle)"),
        ([[0.0, 0, 0, 0, 0]], "need integers of shape (rows, 5), got float64"),
        ([[0, 0, 0, 0]], "need integers of shape (rows, 5)"),
        ([0, 0, 0, 0, 0], "need integers of shape (rows, 5)"),
        ([[True] * 5], "need integers"),
    ],
)
def test_bad_ccs(cc, message):
    with pytest.raises(InputError) as error:
        Presets.from_cc("noisemaker-light", np.array(cc))
    assert message in str(error.value)


def test_ccs_of_a_knob_that_moves_over_a_part():
    cc = original_presets("guitar", 0, 1).cc
    cc[0, -1] = 41
    with pytest.raises(InputError, match="column filter_frequency: CC 41 must be from 42 to 84"):
        Presets.from_cc("guitar", cc)


@pytest.mark.parametrize(
    ("unit", "files", "message"),
    [
        (np.zeros((1, 4)), None, "an array of shape (rows, 5), got (1, 4)"),
        (np.zeros(5), None, "an array of shape (rows, 5), got (5,)"),
        (np.zeros((2, 5)), ["a.wav"], "1 file names for 2 rows"),
        (np.zeros((1, 5)), ["/a.wav"], "row 0, column file: '/a.wav' must be a plain file name"),
        ([[0, 0, np.nan, 0, 0]], None, "row 0, column lfo1_amount: no setting has the unit nan; must be from 0 to 1"),
        ([[0, 1.01, 0, 0, 0]], None, "row 0, column filter_cutoff: no setting has the unit 1.01"),
        ([[0, 0, 0, 5, 0]], None, "row 0, column osc2_wave: no setting has the unit 5; must be one of 0 to 4"),
        ([[0, 0, 0, 0.5, 0]], None, "no setting has the unit 0.5"),
        ([[0, 0, 0, -1, 0]], None, "no setting has the unit -1"),
    ],
)
def test_bad_units(unit, files, message):
    with pytest.raises(InputError) as error:
        Presets("noisemaker-light", np.array(unit), files)
    assert message in str(error.value)


def test_a_table_may_have_further_columns(tmp_path):
    table = tmp_path / "rows.csv"
    header = LIGHT_HEADER.strip()
    table.write_text(f'split,{header}\ntrain,1,2,3,"Saw",4,"a.wav"\n,5,6,7,"Sine",8,"b.wav"\n')
    presets, further = read_table("noisemaker-light", table, ("split", "take"))
    assert further == {"split": ["train", ""]}
    assert presets.files == ["a.wav", "b.wav"] and presets.settings["filter_cutoff"].tolist() == [2, 6]
    with pytest.raises(InputError, match="unknown column 'split'; noisemaker-light has lfo1_rate"):
        Presets.from_csv("noisemaker-light", table)
    table.write_text(f"{header},split,split\n")
    with pytest.raises(InputError, match="names 'split' more than once"):
        read_table("noisemaker-light", table, ("split",))
