"""How far the ONNX files of models are from the models: one table, of sounds that the instruments' engines render.

    python tests/benchmarks/exports.py --rows 200
    python tests/benchmarks/exports.py noisemaker subphatty-notes --rows 50

Per checkpoint: the file's size; the largest differences from torch, as `secret_sauce_hf.modeling.exporting.Difference`
has them; how many answers of how many are those of the pipeline, to the last step of a controller; and the time of an
answer on one core, features included, beside that of torch.
"""

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from secret_sauce_hf.engines import get_engine
from secret_sauce_hf.instruments.takes import to_float
from secret_sauce_hf.modeling.exporting import Difference, difference, inputs_of, onnx_bytes, open_session
from secret_sauce_hf.modeling.graph import AnswerGraph
from secret_sauce_hf.modeling.loading import load_pipeline
from secret_sauce_hf.modeling.registration import CHECKPOINTS
from secret_sauce_hf.modeling.strokes_secret_sauce import Stroke, longest, strokes_of
from secret_sauce_hf.presets import draw_presets

SEED = 40
BATCH = 8


def sounds(graph: AnswerGraph, rows: int) -> tuple[torch.Tensor, list[Stroke]]:
    """Takes as the model of a collection gets them, and what each plays, if the model is one of notes."""
    presets = draw_presets(graph.model.config.collection, rows, seed=SEED)
    extractor = graph.extractor
    engine, takes, strokes = get_engine(presets.collection), [], []
    for start in range(0, rows, 20):
        some = presets[start : start + 20]
        for row, take in enumerate(to_float(engine.render(some))):
            if not extractor.reads_strokes:
                takes.append(extractor.take(take, extractor.sampling_rate))
                continue
            notes = some.performances[row]
            samples, _ = extractor.read(take, extractor.sampling_rate)
            (stroke,) = longest(strokes_of(notes, len(samples) / extractor.sampling_rate), 1)
            takes.append(extractor.windows(samples, [stroke])[0])
            strokes.append(stroke)
    return torch.from_numpy(np.stack(takes)), strokes


def same_answers(graph: AnswerGraph, session, takes: torch.Tensor, strokes: Sequence[Stroke]) -> tuple[int, int]:
    """How many settings of how many are the model's to the last step."""
    inputs = inputs_of(takes, strokes)
    (told,) = session.run(["settings"], {name: values.numpy() for name, values in inputs.items()})
    with torch.no_grad():
        answer = graph(**inputs).settings.numpy()
    return int((np.abs(told - answer) < 1e-5).sum()), told.size


def seconds_of(work) -> float:
    """The shortest of several runs."""
    taken = []
    for _ in range(10):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="collections whose checkpoints ship; all if none is given")
    parser.add_argument("--rows", type=int, default=200, help="sounds of each")
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(
        "checkpoint", "kB", *Difference._fields, "same", "ONNX, ms", "torch, ms", title=f"{given.rows} sounds"
    )
    for name in given.models or sorted(path.parent.name for path in CHECKPOINTS.glob("*/config.json")):
        graph = AnswerGraph(load_pipeline(name))
        content = onnx_bytes(graph)
        session = open_session(content)
        takes, strokes = sounds(graph, given.rows)
        parts, same = [], np.zeros(2, int)
        for start in range(0, given.rows, BATCH):
            chunk, some = takes[start : start + BATCH], strokes[start : start + BATCH]
            parts.append(difference(graph, session, chunk, some))
            same += same_answers(graph, session, chunk, some)
        one = inputs_of(takes[:1], strokes[:1])
        arrays = {key: values.numpy() for key, values in one.items()}
        with torch.no_grad():
            times = [seconds_of(lambda: session.run(None, arrays)), seconds_of(lambda: graph(**one))]  # noqa: B023
        worst = [f"{max(values):.1e}" for values in zip(*parts, strict=True)]
        shown = [f"{len(content) / 1000:,.0f}", *worst, f"{same[0]:,}/{same[1]:,}", *(f"{t * 1000:.0f}" for t in times)]
        print(name, *shown, file=sys.stderr)
        table.add_row(name, *shown)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
