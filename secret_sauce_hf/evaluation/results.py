"""What an evaluation and a benchmark found."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from secret_sauce_hf.evaluation.records import read_benchmark_record
from secret_sauce_hf.evaluation.writing import benchmark_markdown, write_benchmark, write_evaluation
from secret_sauce_hf.files import jsonable
from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.metrics.scores import Scores
from secret_sauce_hf.plots.evaluation import Shown


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How well a checkpoint tells the settings of sounds, beside simple references.

    Args:
        collection: of the sounds.
        data: where they are from: `source`, `revision`, `build` (the command that makes
            them), `split`, `rows` and `references` (train rows that the references know).
        scores: of the `model`, the `naive` answers (median, majority) and the `nearest`
            neighbour by log-mel spectrogram.
        sounds: median MSS in dB between sound and rendered answer of the first `rows`
            sounds, of the same three and of the truth rendered again (`floor`); None
            without an engine.
        weights: SHA-256 of the checkpoint's weights.
        versions: of what measured this.
        shown: sounds for the picture: file, sound, rendered answer or None, its MSS or None.
    """

    collection: Collection
    data: dict[str, Any]
    scores: dict[str, Scores]
    sounds: dict[str, float] | None
    weights: str
    versions: dict[str, str]
    shown: Shown

    def to_dict(self) -> dict[str, Any]:
        """Everything but the sounds, as JSON-ready values; null for what was not measured."""
        return jsonable(
            {
                "collection": self.collection.name,
                "data": self.data,
                "scores": {who: asdict(scores) for who, scores in self.scores.items()},
                "sounds": self.sounds,
                "weights": self.weights,
                "versions": self.versions,
            }
        )

    def save(self, folder: str | Path) -> list[Path]:
        """Write record and picture, see `write_evaluation`; returns the files."""
        return write_evaluation(self.to_dict(), self.shown, folder)


@dataclass(frozen=True, eq=False)
class Benchmark:
    """What a benchmark measured.

    Every figure is `[value, low, high]`, the last two the limits of its 95 % confidence
    interval; null where nothing was counted.

    Args:
        record: JSON-ready:

            - `schema`: version of this form; `collection`; `command`: the command line.
            - `data`: `source`, `revision` and `build` of the dataset, `split` or `recordings`
              (a file's name) and its `sha256`; `rows`: scored; `first`: so many of them
              searched for; `nothing_heard`: rows without a heard parameter; `known`: train
              rows that baselines knew; `left_out`: train rows replaced as they are scored.
            - `model`: its name, `weights`: SHA-256 of its weights.
            - `budget`: `seconds` and `renders` of a search, `baseline_seconds` and
              `baseline_steps` of a training, `seed`; `intervals`: how they were made.
            - `ways`: name to `title`, `about`, `seconds` per sound, for trained ones
              `trained`, for searching ones `renders`; `settings` on the first rows:
              `all` and `heard`, each with `knob_mae` and `switch_accuracy`, `heard` also
              with `within_step`, where an engine renders them `same` (see `score_settings`),
              and `per_parameter`; `settings_of_all`: the same on all
              rows, where they were answered; `sounds`: per distance `median` and `mean`, of
              `floors` (MSS as multiple of that of the truth rendered) also `within`;
              `rows`: per first row `heard_knob_mae` and every distance; `seeds`: of what is
              trained, a list of figures, one per seed.
            - `pairs`: per figure of the rows every two ways: `one`, `other`, `difference`, `p`
              and `holm`, see `pairing.pairs`.
            - `missing`: names of ways that did not take part.
            - `published`: `scores` of 2018 and their `source`.
            - `calibration`: `switch_error`, `coverage`, both per parameter too, and
              `reliability`: [confidence, accuracy, answers] per level; or null.
            - `over_time`: `matching` and `genetic` to `seconds`, and `mss` and
              `heard_knob_mae` then: `median` over the rows, quartiles `low` and `high`.
            - `history`: of the model's training, see its `training.json`.
            - `versions`; `machine`.
    """

    record: dict[str, Any]

    def markdown(self) -> str:
        """The tables and what must be said beside them, to paste into a README."""
        return benchmark_markdown(self.record)

    def save(self, folder: str | Path) -> list[Path]:
        """Write record, tables and pictures, see `write_benchmark`; returns the files."""
        return write_benchmark(self.record, folder)


def read_benchmark(checkpoint: str | Path) -> Benchmark | None:
    """The benchmark that was saved beside a checkpoint's weights; None if there is none.

    Raises:
        InputError: it cannot be read, or is of other weights.
    """
    record = read_benchmark_record(checkpoint)
    return None if record is None else Benchmark(record)
