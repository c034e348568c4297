"""What the Sub Phatty engine plays: pitch, key follow, releases, legato, and what takes do not depend on."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal
from subphatty_takes import OCTAVES, PLAIN, PULSE, RATE, SAW, SQUARE, TRIANGLE, inharmonic, spectrum

from secret_sauce_hf.engines import render
from secret_sauce_hf.engines.dsp.lanes import LANES
from secret_sauce_hf.engines.subphatty import engine as subphatty
from secret_sauce_hf.engines.subphatty import layout, voice
from secret_sauce_hf.engines.subphatty.keys import _press, key_events
from secret_sauce_hf.instruments import Collection, InputError, Timing, get_collection
from secret_sauce_hf.instruments.notes import Note, Performances
from secret_sauce_hf.presets import Presets, draw_presets

# The filter's own oscillation, which is as high as its cutoff.
WHISTLE = {"mixer_osc1": 0.0, "filter_reso": 9.5, "filter_cutoff": 5.0}
NOISE = {"mixer_osc1": 0.0, "mixer_noise": 4.0, "env_amplifier_release": 10.0}


def of_length(seconds: float) -> Collection:
    """Like the collection of 2018, with takes that start with the note and last longer."""
    timing = Timing(note_on=0.2, note_off=0.2 + seconds, cut=(0.2, 0.2 + seconds), slot=0.2 + seconds)
    return replace(get_collection("subphatty"), name="longer", timing=timing)


def held(pitch: int, onset: float = 0.0, duration: float = 100.0) -> Note:
    return Note(pitch, 100, onset, duration)


def play(rows: list[tuple[dict, list[Note]]], seconds: float = 1.0, **options) -> np.ndarray:
    """Takes of the plain preset: for each, some changed settings and what it plays."""
    collection = of_length(seconds)
    presets = Presets.from_settings(collection, [PLAIN | change for change, _ in rows])
    performances = Performances.from_notes(notes for _, notes in rows)
    return render(presets.playing(performances), **options).astype(np.float64) / 32_767


def hertz_of(pitch: float) -> float:
    return 440.0 * 2.0 ** ((pitch - 69) / 12)


def pitch_of(sound: np.ndarray, near: float) -> float:
    """MIDI pitch, in fractions, of the strongest partial within a semitone or two of `near` Hz."""
    hertz, amplitude = spectrum(sound)
    band = np.flatnonzero(np.abs(hertz - near) < 0.1 * near)
    top = band[amplitude[band].argmax()]
    below, at, above = np.log(amplitude[top - 1 : top + 2])
    found = (top + 0.5 * (below - above) / (below - 2 * at + above)) * RATE / 2**17
    return 69 + 12 * np.log2(found / 440)


def level(take: np.ndarray) -> np.ndarray:
    """Amplitude, averaged over 10 ms, in samples."""
    smooth = scipy.signal.windows.hann(441)
    return np.sqrt(2 * np.convolve(take**2, smooth / smooth.sum(), "same"))


def whistled(take: np.ndarray) -> np.ndarray:
    """Hz of a sine at every sample."""
    return np.diff(np.unwrap(np.angle(scipy.signal.hilbert(take)))) * RATE / (2 * np.pi)


def test_every_note_is_in_tune_within_a_cent():
    pitches = range(24, 97)
    takes = play([({}, [held(pitch)]) for pitch in pitches])
    for pitch, take in zip(pitches, takes, strict=True):
        assert pitch_of(take[1_000:], hertz_of(pitch)) == pytest.approx(pitch, abs=0.01)


def test_octaves_detuning_and_sub_follow_the_note():
    seconds = {"mixer_osc1": 0.0, "mixer_osc2": 3.0, "osc2_octave": "4f"}
    for pitch in (31, 52, 75):
        octaves = play([({"osc1_octave": octave}, [held(pitch)]) for octave in OCTAVES])
        for take, factor in zip(octaves, OCTAVES.values(), strict=True):
            assert pitch_of(take[1_000:], hertz_of(pitch) * factor) == pytest.approx(
                pitch + 12 * np.log2(factor), abs=0.02
            )
        fifth, sub = play(
            [
                (seconds | {"osc2_frequency": 10.0}, [held(pitch)]),
                ({"mixer_osc1": 0.0, "mixer_sub": 3.0}, [held(pitch)]),
            ]
        )
        assert pitch_of(fifth[1_000:], hertz_of(pitch + 19)) == pytest.approx(pitch + 19, abs=0.02)
        assert pitch_of(sub[1_000:], hertz_of(pitch - 12)) == pytest.approx(pitch - 12, abs=0.02)


@pytest.mark.parametrize(
    ("wave", "harmonics"),
    [
        (TRIANGLE, {n: 1 / n**2 for n in (1, 3, 5)}),
        (SAW, {n: 1 / n for n in range(1, 6)}),
        (SQUARE, {n: 1 / n for n in (1, 3, 5)}),
    ],
)
def test_harmonic_series_above_note_60(wave, harmonics):
    """The oscillators have another form there; together with the filter it takes 0.6 dB at 2 kHz."""
    (take,) = play([({"osc1_wave": wave, "mixer_osc1": 1.0}, [held(61)])])
    hertz, amplitude = spectrum(take[1_000:])
    series = [amplitude[np.abs(hertz - n * hertz_of(61)).argmin()] for n in range(1, 6)]
    for n, measured in enumerate(series, 1):
        if n in harmonics:
            assert 20 * np.log10(measured / series[0] / harmonics[n]) == pytest.approx(0.0, abs=0.5)
        else:
            assert measured < 1e-3 * series[0]


@pytest.mark.parametrize("wave", [TRIANGLE, SAW, 5.0, SQUARE, PULSE])
def test_up_to_note_84_nothing_aliases_more_than_note_60(wave):
    """Measured, two octaves above note 60: 0 to 11 dB less in every octave, synced or not."""
    first = [({"osc1_wave": wave, "osc1_octave": octave}, factor) for octave, factor in OCTAVES.items()]
    second = {"mixer_osc1": 0.0, "mixer_osc2": 3.0, "osc2_wave": wave, "osc2_frequency": 10.0, "osc2_octave": "2f"}
    cases = [*first, (second, 4 * 2 ** (7 / 12)), (second | {"osc1_sync_osc2": "ON"}, 1.0)]
    pitches = (60, 66, 72, 78, 84)
    takes = iter(play([(change, [held(pitch)]) for pitch in pitches for change, _ in cases]))
    worst = {
        pitch: [inharmonic(next(takes)[1_000:], hertz_of(pitch) * factor) for _, factor in cases] for pitch in pitches
    }
    for pitch in pitches[1:]:
        for here, there in zip(worst[pitch], worst[60], strict=True):
            # Rounding to 16 bits alone makes partials 95 dB below the strongest.
            assert here < max(there, -93.0)


def test_an_oscillator_beyond_hearing_is_not_heard():
    bent = {"mod_source": "FilterEnv", "env_filter_sustain": 10.0, "mod_pitch_amount": 10.0}
    waves = [{"osc1_octave": "2f", "osc1_wave": wave} for wave in (TRIANGLE, SAW, SQUARE)]
    rows = [(wave, [held(pitch)]) for wave in waves for pitch in (108, 113, 117, 120, 127)]
    rows += [(bent | change, notes) for change, notes in rows]
    takes = play(rows)
    assert np.abs(takes[:, 500:]).max() < 1e-3


@pytest.mark.parametrize("amount", [0.0, 5.0, 10.0])
def test_key_follow_moves_the_cutoff(amount):
    """At half by an octave an octave, at full by two, none at all at note 60; from the spectrum of noise."""
    pitches = np.array([48, 54, 60, 66, 72])
    quiet = NOISE | {"filter_kb_tracking_amount": amount}
    rows = [(quiet | {"filter_cutoff": 6.0}, [held(pitch)]) for pitch in pitches.tolist()]
    takes = play([(quiet, [held(60)]), *rows], 2.0, noise_seed=1, same_noise=True)[:, 2_000:]
    hertz, power = scipy.signal.welch(takes[0], RATE, nperseg=1_024)
    cutoffs = []
    for take in takes[1:]:
        _, shared = scipy.signal.csd(takes[0], take, RATE, nperseg=1_024)
        gain = 20 * np.log10(np.abs(shared) / power)
        # Four poles in a row are 12 dB down at the cutoff.
        below = np.flatnonzero((gain < -12) & (hertz > 60))[0]
        share = (-12 - gain[below - 1]) / (gain[below] - gain[below - 1])
        cutoffs.append(hertz[below - 1] + share * (hertz[below] - hertz[below - 1]))
    octaves = np.log2(np.array(cutoffs) / (20 * 10**1.8))
    assert octaves == pytest.approx(amount / 5 * (pitches - 60) / 12, abs=0.1)


@pytest.mark.parametrize("setting", [2.5, 4.0, 5.0, 6.0])
def test_amplifier_release_takes_its_time(setting):
    """1 ms to 10 s over four decades (manual), to 5 % of the level."""
    seconds = 0.001 * 10 ** (4 * setting / 10)
    (take,) = play([({"env_amplifier_release": setting}, [held(72, 0.0, 0.3)])], 1.0 + seconds)
    around = level(take)
    full, let_go = around[4_000], round(0.3 * RATE)
    assert around[let_go - 300] == pytest.approx(full, rel=0.02)
    for share in (0.5, 1.0):
        due = 0.05**share * full
        assert np.argmax(around[let_go:] < due) / RATE == pytest.approx(share * seconds, rel=0.05, abs=0.005)


@pytest.mark.parametrize("setting", [4.0, 5.0, 6.0])
def test_filter_release_takes_its_time(setting):
    seconds = 0.001 * 10 ** (4 * setting / 10)
    change = {
        "filter_eg_amount": 6.0,
        "env_filter_sustain": 10.0,
        "env_filter_release": setting,
        "env_amplifier_release": 10.0,
    }
    (take,) = play([(WHISTLE | change, [held(60, 0.0, 0.4)])], 1.0 + seconds)
    start, let_go = round(0.2 * RATE), round(0.4 * RATE)
    octaves = np.log2(whistled(take[start:]))
    let_go -= start
    before, after = octaves[let_go - 2_000 : let_go - 500].mean(), octaves[-6_000:-1_500].mean()
    assert before - after == pytest.approx(1.0, abs=0.15)
    for share in (0.25, 0.5):
        due = after + (before - after) * 0.05**share
        assert np.argmax(octaves[let_go:] < due) / RATE == pytest.approx(share * seconds, rel=0.1, abs=0.005)


def test_a_key_let_go_in_the_attack_or_decay_releases_from_there():
    slow = {"env_amplifier_attack": 8.0, "env_amplifier_release": 3.0}
    (take,) = play([(slow, [held(72, 0.0, 0.4)])])
    around = level(take)
    assert 0.05 < around[round(0.39 * RATE)] / np.abs(play([({}, [held(72)])])).max() < 0.5
    assert around[round(0.45 * RATE) :].max() < 1e-3


STRUCK = {"env_amplifier_decay": 5.5, "env_amplifier_sustain": 0.0, "env_amplifier_release": 5.5}
"""A level that falls from each attack on, so that one sees whether there was another."""


def test_legato_changes_the_pitch_and_does_not_trigger():
    tied, alone, apart, touching = play(
        [
            (STRUCK, [held(72, 0.0, 0.35), held(79, 0.3, 0.5)]),
            (STRUCK, [held(72, 0.0, 0.8)]),
            (STRUCK, [held(72, 0.0, 0.25), held(79, 0.3, 0.5)]),
            (STRUCK, [held(72, 0.0, 0.3), held(79, 0.3, 0.5)]),
        ]
    )
    now = round(0.3 * RATE)
    assert pitch_of(tied[: now - 300], hertz_of(72)) == pytest.approx(72, abs=0.02)
    assert pitch_of(tied[now + 300 : now + 6_000], hertz_of(79)) == pytest.approx(79, abs=0.05)
    falls = level(alone)
    assert level(tied)[now + 300 :: 500] == pytest.approx(falls[now + 300 :: 500], rel=0.05, abs=1e-3)
    for other in (apart, touching):
        assert level(other)[now + 300] > 2 * falls[now + 300]
        assert pitch_of(other[now + 300 : now + 6_000], hertz_of(79)) == pytest.approx(79, abs=0.05)


def test_the_key_still_held_sounds_again():
    low, high = held(60, 0.0, 1.4), held(67, 0.4, 0.4)
    (take,) = play([({}, [low, high])], 1.5)
    for start, end, pitch in ((0.02, 0.39, 60), (0.42, 0.79, 67), (0.82, 1.39, 60)):
        part = take[round(start * RATE) : round(end * RATE)]
        assert pitch_of(part, hertz_of(pitch)) == pytest.approx(pitch, abs=0.05)
    assert np.abs(take[round(1.42 * RATE) :]).max() < 1e-3


def test_an_attack_starts_from_the_level_left_over():
    slow = {"env_amplifier_attack": 6.0, "env_amplifier_release": 7.0}
    again, once = play([(slow, [held(72, 0.0, 0.5), held(72, 0.7, 1.0)]), (slow, [held(72, 0.0, 0.5)])], 1.5)
    now = round(0.7 * RATE)
    left = level(once)[now]
    # From there on it rises at once, on the curve that heads for 1.3.
    full = level(again)[round(1.3 * RATE)]
    for after in (0.02, 0.06, 0.1):
        rate = np.log(1.3 / 0.3) / (0.001 * 10**2.4)
        due = 1.3 - (1.3 - left / full) * np.exp(-rate * after)
        assert level(again)[now + round(after * RATE)] / full == pytest.approx(due, abs=0.02)


def events(notes: list[tuple[float, float]], end: int = 100) -> list[tuple[int, int, int]]:
    """(tick, action, pitch) of what (on, off) in ticks do, pitches from 60 on."""
    on, off = (np.array(times, dtype=np.int64) for times in zip(*notes, strict=True))
    keys = key_events(np.array([0, len(notes)]), 60 + np.arange(len(notes)), on, off, end)
    return list(zip(keys.tick.tolist(), keys.action.tolist(), keys.pitch.tolist(), strict=True))


def test_what_keys_do():
    on, tie, up = layout.TRIGGER, layout.LEGATO, layout.RELEASE
    assert events([(0, 5)]) == [(0, on, 60), (5, up, 60)]
    assert events([(0, 5), (5, 9)]) == [(0, on, 60), (5, up, 60), (5, on, 61), (9, up, 61)]
    assert events([(0, 6), (5, 9)]) == [(0, on, 60), (5, tie, 61), (9, up, 61)]
    assert events([(0, 9), (5, 7)]) == [(0, on, 60), (5, tie, 61), (7, tie, 60), (9, up, 60)]
    # Of three keys the last one held sounds, whichever was played first.
    assert events([(0, 20), (1, 8), (2, 5)])[2:] == [(2, tie, 62), (5, tie, 61), (8, tie, 60), (20, up, 60)]
    assert events([(0, 20), (1, 5), (2, 8)])[2:] == [(2, tie, 62), (8, tie, 60), (20, up, 60)]
    # A chord is its last note, from the first tick to the last.
    assert events([(3, 9), (3, 9), (3, 9)]) == [(3, on, 60), (3, tie, 61), (3, tie, 62), (9, up, 62)]
    # A note of no length lasts a tick, and what comes at the end of the take or later does not come.
    assert events([(0, 0)]) == [(0, on, 60), (1, up, 60)]
    assert events([(0, 100), (99, 300)]) == [(0, on, 60), (99, tie, 61)]


def test_velocity_is_not_felt():
    soft, hard = play([({}, [Note(64, velocity, 0.1, 0.4)]) for velocity in (1, 127)], noise_seed=1, same_noise=True)
    assert np.array_equal(soft, hard)
    assert np.abs(hard).max() > 0.01


def _anything(rows: int, seed: int) -> Presets:
    """Random presets that play up to three random notes each."""
    generator = np.random.default_rng(seed)
    notes = [
        sorted(
            (
                Note(int(pitch), 100, float(onset), float(duration))
                for pitch, onset, duration in zip(
                    generator.integers(0, 128, count),
                    generator.uniform(0.0, 0.9, count),
                    0.02 * 50 ** generator.random(count),
                    strict=True,
                )
            ),
            key=lambda note: note.onset,
        )
        for count in generator.integers(1, 4, rows)
    ]
    drawn = draw_presets("subphatty", rows, seed)
    return Presets(of_length(1.0), drawn.unit, None, Performances.from_notes(notes))


def test_takes_of_any_notes_depend_on_their_row_alone(monkeypatch):
    rows = _anything(75, seed=4)
    together = render(rows)
    for start in (0, 40, 74):
        assert np.array_equal(render(rows[start : start + 3], first_row=start), together[start : start + 3])
    monkeypatch.setenv("SECRET_SAUCE_THREADS", "1")
    assert np.array_equal(render(rows), together)


def test_takes_of_any_notes_are_finite_silent_before_and_without_dc():
    rows = _anything(400, seed=5)
    takes = render(rows).astype(np.float64)
    first = np.rint(rows.performances.onset[rows.performances.first[:-1]] * RATE).astype(int)
    for take, onset in zip(takes, first, strict=True):
        assert not take[: max(onset - 1, 0)].any()
    assert np.abs(takes).max() <= 32_767
    # Below the coupling's 8 Hz a single short note leaves something; -40 dBFS.
    assert np.abs(takes.mean(axis=1)).max() < 327
    assert np.median(np.abs(takes).max(axis=1)) > 3_000


def test_the_one_note_of_a_collection_may_end_within_the_take():
    timing = Timing(note_on=0.2, note_off=0.5, cut=(0.1, 1.0))
    collection = replace(get_collection("subphatty"), name="short", timing=timing)
    presets = Presets.from_settings(collection, [PLAIN])
    (take,) = render(presets)
    assert not take[: round(0.099 * RATE)].any()
    assert np.abs(take[round(0.11 * RATE) : round(0.4 * RATE)]).max() > 500
    assert np.abs(take[round(0.42 * RATE) :]).max() < 10


def test_what_runs_freely_has_run_when_a_late_note_comes(monkeypatch):
    """The voice itself starts shortly before the first note; until then phases are calculated."""
    rows = [({"mixer_sub": 3.0, "mod_filter_amount": 3.0, "mod_lfo_rate": 3.0, "filter_cutoff": 5.0}, [held(50, 0.8)])]
    phases = np.array([[0.8, 0.3, 0.6, 0.1]])
    (short,) = play(rows, 1.5, phases=phases)
    monkeypatch.setattr(subphatty, "_HEAD_START", 10.0)
    (whole,) = play(rows, 1.5, phases=phases)
    assert np.abs(whole).max() > 0.05
    assert np.abs(short - whole).max() < 0.01 * np.abs(whole).max()


def _one_key_each(settings: np.ndarray, tick: int, off: int) -> tuple[layout.Lanes, layout.Keys]:
    lanes = layout.Lanes(
        subphatty._lanes(settings),
        subphatty._lanes(subphatty.start_state(settings, np.zeros((LANES, 4)))),
        np.ones(LANES, np.uint32),
        np.ones(LANES, np.uint32),
    )
    first = np.arange(LANES + 1)
    return lanes, key_events(first, np.full(LANES, 60), np.full(LANES, tick), np.full(LANES, off), 10**6)


def test_a_voice_stops_when_all_lanes_are_silent():
    settings = subphatty.lane_settings(Presets.from_settings("subphatty", [PLAIN] * LANES).complete_unit())
    lanes, keys = _one_key_each(settings, 200, 2_000)
    sound = np.full((LANES, 40_000), np.nan, np.float32)
    written = voice.play(lanes, keys, False, sound, voice.FIRST_TAPS, voice.SECOND_TAPS)
    assert 2_000 < written < 12_000
    assert np.isfinite(sound[:, :written]).all()
    # The last of it is rounded away in a take.
    assert np.abs(sound[:, written - 100 : written]).max() < 0.5 / 32_768
    # A lane that is still held keeps all of them going.
    lanes, keys = _one_key_each(settings, 200, 2_000)
    keys = keys._replace(first=np.append(keys.first[:-1], len(keys.tick) - 1))
    assert voice.play(lanes, keys, False, sound, voice.FIRST_TAPS, voice.SECOND_TAPS) == 40_000


@pytest.mark.parametrize("lacking", ["settings", "state", "noise", "holds"])
def test_the_voice_checks_the_sizes_of_lanes(lacking):
    settings = np.zeros((LANES, layout.SETTING_ROWS), np.float32)
    lanes, keys = _one_key_each(settings, 0, 10)
    short = lanes._replace(**{lacking: getattr(lanes, lacking)[:-1]})
    with pytest.raises(ValueError, match="not those of all lanes"):
        voice.play(short, keys, False, np.empty((LANES, 8), np.float32), voice.FIRST_TAPS, voice.SECOND_TAPS)


def test_the_voice_checks_the_sizes_of_keys_and_sound():
    settings = np.zeros((LANES, layout.SETTING_ROWS), np.float32)
    lanes, keys = _one_key_each(settings, 0, 10)
    sound = np.empty((LANES, 8), np.float32)
    beyond = keys._replace(first=keys.first + 1)
    for wrong, out in ((keys, sound[1:].copy()), (keys._replace(pitch=keys.pitch[1:]), sound), (beyond, sound)):
        with pytest.raises(ValueError, match=r"lanes|beyond"):
            voice.play(lanes, wrong, False, out, voice.FIRST_TAPS, voice.SECOND_TAPS)


def test_the_keyboard_checks_its_sizes():
    first, note, room = np.array([0, 1]), np.array([60]), np.zeros(2, np.int64)
    whole = [first, note, note, note + 1, np.array([0]), 99, np.zeros(1, np.int64), room, room, room]
    _press(*whole)
    for column, message in (
        (1, "lengths"),
        (3, "lengths"),
        (4, "lengths"),
        (0, "rows"),
        (6, "rows"),
        (8, "two events"),
    ):
        wrong = whole.copy()
        wrong[column] = np.zeros(3, np.int64)
        with pytest.raises(ValueError, match=message):
            _press(*wrong)


def test_refuses_notes_that_are_none():
    presets = Presets.from_settings(of_length(1.0), [PLAIN])
    late = presets.playing(Performances.from_notes([[held(60, 1.0)]]))
    with pytest.raises(InputError, match="row 0, note 0: it starts at 1 s"):
        render(late)
