"""What a listening test consists of: stimuli, trials, names that tell nothing, and mistakes."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from participants import NAMES, RATE, REFERENCES, SYSTEMS, keys_of, system, tone

from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.listening_test import References, Rendered, System, make_listening_test
from secret_sauce_hf.listening_test import writing as page_writing
from secret_sauce_hf.listening_test.form import read_key
from secret_sauce_hf.listening_test.levels import loudness, low_passed
from secret_sauce_hf.metrics import mss


def stimuli_of(made, sound):
    """Stimuli of a sound as the page has them: WAV files by name."""
    text = (made.page.parent / "sounds" / f"{sound}.js").read_text()
    name, told = re.fullmatch(r'window\.listeningTestSounds\("(\w+)", (\{.*\})\);\n', text).groups()
    assert name == sound
    return {name: base64.b64decode(wav) for name, wav in json.loads(told).items()}


def heard(made, sound):
    return {name: soundfile.read(io.BytesIO(wav))[0] for name, wav in stimuli_of(made, sound).items()}


class TestStimuli:
    def test_all_are_equally_loud_and_long_and_none_is_clipped(self, made):
        key = read_key(made["mushra"].folder)
        for sound in key["sounds"]:
            stimuli = heard(made["mushra"], sound["id"])
            assert len(stimuli) == 7
            assert {samples.shape for samples in stimuli.values()} == {(RATE,)}
            for name, samples in stimuli.items():
                assert loudness(samples, RATE) == pytest.approx(key["loudness_lufs"], abs=0.1), name
                assert np.abs(samples).max() < 10 ** (-1 / 20) + 1e-4

    def test_each_is_what_the_key_says(self, made):
        key = read_key(made["mushra"].folder)
        sound = key["sounds"][2]
        number = NAMES.index(sound["name"])
        stimuli = heard(made["mushra"], sound["id"])
        open_reference = stimuli.pop(sound["reference"])
        middle = slice(RATE // 10, -RATE // 10)
        wanted = {
            "reference": tone(number),
            "near": tone(number, 1.002),
            "far": tone(number, 1.3),
            "anchor-3500": low_passed(tone(number), RATE, 3_500),
            "anchor-7000": low_passed(tone(number), RATE, 7_000),
        }
        seen = set()
        for name, samples in stimuli.items():
            condition = sound["stimuli"][name]["condition"]
            seen.add(condition)
            if condition == "another-preset":
                others = [tone(other) for other in range(len(NAMES)) if other != number]
                assert max(np.corrcoef(samples[middle], other[middle])[0, 1] for other in others) > 0.999
            else:
                assert np.corrcoef(samples[middle], wanted[condition][middle])[0, 1] > 0.9999, condition
            if condition == "reference":
                np.testing.assert_array_equal(samples, open_reference)
                assert sound["stimuli"][name]["mss"] == 0
            if condition in ("near", "far"):
                exact = float(mss(tone(number), wanted[condition], RATE))
                assert sound["stimuli"][name]["mss"] == pytest.approx(exact, abs=1e-3)
        assert seen == {*wanted, "another-preset"}

    def test_the_wav_files_beside_the_page_are_the_same(self, made):
        for sound in keys_of(made["mushra"])["sounds"]:
            files = {
                path.stem: path.read_bytes() for path in (made["mushra"].folder / "sounds" / sound["id"]).iterdir()
            }
            assert files == stimuli_of(made["mushra"], sound["id"])

    def test_24_bits_are_finer(self, tmp_path):
        fine = make_listening_test(REFERENCES, SYSTEMS, tmp_path / "test", bits=24, trials=2, progress=False)
        sound = keys_of(fine)["sounds"][0]
        wav = stimuli_of(fine, sound["id"])[sound["reference"]]
        assert soundfile.info(io.BytesIO(wav)).subtype == "PCM_24"
        steps = soundfile.read(io.BytesIO(wav))[0] * 2**23
        np.testing.assert_array_equal(steps, np.rint(steps))
        assert (np.rint(steps) % 256 != 0).any()

    def test_silent_answers_stay_silent_and_are_told(self, tmp_path):
        mute = System("mute", NAMES, lambda _: Rendered(np.zeros(RATE)))
        made = make_listening_test(REFERENCES, [mute], tmp_path / "test", trials=2, progress=False)
        assert any("2 stimuli are as good as silent" in note for note in made.notes)
        sound = keys_of(made)["sounds"][0]
        name = next(name for name, one in sound["stimuli"].items() if one["condition"] == "mute")
        assert sound["stimuli"][name]["gain_db"] is None
        assert not heard(made, sound["id"])[name].any()

    def test_where_an_anchor_is_not_heard_that_is_told(self, tmp_path):
        dull = References(NAMES, lambda sound: low_passed(tone(NAMES.index(sound)), RATE, 2_000).astype(np.float32))
        made = make_listening_test(dull, SYSTEMS, tmp_path / "test", progress=False)
        assert any(note.startswith("anchor-7000 sounds like the reference in 6 of 6") for note in made.notes)

    def test_answers_lie_where_they_answer_and_only_the_sound_is_compared(self, tmp_path):
        """Of a second an answer begins at .2 s and lasts beyond the end, another one covers less."""
        late = System("late", NAMES, lambda name: Rendered(np.pad(tone(NAMES.index(name))[4_410:], (0, 9_000)), 0.2))
        part = System("part", NAMES, lambda name: Rendered(tone(NAMES.index(name))[6_615:13_230], 0.3))
        made = make_listening_test(REFERENCES, [late, part], tmp_path / "test", trials=1, without=["another-preset"])
        sound = keys_of(made)["sounds"][0]
        stimuli = {one["condition"]: heard(made, sound["id"])[name] for name, one in sound["stimuli"].items()}
        assert sound["seconds"] == pytest.approx(0.8)
        assert sound["stimuli"][next(n for n, o in sound["stimuli"].items() if o["condition"] == "late")]["mss"] == 0
        np.testing.assert_allclose(stimuli["late"], stimuli["reference"], atol=1e-4)
        assert not stimuli["part"][:2_204].any()
        assert np.abs(stimuli["part"][2_300:8_000]).max() > 0.05
        assert not stimuli["part"][8_900:].any()


class TestTrials:
    def test_mushra_has_all_stimuli_of_each_sound_once(self, made):
        key = read_key(made["mushra"].folder)
        assert made["mushra"].trials == len(key["trials"]) == 6
        for trial in key["trials"]:
            sound = next(one for one in key["sounds"] if one["id"] == trial["sound"])
            assert trial["stimuli"] == sorted(sound["stimuli"])
            assert sorted(one["condition"] for one in sound["stimuli"].values()) == sorted(key["conditions"])
        assert sorted(sound["name"] for sound in key["sounds"]) == NAMES

    def test_two_by_two_every_pair_once_and_checks(self, tmp_path):
        three = [*SYSTEMS, system("third", 1.1)]
        made = make_listening_test(REFERENCES, three, tmp_path / "test", method="2afc", trials=4, progress=False)
        key = read_key(made.folder)
        conditions = {name: one["condition"] for sound in key["sounds"] for name, one in sound["stimuli"].items()}
        compared = [(trial["sound"], *sorted(conditions[name] for name in trial["stimuli"])) for trial in key["trials"]]
        checks = [one for one, trial in zip(compared, key["trials"], strict=True) if trial["check"]]
        assert len(set(compared)) == len(compared) == 4 * 3 + 2
        assert [one[1:] for one in checks] == [("another-preset", "reference")] * 2

    def test_the_seed_chooses_sounds_and_names(self, tmp_path):
        made = [
            make_listening_test(REFERENCES, SYSTEMS, tmp_path / str(place), trials=3, seed=seed, progress=False)
            for place, seed in enumerate((1, 1, 2))
        ]
        first, again, other = map(keys_of, made)
        assert first == again
        assert first["test"] != other["test"]
        assert not {sound["id"] for sound in first["sounds"]} & {sound["id"] for sound in other["sounds"]}

    def test_sounds_that_not_all_answer_or_nobody_hears_are_left_out(self, tmp_path):
        quiet = replace(REFERENCES, sound=lambda name: tone(NAMES.index(name)) * (name != NAMES[0]))
        few = System("few", NAMES[:3], SYSTEMS[0].answer)
        made = make_listening_test(quiet, [few, SYSTEMS[1]], tmp_path / "test", progress=False)
        assert sorted(sound["name"] for sound in keys_of(made)["sounds"]) == NAMES[1:3]


class TestNothingIsGivenAway:
    @pytest.mark.parametrize("method", ["mushra", "2afc"])
    def test_the_page_knows_no_condition_and_no_file(self, made, method):
        page = made[method].page.parent
        assert not [path for path in page.rglob("*") if path.name == "key.json"]
        for path in page.rglob("*"):
            assert not re.search(r"near|far|anchor|reference|preset|sound\d", path.name)
        told = (page / "test.js").read_text()
        data = json.loads(told.removeprefix("window.listeningTest = ").removesuffix(";\n"))
        del data["texts"]
        text = json.dumps(data)
        for word in ("near", "far", "anchor", "another", "sound0", "mss", "check", "condition"):
            assert word not in text

    def test_neither_order_nor_size_tells(self, made):
        key = keys_of(made["mushra"])
        ranks = []
        for sound in key["sounds"]:
            stimuli = stimuli_of(made["mushra"], sound["id"])
            assert list(stimuli) == sorted(stimuli)
            assert len(set(map(len, stimuli.values()))) == 1
            ranks.append([sound["stimuli"][name]["condition"] for name in sorted(sound["stimuli"])])
        assert len({tuple(rank) for rank in ranks}) > 3

    def test_the_page_asks_nobody_else(self, made):
        page = made["mushra"].page.parent
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', made["mushra"].page.read_text())[1]
        assert "default-src 'none'" in policy
        assert "connect-src 'none'" in policy
        assert "unsafe" not in policy
        for path in page.rglob("*"):
            if path.is_file() and "sounds" not in path.parts:
                assert not re.search(r"https?://|//[a-z]+\.|\beval\(|innerHTML|new Function", path.read_text()), path


def test_both_languages_say_the_same():
    texts = page_writing.texts()
    assert set(texts) == {"en", "de"}
    assert set(texts["en"]) == set(texts["de"])
    for name, text in texts["en"].items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", texts["de"][name])), name


class TestMistakes:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"method": "abx"}, "--method is 'abx'; it must be mushra or 2afc"),
            ({"bits": 8}, "--bits is 8; it must be 16 or 24"),
            ({"language": "fr"}, "--language is 'fr'"),
            ({"without": ["reference"]}, "--without reference: only anchor-3500, anchor-7000, another-preset"),
            ({"trials": 0}, "trials must be an integer from 1"),
            ({"training": 13}, "training must be an integer from 0 to 12"),
            ({"checks": -1, "method": "2afc"}, "checks must be an integer from 0"),
        ],
    )
    def test_arguments(self, options, message, tmp_path):
        with pytest.raises(InputError, match=message):
            make_listening_test(REFERENCES, SYSTEMS, tmp_path / "test", progress=False, **options)
        assert not (tmp_path / "test").exists()

    @pytest.mark.parametrize("name", ["Near", "a b", "", "reference", "../x", "x" * 41])
    def test_names_of_systems(self, name):
        with pytest.raises(InputError, match="is no name of a system"):
            system(name, 1.0)

    def test_too_few_and_too_many(self, tmp_path):
        with pytest.raises(InputError, match="A 2afc test needs answers of two systems"):
            make_listening_test(REFERENCES, SYSTEMS[:1], tmp_path / "a", method="2afc", progress=False)
        with pytest.raises(InputError, match="A mushra test needs answers of a system"):
            make_listening_test(REFERENCES, [], tmp_path / "a", progress=False)
        with pytest.raises(InputError, match="13 stimuli in a trial are more than 12"):
            many = [system(f"s{number}", 1.0) for number in range(9)]
            make_listening_test(REFERENCES, many, tmp_path / "a", progress=False)
        with pytest.raises(InputError, match=r"218 trials are more than 200, which nobody sits through"):
            # 8 of a check each.
            many = [system(f"s{number}", 1.0) for number in range(9)]
            make_listening_test(REFERENCES, many, tmp_path / "a", method="2afc", checks=2, progress=False)
        with pytest.raises(InputError, match="Two systems are called near"):
            make_listening_test(REFERENCES, [SYSTEMS[0]] * 2, tmp_path / "a", progress=False)

    def test_a_folder_that_holds_something(self, tmp_path):
        (tmp_path / "mine.txt").write_text("kept")
        with pytest.raises(InputError, match="is not empty; give a new folder"):
            make_listening_test(REFERENCES, SYSTEMS, tmp_path, progress=False)
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    def test_nothing_in_common_and_nothing_heard(self, tmp_path):
        stranger = System("stranger", ["other.wav"], SYSTEMS[0].answer)
        with pytest.raises(InputError, match=r"stranger answers none of the sounds .* \(it answers other\.wav\)"):
            make_listening_test(REFERENCES, [SYSTEMS[0], stranger], tmp_path / "a", progress=False)
        mute = References(NAMES, lambda _: np.zeros(RATE, np.float32))
        with pytest.raises(InputError, match="Nothing is heard in any of the sounds"):
            make_listening_test(mute, SYSTEMS, tmp_path / "a", progress=False)
        with pytest.raises(InputError, match=r"leave less than 0\.1 s of it"):
            beyond = System("beyond", NAMES, lambda _: Rendered(np.ones(RATE), 0.95))
            make_listening_test(REFERENCES, [beyond], tmp_path / "a", progress=False)

    def test_one_sound_has_no_other(self, tmp_path):
        with pytest.raises(InputError, match="Of one sound there is no other for another-preset"):
            make_listening_test(REFERENCES, SYSTEMS, tmp_path / "a", trials=1, progress=False)

    @pytest.mark.parametrize("limit", ["MOST_BYTES", "MOST_SOUND_BYTES"])
    def test_more_than_a_page_can_hold(self, limit, tmp_path, monkeypatch):
        monkeypatch.setattr(page_writing, limit, 2**18)
        with pytest.raises(InputError, match=r"The stimuli take 2 MiB, .* fewer --trials, shorter sounds or --bits 16"):
            make_listening_test(REFERENCES, SYSTEMS, tmp_path / "a", progress=False)
        assert not (tmp_path / "a" / "page").exists()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda key: key.update(schema=9), "no key of a listening test of this version"),
            (lambda key: key.pop("systems"), "key.json lacks 'systems'"),
            (lambda key: key.update(systems=["near", "Far"]), "'Far' is no name of a system"),
            (lambda key: key["trials"].pop(), "not every comparison is there once"),
            (lambda key: key["trials"][0].update(sound="x"), "t001 has stimuli that its sound has not"),
            (lambda key: key["trials"][0]["stimuli"].pop(), "t001 does not compare what the method compares"),
            (lambda key: key["trials"][0].update(check=True), "t001 does not compare what the method compares"),
            (lambda key: key["trials"].append(key["trials"][0]), "two of its sounds or trials have one name"),
            (lambda key: key["conditions"].remove("reference"), "its conditions are not its systems and anchors"),
            (lambda key: key["sounds"][0]["stimuli"].popitem(), "lacks a condition"),
        ],
    )
    def test_a_key_that_somebody_changed(self, change, message, made, tmp_path):
        key = keys_of(made["mushra"])
        change(key)
        (tmp_path / "key.json").write_text(json.dumps(key))
        with pytest.raises(InputError, match=message):
            read_key(tmp_path)

    def test_no_key(self, tmp_path):
        with pytest.raises(InputError, match=r"There is no key\.json in .*listening-test make --out"):
            read_key(tmp_path)
