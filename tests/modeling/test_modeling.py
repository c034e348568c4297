"""The feature extractor, the model and its checkpoints."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from secret_sauce_hf.instruments import (
    COLLECTIONS,
    SAMPLE_RATE,
    Collection,
    InputError,
    Instrument,
    Knob,
    Switch,
    Timing,
    get_collection,
)
from secret_sauce_hf.instruments.instrument import Playing
from secret_sauce_hf.instruments.listening import align, find_onset
from secret_sauce_hf.instruments.parameters import above, parameter_to_dict
from secret_sauce_hf.instruments.rules import named
from secret_sauce_hf.modeling import (
    SecretSauceConfig,
    SecretSauceFeatureExtractor,
    SecretSauceModel,
    checkpoint_folder,
    checkpoint_path,
    load_pipeline,
    registration,
)
from secret_sauce_hf.modeling.feature_extraction_secret_sauce import (
    MODULATION_HZ,
    read_sound,
)
from secret_sauce_hf.modeling.pipeline_secret_sauce import median
from secret_sauce_hf.modeling.sampler_secret_sauce import PresetSampler
from secret_sauce_hf.presets import Presets, draw_presets
from secret_sauce_hf.training.calibration import set_unheard
from secret_sauce_hf.training.run import save_checkpoint

LIGHT = get_collection("noisemaker-light")
NOTE_ON = 1_470
"""66.7 ms in samples."""


def small_model(collection=LIGHT) -> tuple[SecretSauceModel, SecretSauceFeatureExtractor]:
    extractor = SecretSauceFeatureExtractor(take_samples=collection.samples)
    patches = {"short_mels": 12, "long_mels": 6, "envelope": 60, "modulation": 24}
    config = SecretSauceConfig.from_collection(
        collection,
        inputs=[record | {"patch": patches[record["name"]]} for record in extractor.input_sizes()],
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SecretSauceModel(config), extractor


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    save_checkpoint(*small_model(), folder)
    return folder


def tone(rate: int = SAMPLE_RATE, seconds: float = 0.9, start: float = NOTE_ON / SAMPLE_RATE) -> np.ndarray:
    """Silence, then a decaying 261 Hz tone of many harmonics; float64, shape (samples,)."""
    time = np.arange(round(seconds * rate)) / rate - start
    harmonics = sum(np.sin(2 * np.pi * 261.6 * k * time) / k for k in range(1, 9))
    return np.where(time >= 0, 0.4 * harmonics * np.exp(-np.maximum(time, 0) * 2), 0.0)


def encoded(samples: np.ndarray, rate: int, container: str = "WAV", subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


class TestReading:
    def test_every_form_of_a_sound_gives_the_same(self, tmp_path: Path):
        samples = np.round(tone() * 20_000).astype(np.int16)
        content = encoded(samples, SAMPLE_RATE)
        path = tmp_path / "sound.wav"
        path.write_bytes(content)
        decoder = SimpleNamespace(
            get_all_samples=lambda: SimpleNamespace(
                data=torch.from_numpy(samples[None] / np.float32(32_768)), sample_rate=SAMPLE_RATE
            )
        )
        forms = [
            str(path),
            path,
            content,
            {"bytes": content, "path": "s0.wav"},
            {"bytes": None, "path": str(path)},
            {"array": samples, "sampling_rate": SAMPLE_RATE},
            {"array": (samples / 32_768).tolist(), "sampling_rate": SAMPLE_RATE},
            {"array": samples.astype(np.int32) << 16, "sampling_rate": SAMPLE_RATE},
            {"array": np.stack([samples, samples]), "sampling_rate": SAMPLE_RATE},
            {"array": np.stack([samples] * 6, axis=1), "sampling_rate": SAMPLE_RATE},
            decoder,
        ]
        for form in forms:
            got, rate = read_sound(form)
            assert rate == SAMPLE_RATE
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, samples / 32_768, atol=1e-7)
        got, _ = read_sound(samples, SAMPLE_RATE)
        np.testing.assert_allclose(got, samples / 32_768, atol=1e-7)

    def test_channels_are_averaged(self):
        left, right = np.full(100, 0.5), np.full(100, -0.25)
        got, _ = read_sound({"array": np.stack([left, right], axis=1), "sampling_rate": SAMPLE_RATE})
        np.testing.assert_allclose(got, 0.125)

    def test_unsigned_bytes_are_centred(self):
        got, _ = read_sound({"array": np.array([0, 128, 255], np.uint8), "sampling_rate": SAMPLE_RATE})
        np.testing.assert_allclose(got, [-1, 0, 127 / 128])

    @pytest.mark.parametrize(
        ("sound", "message"),
        [
            ("nowhere.wav", "No such sound file: nowhere.wav"),
            (b"", "empty"),
            (b"RIFF but not a sound", "Not a sound file"),
            ({"path": "nowhere.flac"}, "No such sound file"),
            ({"sampling_rate": 8_000}, "needs array and sampling_rate"),
            (np.zeros(100), "An array needs its rate"),
            ([0.0, 0.5], "An array needs its rate"),
            ({"array": np.zeros(0), "sampling_rate": 8_000}, "no samples"),
            ({"array": np.zeros((2, 2, 2)), "sampling_rate": 8_000}, "shape"),
            ({"array": np.array(["a"]), "sampling_rate": 8_000}, "of numbers"),
            ({"array": np.zeros(9), "sampling_rate": 0}, "needs its rate|sampling rate"),
            ({"array": np.zeros(9), "sampling_rate": "fast"}, "sampling rate"),
            ({"array": np.zeros(9), "sampling_rate": float("inf")}, "sampling rate"),
            ({"array": np.zeros(9), "sampling_rate": 10**9}, "sampling rate"),
            ({"array": np.array([0, np.nan]), "sampling_rate": 8_000}, "not finite"),
            ({"array": np.array([0, np.inf]), "sampling_rate": 8_000}, "not finite"),
            ({"array": np.zeros((200, 100)), "sampling_rate": 8_000}, "channels"),
            ({"array": [0, 100, -100], "sampling_rate": 8_000}, "64-bit"),
            (7, "Cannot read a sound from int"),
            (None, "Cannot read a sound from NoneType"),
        ],
    )
    def test_bad_sounds(self, sound, message: str):
        with pytest.raises(InputError, match=message) as caught:
            read_sound(sound)
        assert "\n" not in str(caught.value)

    def test_bad_files(self, tmp_path: Path):
        empty, text, folder = tmp_path / "empty.wav", tmp_path / "text.wav", tmp_path / "folder.wav"
        empty.touch()
        text.write_text("These are words.")
        folder.mkdir()
        headers = tmp_path / "headers.wav"
        headers.write_bytes(encoded(np.zeros(0), SAMPLE_RATE))
        broken = tmp_path / "nan.wav"
        broken.write_bytes(encoded(np.full(100, np.nan), SAMPLE_RATE, subtype="FLOAT"))
        for path in (empty, text, folder, headers, broken):
            with pytest.raises(InputError, match=path.name):
                read_sound(path)

    def test_a_truncated_file_gives_what_is_there_or_an_error(self):
        content = encoded(tone(), SAMPLE_RATE)
        whole, _ = read_sound(content)
        part, _ = read_sound(content[: len(content) // 2])
        np.testing.assert_array_equal(part, whole[: len(part)])
        assert len(part) > len(whole) // 3
        with pytest.raises(InputError):
            read_sound(content[:30])
        flac = encoded(tone(), SAMPLE_RATE, "FLAC")
        try:
            part, _ = read_sound(flac[: len(flac) // 2])
        except InputError:
            return
        np.testing.assert_allclose(part, whole[: len(part)], atol=1e-4)

    def test_no_more_than_a_minute_is_read(self):
        got, _ = read_sound({"array": np.zeros(8_000 * 61, np.int16), "sampling_rate": 8_000})
        assert len(got) == 8_000 * 60


class TestAligning:
    def test_a_take_stays_as_it_is(self):
        take = tone().astype(np.float32)
        assert len(take) == LIGHT.samples
        np.testing.assert_array_equal(align(take, LIGHT.samples, NOTE_ON, SAMPLE_RATE).take, take)

    @pytest.mark.parametrize("seconds", [0.3, 0.89, 1.0, 5.0])
    @pytest.mark.parametrize("start", [0.0, 0.02, 0.2])
    def test_the_onset_goes_where_the_note_starts(self, seconds: float, start: float):
        samples = tone(seconds=seconds, start=start).astype(np.float32)
        onset = find_onset(samples)
        assert abs(onset - start * SAMPLE_RATE) <= 4
        got = align(samples, LIGHT.samples, NOTE_ON, SAMPLE_RATE).take
        assert got.shape == (LIGHT.samples,)
        expected = np.zeros(LIGHT.samples, np.float32)
        sounding = samples[onset:][: LIGHT.samples - NOTE_ON]
        expected[NOTE_ON : NOTE_ON + len(sounding)] = sounding
        np.testing.assert_allclose(got[NOTE_ON:], expected[NOTE_ON:])
        assert np.abs(got[:NOTE_ON]).max() <= 0.01 * np.abs(got).max()

    def test_silence_and_a_click(self):
        assert not align(np.zeros(100, np.float32), LIGHT.samples, NOTE_ON, SAMPLE_RATE).take.any()
        click = np.zeros(100_000, np.float32)
        click[70_000] = 1
        got = align(click, LIGHT.samples, NOTE_ON, SAMPLE_RATE).take
        assert int(got.argmax()) == NOTE_ON


class TestFeatures:
    def test_shapes_and_levels(self):
        _, extractor = small_model()
        features = extractor([{"array": level * tone(), "sampling_rate": SAMPLE_RATE} for level in (0.9, 0.09)])
        for record in extractor.input_sizes():
            assert features[record["name"]].shape == (2, record["frames"], record["bins"])
            assert torch.isfinite(features[record["name"]]).all()
        assert float(features["peak"][0]) == pytest.approx(10 * float(features["peak"][1]), rel=1e-5)
        # A tenth of the amplitude is 2 of log10 power, on a scale of thirds.
        strong = features["short_mels"][0] > 1
        difference = (features["short_mels"][0] - features["short_mels"][1])[strong]
        torch.testing.assert_close(difference, torch.full_like(difference, 2 / 3), rtol=0, atol=1e-3)

    @pytest.mark.parametrize("factor", [2.0, 32_768.0, 1e30])
    def test_what_is_too_loud_is_turned_down(self, factor: float):
        _, extractor = small_model()
        take = extractor.take({"array": tone() * factor, "sampling_rate": SAMPLE_RATE})
        assert np.abs(take).max() == pytest.approx(0.999)
        np.testing.assert_allclose(take, tone() / np.abs(tone()).max() * 0.999, atol=1e-5)

    def test_a_full_scale_sine_has_power_one(self):
        _, extractor = small_model()
        samples = np.sin(2 * np.pi * 1_000 * np.arange(LIGHT.samples) / SAMPLE_RATE)
        mels = extractor({"array": samples, "sampling_rate": SAMPLE_RATE})["short_mels"]
        assert (10 ** (3 * mels[0, 50] - 6)).sum() == pytest.approx(1.5, rel=0.05)  # the window's noise bandwidth

    @pytest.mark.parametrize("rate", [2.0, 11.0, 60.0])
    def test_the_modulation_spectrum_tells_rate_and_sign(self, rate: float):
        _, extractor = small_model()
        time = np.arange(LIGHT.samples) / SAMPLE_RATE - NOTE_ON / SAMPLE_RATE
        noise = np.random.default_rng(0).normal(size=LIGHT.samples) * 0.1 * (time >= 0)
        parts = {}
        for sign in (1, -1):
            swing = 1 + sign * 0.5 * np.sin(2 * np.pi * rate * (time - 0.006))
            values = extractor({"array": noise * swing, "sampling_rate": SAMPLE_RATE})["modulation"][0]
            parts[sign] = values.unflatten(1, (16, 2)).mean(dim=1)  # (rates, cosine and sine)
        strength = (parts[1] - parts[-1]).norm(dim=1)
        strongest = np.geomspace(*MODULATION_HZ, 96)[int(strength.argmax())]
        assert strongest == pytest.approx(rate, rel=0.25)
        # exp(-2 pi i f t): a sine that rises from the note-on has a negative imaginary part.
        assert parts[1][strength.argmax(), 1] < -0.1 < 0.1 < parts[-1][strength.argmax(), 1]

    def test_a_steady_level_is_not_modulated(self):
        _, extractor = small_model()
        samples = np.sin(2 * np.pi * 689.0625 * np.arange(LIGHT.samples) / SAMPLE_RATE)  # one period per hop
        modulation = extractor({"array": samples, "sampling_rate": SAMPLE_RATE})["modulation"][0]
        # Below 5 Hz the window reaches the end of the take, where the sound breaks off.
        assert modulation[36:].abs().max() < 0.01

    @pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 192_000])
    def test_the_rate_does_not_matter(self, rate: int):
        _, extractor = small_model()
        reference = extractor({"array": tone(), "sampling_rate": SAMPLE_RATE})["short_mels"][0, :, :30]
        other = extractor({"array": tone(rate), "sampling_rate": rate})["short_mels"][0, :, :30]
        loud = reference > 0.5
        assert (reference - other)[loud].abs().mean() < 0.05

    def test_a_batch_equals_single_sounds(self):
        _, extractor = small_model()
        sounds = [{"array": tone() * level, "sampling_rate": SAMPLE_RATE} for level in np.linspace(0.1, 1, 70)]
        together = extractor(sounds)
        for row in (0, 63, 64, 69):
            alone = extractor(sounds[row])
            for name, values in alone.items():
                torch.testing.assert_close(values[0], together[name][row], rtol=1e-5, atol=1e-5)

    def test_no_sound(self):
        with pytest.raises(InputError, match="no sound"):
            small_model()[1]([])

    def test_saving_keeps_it(self, tmp_path: Path):
        _, extractor = small_model()
        extractor.save_pretrained(tmp_path)
        again = SecretSauceFeatureExtractor.from_pretrained(tmp_path)
        assert again.to_dict() == extractor.to_dict()
        assert (tmp_path / "preprocessor_config.json").stat().st_size < 2_000  # no arrays in it


class TestConfig:
    @pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)
    def test_round_trip(self, collection, tmp_path: Path):
        model, _ = small_model(collection)
        model.config.save_pretrained(tmp_path)
        config = SecretSauceConfig.from_pretrained(tmp_path)
        assert config.parameter_specs == [collection.as_played(parameter) for parameter in collection.parameters]
        assert config.label_names == list(collection.columns)
        assert [tuple(pair) for pair in config.fixed] == list(collection.fixed)
        assert config.to_dict() == model.config.to_dict() | {"_name_or_path": str(tmp_path)} or (
            config.inputs == model.config.inputs
        )

    def test_the_packages_own_class_names_no_custom_pipelines(self):
        assert SecretSauceConfig(custom_pipelines={"audio-to-preset": {}}).custom_pipelines == {}

    @pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)
    def test_a_known_collection_comes_back(self, collection):
        assert SecretSauceConfig.from_collection(collection).to_collection() is collection

    def test_an_unknown_collection_is_described(self, tmp_path: Path):
        knob = Knob("cutoff", (74,), drawn=(10, 120), heard=above("volume", 1.0), about="Cutoff")
        switch = Switch("wave", (70,), (0, 64), ("Saw", "Pulse"), heard=above("cutoff", 2.0))
        volume, unnamed = Knob("volume", (7,)), Knob("chorus", (93,))
        box = Instrument("bass-box", "Bass Box 9", (knob, volume, switch, unnamed))
        declared = Collection(
            name="my-bass",
            stem="my_bass",
            instrument=box,
            columns=("wave", "cutoff"),
            count=100,
            train_count=80,
            timing=Timing(note_on=0.3, note_off=0.9, cut=(0.2, 0.95)),
            title="My bass box",
            fixed=(("volume", 5.0), ("chorus", 0.0)),
        )
        SecretSauceConfig.from_collection(declared).save_pretrained(tmp_path)
        told = SecretSauceConfig.from_pretrained(tmp_path).to_collection()
        assert told.parameters == (switch, knob)
        assert told.columns == ("wave", "cutoff")
        assert (told.name, told.title) == ("my-bass", "My bass box")
        assert (told.instrument.name, told.instrument.title) == ("bass-box", "Bass Box 9")
        assert told.samples == declared.samples
        assert told.timing.note_on == pytest.approx(0.1)
        assert (told.count, told.train_count) == (0, 0)
        assert told.fixed == (("volume", 5.0),)  # no rule names the other
        Presets.from_settings(told, [{"wave": "Saw", "cutoff": 100 / 12.7}]).heard()

    def test_rules_that_ask_of_notes_are_decided_where_every_row_plays_the_same(self):
        collection = get_collection("subphatty")
        config = SecretSauceConfig.from_collection(collection)
        asked = {name for parameter in config.parameter_specs for name in named(parameter.heard)}
        assert asked <= set(collection.columns)
        notes = replace(collection, plays=Playing("notes", 24, 96))
        config = SecretSauceConfig.from_collection(notes)
        assert config.parameter_specs == list(notes.parameters)
        assert config.to_collection() is collection

    def test_another_table_than_the_packages_is_not_taken_for_it(self):
        records = [parameter_to_dict(parameter) for parameter in LIGHT.parameters]
        records[0]["control"] = [99]
        told = SecretSauceConfig(LIGHT.name, records).to_collection()
        assert told.parameters[0].control == (99,)
        assert told.count == 0

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"hidden_size": 15, "num_attention_heads": 2}, "multiple"),
            ({"hidden_size": 0}, "positive"),
            ({"knob_bins": 1}, "two bins"),
            ({"inputs": [{"name": "short_mels", "frames": 4, "bins": 2, "patch": 5}]}, "Not an input"),
            ({"stem_size": -1}, "must be positive"),
            ({"stem_size": 2**17}, "stem_size is 131072"),
            ({"inputs": [{"name": "short_mels"}]}, "Not an input"),
            ({"parameters": [{"kind": "slider", "name": "x"}]}, "Unknown kind"),
            ({"parameters": [{"kind": "knob", "name": "x", "control": [1]}] * 2}, "twice"),
        ],
    )
    def test_bad_configs(self, changes: dict, message: str):
        with pytest.raises(InputError, match=message):
            SecretSauceConfig(**changes)

    def test_bins_span_the_legal_range(self):
        config = SecretSauceConfig.from_collection(get_collection("guitar"))
        for parameter in config.parameter_specs:
            if parameter.kind == "knob":
                bins = config.bin_settings(parameter)
                assert (bins[0], bins[-1]) == pytest.approx(parameter.setting_limits)
        knob = LIGHT.parameters[0]
        np.testing.assert_allclose(config.bin_settings(knob), knob.cc_to_setting(np.arange(128)))


class TestModel:
    def test_it_learns_a_few_sounds_by_heart(self):
        model, _ = small_model()
        generator = torch.Generator().manual_seed(1)
        inputs = {
            record["name"]: torch.randn(8, record["frames"], record["bins"], generator=generator)
            for record in model.config.inputs
        }
        labels = {name: torch.rand(8, generator=generator) * 10 for name in model.config.label_names}
        labels["osc2_wave"] = torch.arange(8) % 5
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        for _ in range(150):
            optimizer.zero_grad()
            model(**inputs, **labels).loss.backward()
            optimizer.step()
        model.eval()
        logits = model(**inputs).logits
        assert (logits[3].argmax(dim=1) == labels["osc2_wave"]).all()
        heard = model.heard_labels(labels)[:, 0].bool().numpy()
        assert 0 < heard.sum() < 8
        told = median(logits[0].detach().double().softmax(1).numpy(), np.linspace(0, 10, 128))
        assert np.abs(told - labels["lfo1_rate"].numpy())[heard].mean() < 0.3
        # Where the LFO moves nothing, nothing is known of its rate.
        assert told[~heard] == pytest.approx(5.0, abs=0.1)
        assert ((model(**inputs).heard_logits[:, 0] > 0).numpy() == heard).all()

    def test_what_may_be_heard_in_some_of_what_is_played_counts_as_heard(self):
        collection = get_collection("subphatty")
        release = collection.columns.index("env_amplifier_release")
        labels = {name: torch.tensor([5.0, 2.0]) for name in collection.columns}
        labels |= {p.name: torch.tensor([0, 1]) for p in collection.parameters if p.classes}
        assert small_model(collection)[0].heard_labels(labels)[:, release].tolist() == [0, 0]
        notes = replace(collection, plays=Playing("notes", 24, 96))
        assert small_model(notes)[0].heard_labels(labels)[:, release].tolist() == [1, 1]

    def test_the_loss_is_least_at_the_label(self):
        model, _ = small_model()
        config = model.config
        labels = {name: torch.tensor([4.0]) for name in config.label_names} | {"osc2_wave": torch.tensor([2])}

        def loss_when_sure_of(setting: float) -> float:
            knob = -torch.as_tensor((config.bin_settings(LIGHT.parameters[0]) - setting) ** 2).float()[None]
            logits = tuple(torch.zeros(1, 5) if size == 5 else knob for size in config.head_sizes())
            return model.loss(logits, torch.zeros(1, 5), torch.zeros(1, 5, 16), labels).item()

        assert loss_when_sure_of(4.0) < loss_when_sure_of(4.5) < loss_when_sure_of(6.0) < loss_when_sure_of(9.0)

    def test_what_is_not_heard_is_left_out_of_the_loss(self):
        model, _ = small_model()
        labels = {name: torch.tensor([4.9]) for name in model.config.label_names} | {"osc2_wave": torch.tensor([2])}
        heard = dict(zip(model.config.label_names, model.heard_labels(labels)[0].tolist(), strict=True))
        assert heard == {name: float(name != "lfo1_rate") for name in heard}

        def loss(changed: dict, peak: float = 1.0) -> float:
            logits = tuple(torch.linspace(0, 1, size)[None] for size in model.config.head_sizes())
            everything = labels | changed
            answers = torch.zeros(1, 5, 16)
            return model.loss(logits, torch.zeros(1, 5), answers, everything, torch.tensor([peak])).item()

        assert loss({}) == loss({"lfo1_rate": torch.tensor([9.0])})
        assert loss({}) != loss({"filter_cutoff": torch.tensor([8.0])})
        assert loss({}, 1e-4) == loss({"filter_cutoff": torch.tensor([8.0])}, 1e-4)

    def test_the_answer_lies_between_the_head_and_what_is_unheard(self):
        """By how likely the parameter is heard; and everything is a probability."""
        model, extractor = small_model()
        set_unheard(model, draw_presets("noisemaker-light", 2_000, 0))
        features = extractor.transform(torch.from_numpy(tone()[None].astype(np.float32)))
        features.pop("peak")
        rate = model.config.label_names.index("lfo1_rate")
        alone = {}
        for odds in (-30.0, 0.0, 30.0):
            torch.nn.init.constant_(model.heard_heads["lfo1_rate"].bias, odds)
            torch.nn.init.zeros_(model.heard_heads["lfo1_rate"].weight)
            alone[odds] = model(**features).logits[rate].exp().detach()
            assert alone[odds].sum().item() == pytest.approx(1, abs=1e-5)
        torch.testing.assert_close(alone[-30.0][0], model.unheard[128 * 0 : 128].exp(), rtol=1e-3, atol=1e-6)
        torch.testing.assert_close((alone[-30.0] + alone[30.0]) / 2, alone[0.0])
        # Its amount is unheard where the LFO has none: in the middle.
        amount = model.unheard.split(model.config.head_sizes())[model.config.label_names.index("lfo1_amount")].exp()
        assert amount.sum().item() == pytest.approx(1, abs=1e-5)

    def test_no_weight_starts_as_what_was_in_memory(self, monkeypatch):
        monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
        torch.use_deterministic_algorithms(True)
        try:
            assert torch.empty(1).isnan()
            model, _ = small_model()
        finally:
            torch.use_deterministic_algorithms(False)
        assert all(values.isfinite().all() for values in model.state_dict().values())
        assert all(place.std() > 0.01 for place in model.sampler.places.values())
        assert all((layer.weight == 0).all() for layer in model.sampler.corrections.values())

    def test_the_sampler_learns_what_depends_on_what(self):
        """Two knobs whose sum is told by nothing but themselves: alone each may be anything."""
        sampler = PresetSampler(["a", "b"], [16, 16], [True, True], width=16, layers=1, heads=2)
        generator = torch.Generator().manual_seed(0)
        optimizer = torch.optim.Adam(sampler.parameters(), 0.01)
        for _ in range(250):
            first = torch.randint(16, (64,), generator=generator)
            chosen = torch.stack([first, 15 - first], dim=1)
            scores = sampler(torch.zeros(64, 2, 16), chosen)
            loss = sum(torch.nn.functional.cross_entropy(s, c) for s, c in zip(scores, chosen.T, strict=True))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        even = [torch.zeros(1, 16)] * 2
        drawn = sampler.draw(torch.zeros(1, 2, 16), even, 200, generator)
        assert (drawn.sum(dim=1) - 15).abs().float().mean() < 0.5
        assert len(drawn[:, 0].unique()) > 12
        likely, unlikely = sampler.log_probability(torch.zeros(1, 2, 16), even, torch.tensor([[3, 12], [3, 3]]))
        assert likely > unlikely + 3

    def test_proposals_are_of_the_sound_and_the_seed(self):
        model, extractor = small_model(get_collection("guitar"))
        features = extractor.transform(torch.from_numpy(tone(seconds=0.84)[None].astype(np.float32)))
        features.pop("peak")
        told = model(**features)
        first, same, other = (model.propose(told.answers, told.logits, 300, seed) for seed in (1, 1, 2))
        assert torch.equal(first, same)
        assert not torch.equal(first, other)
        assert first.shape == (300, 19)
        assert (first >= 0).all() and (first < torch.tensor(model.config.head_sizes())).all()
        config = SecretSauceConfig.from_dict(model.config.to_dict() | {"sampler_layers": 0})
        with pytest.raises(InputError, match="no sampler"):
            SecretSauceModel(config).propose(told.answers, told.logits, 3)

    def test_missing_inputs_and_labels(self):
        model, extractor = small_model()
        features = extractor({"array": tone(), "sampling_rate": SAMPLE_RATE})
        inputs = {name: features[name] for name in model.config.input_names}
        with pytest.raises(InputError, match="needs envelope"):
            model(short_mels=inputs["short_mels"], long_mels=inputs["long_mels"])
        with pytest.raises(InputError, match="Labels must be"):
            model(**inputs, lfo1_rate=torch.zeros(1))

    def test_whatever_the_extractor_makes_is_taken(self):
        model, extractor = small_model()
        features = extractor([{"array": tone(), "sampling_rate": SAMPLE_RATE}] * 2)
        assert "peak" in features
        inputs = {name: features[name] for name in model.config.input_names}
        told, expected = model(**features), model(**inputs)
        assert told.loss is None
        assert all(torch.equal(mine, theirs) for mine, theirs in zip(told.logits, expected.logits, strict=True))
        labels = {name: torch.ones(2) for name in model.config.label_names}
        assert torch.equal(model(**features, **labels).loss, model(**inputs, **labels).loss)

    def test_a_parameter_may_be_called_peak(self):
        model, extractor = small_model(
            replace(
                LIGHT,
                instrument=replace(LIGHT.instrument, parameters=(Knob("peak", (7,)), Knob("drive", (8,)))),
                columns=("peak", "drive"),
                fixed=(),
            )
        )
        features = extractor({"array": tone(), "sampling_rate": SAMPLE_RATE})
        inputs = {name: features[name] for name in model.config.input_names}
        low, high = (model(**inputs, peak=torch.tensor([setting]), drive=torch.ones(1)).loss for setting in (0.0, 9.0))
        assert low != high

    @pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)
    def test_a_head_per_parameter_of_every_collection(self, collection):
        model, extractor = small_model(collection)
        takes = torch.zeros(2, collection.samples)
        features = extractor.transform(takes)
        logits = model(**{name: features[name] for name in model.config.input_names}).logits
        for parameter, scores in zip(collection.parameters, logits, strict=True):
            bins = min(128, parameter.cc_count) if parameter.kind == "switch" or parameter.top else 128
            assert scores.shape == (2, bins)


class TestMedian:
    def test_it_has_the_least_expected_error(self):
        values = np.linspace(0, 10, 128)
        generator = np.random.default_rng(3)
        probabilities = generator.dirichlet(np.full(128, 0.1), size=20)
        told = median(probabilities, values)
        errors = np.abs(values[:, None] - values) @ probabilities.T  # (answers, rows)
        best = values[errors.argmin(axis=0)]
        assert np.abs(told - best).max() <= values[1]

    def test_sure_and_unsure(self):
        values = np.linspace(0, 10, 11)
        assert median(np.eye(11), values) == pytest.approx(values)
        assert median(np.full(11, 1 / 11), values) == pytest.approx(5)
        assert median(np.array([0.5] + [0] * 9 + [0.5]), values) == pytest.approx(0.5)


class TestCheckpoint:
    def test_weights_survive_in_half_precision(self, checkpoint: Path):
        model, _ = small_model()
        again = SecretSauceModel.from_pretrained(checkpoint)
        assert again.dtype == torch.float32
        for name, tensor in model.state_dict().items():
            torch.testing.assert_close(again.state_dict()[name], tensor.half().float(), rtol=0, atol=0)
        assert json.loads((checkpoint / "config.json").read_text())["dtype"] == "float32"

    def test_saving_again_keeps_every_key(self, checkpoint: Path, tmp_path: Path):
        model = SecretSauceModel.from_pretrained(checkpoint)
        model.save_pretrained(tmp_path / "again")
        again = SecretSauceModel.from_pretrained(tmp_path / "again")
        assert model.state_dict().keys() == again.state_dict().keys()
        assert all(
            torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True)
        )

    @pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json"])
    def test_a_missing_file_is_named(self, checkpoint: Path, name: str):
        (checkpoint / name).unlink()
        with pytest.raises(InputError, match=name.replace(".", r"\.")) as caught:
            load_pipeline(checkpoint)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["model.safetensors", "preprocessor_config.json"])
    def test_plain_pipeline_names_a_missing_file(self, checkpoint: Path, name: str):
        from transformers import pipeline

        (checkpoint / name).unlink()
        with pytest.raises(InputError, match=name.replace(".", r"\.")) as caught:
            pipeline("audio-to-preset", model=str(checkpoint))
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"hidden_size": 32}, "has shape"),
            ({"num_hidden_layers": 2}, r"layers\.1\..* is missing"),
            ({"parameters": []}, "and one parameter"),
            ({"hidden_size": "wide"}, "must be a whole number"),
            ({"model_type": "bert"}, "of a bert model"),
        ],
    )
    def test_weights_that_do_not_fit(self, checkpoint: Path, changes: dict, message: str):
        path = checkpoint / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        with pytest.raises(InputError, match=message) as caught:
            load_pipeline(checkpoint)
        assert "\n" not in str(caught.value)

    def test_a_head_that_is_not_in_the_file(self, checkpoint: Path):
        path = checkpoint / "config.json"
        config = json.loads(path.read_text())
        config["parameters"][0]["name"] = "lfo9_rate"
        path.write_text(json.dumps(config))
        from transformers import AutoModel

        for load in (load_pipeline, SecretSauceModel.from_pretrained, AutoModel.from_pretrained):
            with pytest.raises(InputError, match=r"heads\.lfo9_rate\.\w+ is missing"):
                load(checkpoint)

    @pytest.mark.parametrize("size", [0, 4, 200, 6_000])
    def test_cut_off_weights(self, checkpoint: Path, size: int):
        path = checkpoint / "model.safetensors"
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(InputError, match=r"model\.safetensors"):
            load_pipeline(checkpoint)

    @pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
    def test_files_that_are_not_json(self, checkpoint: Path, name: str):
        (checkpoint / name).write_text("{ not json")
        with pytest.raises(InputError, match=f"{name} is not JSON .*; copy it again"):
            load_pipeline(checkpoint)

    def test_an_extractor_that_does_not_fit(self, checkpoint: Path):
        SecretSauceFeatureExtractor(take_samples=18_522).save_pretrained(checkpoint)
        with pytest.raises(InputError, match="preprocessor_config"):
            load_pipeline(checkpoint)

    def test_another_collection(self, checkpoint: Path):
        with pytest.raises(InputError, match="is for noisemaker-light, not for guitar"):
            load_pipeline(checkpoint, collection="guitar")

    def test_no_folder(self, tmp_path: Path):
        with pytest.raises(InputError, match="No such checkpoint folder"):
            load_pipeline(tmp_path / "nowhere")
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match="is a file"):
            load_pipeline(tmp_path / "file")

    def test_a_shipped_one_by_the_name_of_its_collection(self, tmp_path: Path, monkeypatch):
        assert checkpoint_folder("noisemaker-light") == checkpoint_folder() == checkpoint_path("noisemaker-light")
        assert checkpoint_folder(collection="noisemaker-light") == checkpoint_path("noisemaker-light")
        monkeypatch.setattr(registration, "CHECKPOINTS", tmp_path)
        with pytest.raises(InputError, match="No checkpoint ships for guitar"):
            checkpoint_folder("guitar")

    def test_a_folder_comes_before_a_collection_and_has_no_revisions(self, checkpoint: Path, monkeypatch):
        monkeypatch.chdir(checkpoint.parent)
        checkpoint.rename("noisemaker-light")
        assert checkpoint_folder("noisemaker-light") == Path("noisemaker-light")
        with pytest.raises(InputError, match="has no revisions"):
            checkpoint_folder("noisemaker-light", revision="v1")

    def test_the_config_alone_can_be_read(self, checkpoint: Path, tmp_path: Path):
        alone = tmp_path / "alone"
        alone.mkdir()
        shutil.copy(checkpoint / "config.json", alone)
        assert SecretSauceConfig.from_pretrained(alone).collection == "noisemaker-light"
