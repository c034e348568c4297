"""Datasets of rows that somebody gives: tables, JSON Lines and banks."""

import numpy as np
import pytest
from datasets import Audio, load_dataset

from secret_sauce_hf.data import build_collection
from secret_sauce_hf.data.building import finished_plan
from secret_sauce_hf.data.names import ROWS_NAME
from secret_sauce_hf.data.plan import build_command
from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.engines.base import RowsLost
from secret_sauce_hf.instruments import InputError, Note, get_collection
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.presets import draw_presets
from secret_sauce_hf.rows import read_rows

LIGHT = get_collection("noisemaker-light")
ROWS = draw_presets(LIGHT, 11, seed=9)


def build(folder, presets=ROWS, **options):
    return build_collection(LIGHT, folder, presets=presets, **({"progress": False, "rows_per_shard": 4} | options))


def files(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "data").iterdir())}


def test_rows_are_built_as_they_are_and_built_again_from_what_is_kept(tmp_path):
    folder = build(tmp_path / "a")
    loaded = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: len(part) for split, part in loaded.items()} == {"train": 8, "test": 3}
    columns = [name for part in loaded.values() for name in part["file"]]
    assert columns == ROWS.files
    np.testing.assert_allclose(
        [value for part in loaded.values() for value in part["filter_cutoff"]],
        ROWS.settings["filter_cutoff"],
        atol=1e-6,
    )
    plan = finished_plan(folder)
    assert np.allclose(plan.given.unit, ROWS.unit, atol=1e-12) and plan.given.performances == ROWS.performances
    assert "--presets rows.jsonl" in build_command(plan)
    (kept,) = read_rows(LIGHT, folder / ROWS_NAME)
    assert files(build(tmp_path / "b", kept)) == files(folder)
    card = (folder / "README.md").read_text()
    assert "a table or a bank that was given" in card and "of 2018, rows" not in card


def test_it_goes_on_where_it_was_stopped_and_other_rows_are_another_build(tmp_path):
    folder = build(tmp_path / "a")
    before = files(folder)
    (folder / "data" / "test-00000-of-00001.parquet").unlink()
    with pytest.raises(InputError, match="is not finished"):
        finished_plan(folder)
    assert files(build(tmp_path / "a")) == before
    with pytest.raises(InputError, match=r"holds another build \(.*rows: "):
        build(tmp_path / "a", ROWS[::-1])
    (folder / ROWS_NAME).unlink()
    with pytest.raises(InputError, match="is not a build of this version"):
        finished_plan(folder)
    (folder / ROWS_NAME).write_text("{}\n")
    with pytest.raises(InputError, match="is not a build of this version"):
        finished_plan(folder)


def test_rows_of_notes_and_of_another_length(tmp_path):
    longer = with_seconds(LIGHT, 1.5)
    rows = draw_presets(longer, 3, seed=1).playing([Note(40, 90, 0.2, 0.6)])
    folder = build(tmp_path / "a", rows)
    plan = finished_plan(folder)
    assert plan.given.performances == rows.performances and plan.collection.seconds == pytest.approx(1.5)
    assert "--seconds" not in build_command(plan)


@pytest.mark.parametrize("options", [{"rows": (0, 3)}, {"seed": 1, "count": 3}, {"count": 3}, {"seconds": 2.0}])
def test_what_does_not_go_together(options, tmp_path):
    with pytest.raises(InputError, match="leave out rows, seed and count"):
        build(tmp_path / "a", **options)
    assert not (tmp_path / "a").exists()


def test_no_rows(tmp_path):
    with pytest.raises(InputError, match="build at least one row"):
        build(tmp_path / "a", ROWS[:0])


class Losing(get_engine(LIGHT).__class__):
    """Loses rows 3 and 9, and gives up for a while after the first that it loses."""

    tried = 0

    def render(self, presets, **options):
        takes = super().render(presets, **options)
        bad = [row for row, name in enumerate(presets.files) if name in ("s3.wav", "s9.wav")][:1]
        if not bad:
            return takes
        takes[bad[0] :] = 0
        raise RowsLost("lost", {bad[0]: "ended its process"}, takes, range(bad[0] + 1, len(presets)))


def test_rows_that_an_engine_loses_are_told_and_the_others_are_there(tmp_path, capsys):
    engine = Losing()
    folder = build(tmp_path / "a", engine=engine, progress=True)
    assert "row 3 (ended its process), row 9 (ended its process)" in capsys.readouterr().err
    loaded = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    names = [name for part in loaded.values() for name in part["file"]]
    assert names == [name for name in ROWS.files if name not in ("s3.wav", "s9.wav")]
    whole = load_dataset(str(build(tmp_path / "b")), cache_dir=str(tmp_path / "cache"))
    sounds = {row["file"]: row["audio"]["bytes"] for part in (whole["train"], whole["test"])
              for row in part.cast_column("audio", Audio(decode=False))}  # fmt: skip
    for part in loaded.values():
        for row in part.cast_column("audio", Audio(decode=False)):
            assert row["audio"]["bytes"] == sounds[row["file"]]
    # It is finished: the same command renders nothing anew.
    before = files(folder)
    assert finished_plan(folder, engine=engine) is not None
    assert files(build(tmp_path / "a", engine=engine)) == before
