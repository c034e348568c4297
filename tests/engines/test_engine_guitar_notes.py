"""The guitar's strings: which plays what, in tune, choked, damped, hard and soft; rows that play different things."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.signal
from guitar_takes import COLLECTION, EFFECTS, KNOBS, NOTE_OFF, NOTE_ON, RATE, SAMPLES, decibels, on

from secret_sauce_hf.engines import get_engine, render
from secret_sauce_hf.engines.guitar_rack import amp, distortion, lines, neck, reverb, strings, valve
from secret_sauce_hf.engines.guitar_rack.engine import effects
from secret_sauce_hf.engines.guitar_rack.filter import filter_rows
from secret_sauce_hf.engines.guitar_rack.playing import Programme, performed, source
from secret_sauce_hf.instruments import InputError, Timing
from secret_sauce_hf.instruments.guitar_rack import TUNING
from secret_sauce_hf.instruments.notes import Note, Performances, constant_note
from secret_sauce_hf.presets import Presets, draw_presets

STRING_RATE = 2 * RATE
SECONDS = 2.5
LONG = replace(COLLECTION, name="long", timing=Timing(note_on=0.1, note_off=2.1, cut=(0.0, SECONDS), slot=SECONDS))
PITCHES = range(40, 89)


def rows_that_play(*performances: list[Note], settings: dict | None = None, collection=LONG) -> Presets:
    """Rows with one preset, everything off if none is given, that play different things."""
    presets = Presets.from_settings(collection, [settings or on()] * len(performances))
    return presets.playing(Performances.from_notes(performances))


def strings_of(*notes: Note) -> list[neck.Pluck]:
    times = [(round(note.onset * RATE), round(note.end * RATE)) for note in notes]
    return neck.on_strings(notes, times, "row 7")


def vibrated(plucks: list[neck.Pluck], samples: int = 55_125) -> np.ndarray:
    """The velocity of the strings under the pickup."""
    out = np.zeros(2 * samples, np.float32)
    strings.vibrate(plucks, out, STRING_RATE, 2, 0)
    return out.astype(np.float64)


def peak_hertz(sound: np.ndarray, rate: int, near: float) -> float:
    """The frequency of the strongest partial within a fifth of the way to its neighbours."""
    bins = 2**19
    magnitude = np.abs(np.fft.rfft(sound * np.blackman(len(sound)), bins))
    around = np.arange(round(0.8 * near * bins / rate), round(1.2 * near * bins / rate))
    peak = around[magnitude[around].argmax()]
    below, at, above = np.log(magnitude[peak - 1 : peak + 2])
    return (peak + 0.5 * (below - above) / (below - 2 * at + above)) * rate / bins


def cents(ratio) -> np.ndarray:
    return 1200 * np.log2(ratio)


# In tune


def test_every_note_is_in_tune():
    takes = render(rows_that_play(*([Note(pitch, 100, 0.1, 2.0)] for pitch in PITCHES)))
    wanted = [440.0 * 2.0 ** ((pitch - 69) / 12) for pitch in PITCHES]
    heard = [peak_hertz(take[3_000:40_000], RATE, hertz) for take, hertz in zip(takes, wanted, strict=True)]
    assert cents(np.array(heard) / wanted) == pytest.approx(np.zeros(len(PITCHES)), abs=1.0)


@pytest.mark.parametrize(("string", "fret"), [(0, 0), (0, 12), (3, 5), (5, 12)])
def test_partials_are_as_sharp_as_the_string_is_stiff(string, fret):
    sound = vibrated([neck.Pluck(string, fret, 120, 0, 50_000, None)])[:30_000]
    fundamental = 440.0 * 2.0 ** ((TUNING[string] + fret - 69) / 12)
    found = neck.string_modes(string, fret)
    for number in (5, 8):
        # Of two planes, the first of which is the louder.
        expected = found.omegas[2 * (number - 1)] / (2.0 * np.pi)
        start, stop = (round((number + away) * fundamental * 2**19 / STRING_RATE) for away in (-0.4, 0.4))
        magnitude = np.abs(np.fft.rfft(sound * np.blackman(len(sound)), 2**19))
        heard = (start + magnitude[start:stop].argmax()) * STRING_RATE / 2**19
        assert cents(heard / expected) == pytest.approx(0.0, abs=1.5)
        assert cents(heard / (number * fundamental)) > 0.5


def test_stiffness_is_that_of_the_diameter_tension_and_length():
    # B = π³ E d⁴ / (64 T l²) of the B string, 0.41 mm and 1.01 g/m, stopped at the first fret.
    length = 0.648 * 2.0 ** (-1 / 12)
    tension = 1.01e-3 * (2.0 * length * 261.6256) ** 2
    expected = np.pi**3 * 210e9 * 4.1e-4**4 / (64 * tension * length**2)

    def inharmonicity(string: int, fret: int) -> float:
        first, tenth = neck.string_modes(string, fret).omegas[[0, 18]]
        ratio = (tenth / (10.0 * first)) ** 2
        return float((ratio - 1.0) / (100.0 - ratio))

    assert inharmonicity(4, 1) == pytest.approx(8e-5, rel=1e-6)
    assert expected == pytest.approx(8e-5, rel=0.2)
    # An octave up the same string is half as long.
    assert inharmonicity(0, 12) / inharmonicity(0, 0) == pytest.approx(4.0, rel=1e-6)
    assert all(1e-5 < inharmonicity(string, 0) < 3e-4 for string in range(6))


# Which string


def frets(*notes: Note) -> dict[int, tuple[int, int]]:
    """String and fret of each pitch."""
    return {TUNING[pluck.string] + pluck.fret: (pluck.string, pluck.fret) for pluck in strings_of(*notes)}


def test_a_chord_lies_on_the_lowest_frets():
    chord = [Note(pitch, 100, 0.1, 1.0) for pitch in (40, 47, 52, 56, 59, 64)]
    for notes in (chord, chord[::-1]):
        assert frets(*notes) == {40: (0, 0), 47: (1, 2), 52: (2, 2), 56: (3, 1), 59: (4, 0), 64: (5, 0)}
    # Whatever six strings can play together is played, in whatever order it is told.
    assert frets(Note(64, 100, 0.1, 1.0), Note(88, 100, 0.1, 1.0)) == {88: (5, 24), 64: (4, 5)}
    assert frets(Note(45, 100, 0.1, 1.0), Note(40, 100, 0.1, 1.0)) == {45: (1, 0), 40: (0, 0)}


def test_every_note_has_a_string_and_a_fret():
    for pitch in PITCHES:
        ((string, fret),) = frets(Note(pitch, 100, 0.0, 1.0)).values()
        assert 0 <= fret <= 24 and TUNING[string] + fret == pitch
    assert get_engine("guitar-rack").plays == PITCHES


def test_a_note_that_sounds_is_plucked_again():
    first, second = strings_of(Note(60, 100, 0.1, 1.0), Note(60, 80, 0.5, 1.0))
    assert first.string == second.string == 4
    assert first.choke == second.start == round(0.5 * RATE)
    assert second.choke is None
    # Twice at once is once.
    assert len(strings_of(Note(60, 100, 0.1, 1.0), Note(60, 80, 0.1, 1.0))) == 1


def test_a_released_string_is_free():
    notes = [Note(60, 100, 0.1, 0.3), Note(62, 100, 0.4, 0.3), Note(61, 100, 0.5, 0.3)]
    assert frets(*notes) == {60: (4, 1), 62: (4, 3), 61: (3, 6)}


def test_what_has_sounded_longest_makes_room():
    # Only the two lowest strings reach these.
    notes = [Note(45, 100, 0.1, 2.0), Note(44, 100, 0.2, 2.0), Note(46, 100, 0.3, 2.0), Note(43, 100, 0.4, 2.0)]
    plucks = strings_of(*notes)
    assert [pluck.string for pluck in plucks] == [1, 0, 1, 0]
    assert [pluck.choke for pluck in plucks] == [plucks[2].start, plucks[3].start, None, None]


# Sums, chokes, dampers


def test_six_strings_are_their_sum():
    chord = strings_of(*(Note(pitch, 127, 0.1 + 0.02 * at, 0.8) for at, pitch in enumerate((40, 47, 52, 56, 59, 64))))
    alone = [vibrated([pluck]) for pluck in chord]
    assert len(alone) == 6 and all(np.abs(sound).max() > 0.3 for sound in alone)
    assert vibrated(chord) == pytest.approx(np.sum(alone, axis=0), abs=2e-6)


@pytest.mark.parametrize("pitch", [40, 60, 88])
def test_a_choked_string_is_silent_within_20_ms(pitch):
    notes = Note(pitch, 127, 0.1, 2.0), Note(pitch, 30, 0.6, 2.0)
    again = vibrated(strings_of(*notes))
    left = again - vibrated(strings_of(notes[1]))
    at = round(0.6 * STRING_RATE)
    before = np.abs(left[at - 1_000 : at]).max()
    assert before > 0.01
    assert decibels(np.abs(left[at + round(0.02 * STRING_RATE) :]).max() / before) < -80
    # It does not click: it goes on as it was for a moment.
    assert np.abs(np.diff(left[at - 20 : at + 20])).max() < 1.2 * np.abs(np.diff(left[at - 1_000 : at])).max()


@pytest.mark.parametrize("pitch", [40, 64, 81])
def test_note_off_damps_as_ever(pitch):
    (pluck,) = strings_of(Note(pitch, 110, 0.1, 0.4))
    damped, held = (vibrated([pluck._replace(release=release)]) for release in (pluck.release, 50_000))
    at = 2 * pluck.release
    assert np.array_equal(damped[:at], held[:at])
    levels = [sound[at + 8_000 : at + 10_000].std() for sound in (damped, held)]
    # Some 30/s, from 8 ms after the note-off: within the 204 ms from there to the middle of what is measured.
    assert decibels(levels[0] / levels[1]) == pytest.approx(-30.0 * (0.204 - 0.008) * 8.686, abs=4)


def test_nothing_jumps_where_blocks_end():
    """A note is the sum of its modes at every sample, beside the formula in float64."""
    (pluck,) = strings_of(Note(52, 120, 0.1, 0.3))
    found = neck.string_modes(pluck.string, pluck.fret)
    time = np.maximum(np.arange(40_000) / STRING_RATE - pluck.start / RATE, 0.0)
    damped = np.maximum(time - (pluck.release - pluck.start) / RATE, 0.0)
    damped -= 0.008 * (1.0 - np.exp(-damped / 0.008))
    expected = np.zeros(40_000)
    for amplitude, omega, harmonic, loss, damper in zip(*found, strict=True):
        amplitude *= neck.pluck_gains(120, harmonic)
        expected += amplitude * np.exp(-loss * time - damper * damped) * np.sin(omega * time)
    sound = vibrated([pluck])[:40_000]
    scale = (sound @ expected) / (expected @ expected)
    release = 2 * pluck.release
    assert sound[:release] == pytest.approx(scale * expected[:release], abs=1e-5)
    # The damper's onset is made of short straight pieces.
    assert sound[release:] == pytest.approx(scale * expected[release:], abs=1.5e-3)


# Velocity


@pytest.mark.parametrize("pitch", [40, 60, 88])
def test_a_harder_pluck_is_louder_and_brighter(pitch):
    levels, centres = [], []
    for velocity in (1, 20, 40, 60, 80, 100, 127):
        dry = performed(strings_of(Note(pitch, velocity, 0.1, 1.0)), 22_050, False).dry[2_205:13_230]
        power = np.abs(np.fft.rfft(dry * np.hanning(len(dry)))) ** 2
        levels.append(decibels(dry.std()))
        centres.append((power @ np.fft.rfftfreq(len(dry), 1 / RATE)) / power.sum())
    assert (np.diff(levels) > 1).all()
    assert (np.diff(centres) > 0).all()
    assert 25 < levels[-1] - levels[0] < 65


def test_velocity_120_is_the_pluck_of_2018():
    ours = performed([neck.Pluck(4, 1, 120, NOTE_ON, NOTE_OFF, None)], SAMPLES, True)
    old = source(COLLECTION.timing, SAMPLES)
    assert decibels((ours.dry - old.dry).std() / old.dry.std()) < -55
    for mine, theirs in zip(ours.oversampled, old.oversampled, strict=True):
        assert decibels((mine - theirs[:, : mine.shape[1]]).std() / theirs.std()) < -50


# Rows


def test_the_note_of_2018_keeps_its_bytes_beside_others():
    presets = draw_presets("guitar", 40, seed=3)
    plain = render(presets, noise_seed=2)
    constant = constant_note(COLLECTION.timing)
    assert np.array_equal(render(presets.playing(Performances.constant([constant], 40)), noise_seed=2), plain)
    notes = [[constant if row % 3 else constant._replace(pitch=40 + row)] for row in range(40)]
    mixed = render(presets.playing(Performances.from_notes(notes)), noise_seed=2)
    same = (mixed == plain).all(axis=1)
    assert np.array_equal(same, np.arange(40) % 3 > 0)


def test_a_row_does_not_depend_on_what_others_play(monkeypatch):
    generator = np.random.default_rng(5)
    riffs = [
        [
            Note(int(pitch), int(velocity), 0.1 * at, 0.3)
            for at, (pitch, velocity) in enumerate(zip(*drawn, strict=True))
        ]
        for drawn in (generator.integers((50, 30), (80, 128), (5, 2)).T for _ in range(5))
    ]
    presets = draw_presets("guitar", 70, seed=4).playing(Performances.from_notes([riffs[row % 5] for row in range(70)]))
    together = render(presets, noise_seed=1)
    for row in (0, 1, 33, 69):
        assert np.array_equal(render(presets[row : row + 1], noise_seed=1, first_row=row)[0], together[row])
    monkeypatch.setenv("SECRET_SAUCE_THREADS", "1")
    assert np.array_equal(render(presets, noise_seed=1), together)
    # What is played the same is played once.
    assert len(Programme.of(presets).plucks) == 5


def test_the_order_in_which_notes_are_told_is_nothing():
    notes = [Note(52, 90, 0.3, 0.5), Note(64, 100, 0.1, 1.0), Note(40, 100, 0.1, 1.0)]
    first, second = render(rows_that_play(notes, notes[::-1]))
    assert np.array_equal(first, second) and np.abs(first).max() > 1_000


def test_behind_the_end_of_its_sound_nothing_is_missing():
    """Effects stop where a take is silent: that changes nothing which can be heard."""
    ends = itertools.product((0, 1), repeat=len(KNOBS))
    rows = [
        on(*EFFECTS, **{knob.name: knob.setting_limits[end] for knob, end in zip(KNOBS, corner, strict=True)})
        for corner in itertools.islice(ends, 0, None, 409)
    ]
    rows += [on(name) for name in EFFECTS] + [on()]
    unit = Presets.from_settings("guitar", rows).complete_unit()
    samples = 3 * RATE
    origin = performed(strings_of(Note(64, 127, 0.0, 0.05)), samples, True)
    assert origin.sounding < 0.6 * RATE and not origin.dry[origin.sounding :].any()
    phases = np.zeros(len(rows))
    stopped = effects(unit, phases, samples, [(slice(None), origin)])
    endless = effects(unit, phases, samples, [(slice(None), origin._replace(sounding=None))])
    assert np.abs(stopped - endless).max() < 1e-6 < 0.005 < np.abs(stopped).max(axis=1).min()


def test_a_take_is_the_beginning_of_a_longer_one():
    notes = [Note(45, 100, 0.0, 0.4), Note(52, 100, 0.2, 9.0), Note(88, 20, 2.4999, 0.1)]
    longer = replace(LONG, timing=replace(LONG.timing, cut=(0.0, 30.0), slot=30.0))
    short, long = (
        render(rows_that_play(notes, settings=on("delay", "reverb", "disto"), collection=one))[0]
        for one in (LONG, longer)
    )
    assert len(long) == 30 * RATE and np.abs(short).max() < 32_000
    np.testing.assert_allclose(long[: len(short)], short, atol=1)
    assert not long[-RATE:].any()


# The valve


@pytest.mark.parametrize("hertz", [261.6, 1_244.5, 3_520.7])
def test_aliases_of_the_valve(hertz):
    time = np.arange(2 * 16_384 + 4 * valve.LEAD) / STRING_RATE
    sine = np.sin(2 * np.pi * hertz * time).astype(np.float32)
    bent, taken = np.zeros_like(sine), np.zeros(16_384, np.float32)
    up, down = valve.interpolator(), valve.reducer()
    valve.drive_valve(sine, amp.GAIN, amp.BIAS, up, down, valve.ROOM, len(sine) - valve.ROOM, bent)
    valve.halve(bent, valve.halver(distortion.EDGE), 2 * valve.LEAD, len(taken), taken)
    steady = taken[1_000:9_192] * scipy.signal.windows.kaiser(8_192, 16)
    level = decibels(np.fft.rfft(steady, 2**16))
    frequency = np.fft.rfftfreq(2**16, 1 / RATE)
    between = np.abs((frequency / hertz + 0.5) % 1 - 0.5) * hertz > 30
    assert level[between & (frequency > 60) & (frequency < 8_000)].max() - level.max() < -80


def test_kernels_refuse_arrays_that_do_not_fit():
    sound, up, down = np.zeros(200, np.float32), valve.interpolator(), valve.reducer()
    modes = [np.ones(3)] * 4
    times = np.array([0, 10, 20])
    eight = np.zeros((8, 10), np.float32)
    takes, ends, off, one = np.zeros((2, 60), np.float32), np.full(2, 60), np.zeros(2, bool), np.zeros(2, np.float32)
    fed = np.zeros((8, 90), np.float32)
    for call in (
        lambda: strings.ring(sound, times, modes[0], np.ones(2), *modes[2:], 350.0, 0.01, 1e-6),
        lambda: strings.ring(sound, times[::-1].copy(), *modes, 350.0, 0.01, 1e-6),
        lambda: valve.filter_thrice(sound, np.zeros((2, 6)), 0, 100),
        lambda: valve.filter_thrice(sound, np.zeros((3, 6)), 0, 201),
        lambda: valve.drive_valve(sound, 1.0, 0.1, up, down, 0, 100, sound.copy()),
        lambda: valve.drive_valve(sound, 1.0, 0.1, up[:2], down, 20, 100, sound.copy()),
        lambda: valve.halve(sound, valve.halver(0.9), 64, 100, np.zeros(100, np.float32)),
        lambda: valve.spread(sound, up, 42, 20, eight),
        lambda: distortion.decimate(fed, distortion.decimator(), np.zeros(70, np.float32)),
        lambda: distortion.distort(takes, ~off, one, one, one, 0.1, fed, fed, distortion.decimator()),
        lambda: distortion.distort(takes, ~off, one[:1], one, one, 0.1, fed[:, :80], fed, distortion.decimator()),
        lambda: lines.delay(takes, ends, off, one, one, one[:1], one, 0.1, 0.1),
        lambda: lines.modulate(takes, ends[:1], off, one, one, one, one, one, 22_050.0, lines.sine_table()),
        lambda: reverb.reverberate(takes, ends, off, np.full((2, 11), 2_048), np.zeros((2, 8)), one, fed[:2, :2], 0.1),
        lambda: reverb.reverberate(takes, ends, off, np.full((2, 11), 9), np.zeros((1, 8)), one, fed[:2, :2], 0.1),
        lambda: filter_rows(takes, ends, off, one, one, one, np.zeros((2, 2), np.float32)),
        lambda: amp.play_cabinet(takes, ends[:1], amp.cabinet(RATE), 0.5),
    ):
        with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
            call()


# What no guitarist can play


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ([Note(39, 100, 0.1, 1.0)], r"row 1, note 0: the pitch is 39, and what is played here goes from 40 to 88"),
        ([Note(89, 100, 0.1, 1.0)], r"row 1, note 0: the pitch is 89"),
        (
            [Note(50 + 3 * at, 100, 0.1 + 0.1 * at, 2.0) for at in range(7)],
            r"row 1, pitch 68 at 0.7 s: 7 notes are held at once, and there are 6 strings; leave notes out",
        ),
        (
            [Note(41, 100, 0.2, 1.0), Note(43, 100, 0.2, 1.0)],
            r"row 1, pitch 41 at 0.2 s: it needs the string of pitch 43 at 0.2 s, which starts with it; move one",
        ),
        ([Note(60, 100, 2.6, 1.0)], r"row 1, note 0: it starts at 2.6 s, and the take lasts 2.5 s"),
    ],
)
def test_what_cannot_be_played_is_refused(notes, message):
    with pytest.raises(InputError, match=message) as refused:
        render(rows_that_play([Note(60, 100, 0.1, 1.0)], notes))
    assert "\n" not in str(refused.value)
