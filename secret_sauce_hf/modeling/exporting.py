"""Models as ONNX files, which answer without this package: in other languages, in a browser.

A file takes takes, not features, and tells what the pipeline tells. Beside it lies a description in JSON
of what goes in, what comes out and what the parameters are.
"""

import contextlib
import hashlib
import importlib
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments.errors import InputError
from secret_sauce_hf.instruments.parameters import SETTING_MAX, Parameter, Switch
from secret_sauce_hf.instruments.takes import NOTE, PEAK, SILENCE, VELOCITY
from secret_sauce_hf.modeling.graph import AnswerGraph
from secret_sauce_hf.modeling.pipeline_secret_sauce import NEAR, AudioToPresetPipeline
from secret_sauce_hf.modeling.strokes_secret_sauce import FADE, PITCHES, Stroke, stack

FORMAT = 1
"""Of the description; a new one where an old client would read it wrongly."""
LARGEST = 5e-4
"""A file whose answers differ by more from those of the model is not written. Of an instrument's own sounds it is less
than 1e-4; those of `examples` are none, and single precision is not the same on every processor."""
INPUTS = {
    "takes": "sounds of `take_samples` samples at `sampling_rate` Hz, mono, full scale 1, no louder than `peak`; the "
    "note starts at sample `note_on_sample`",
    "pitches": "1 for every MIDI pitch that is played at `note_on_sample`, else 0",
    "until": "seconds from there to the next note, or to the end of the sound",
    "duration": "seconds for which the longest of the notes is held; 0 if not known",
    "velocity": "their mean MIDI velocity; 0 if not known",
}
OUTPUTS = {
    "settings": "per parameter, in the order of `parameters`: of a knob its setting, 0 to 10, of a switch the index of "
    "its label",
    "confidence": "per parameter: of a switch the probability of its label, of a knob that of being at most `near` "
    "away",
    "heard": "per parameter: how probably it changes the sound at all; 0 in silence",
    "peak": "the highest absolute sample; below `silence` nothing is heard",
    "in_domain": "how probably the instrument can make the sound",
}
_LOUD = ("torch.onnx", "torch.export", "torch.__trace", "onnxscript", "onnx_ir")
_PLAYED = ("pitches", "until", "duration", "velocity")
_SMALL = 256
"""Constants of fewer values stay as they are."""
_FOLDED = 8_192
"""Constants of more values are left to be computed by whoever loads the file."""
_SPARSE = 0.25
"""Of constants that have at most this part of values other than zero only these are stored."""


class Difference(NamedTuple):
    """How far answers lie from those of the model, at most.

    Args:
        settings: of knobs, 0 to 10, and of switches' indices. Where two answers are two neighbouring
            steps of a controller it is how far the model's own, before it is rounded, lies from the
            middle between them: which of them it becomes is then a matter of chance.
        confidence: of the same settings.
        heard: of the probabilities of being heard.
        peak: of the highest samples.
        in_domain: of the probabilities that the instrument can make the sound; 0 if it is not told.
    """

    settings: float
    confidence: float
    heard: float
    peak: float
    in_domain: float


class Exported(NamedTuple):
    """A file of a model, and what was seen of it.

    Args:
        path: of the ONNX file.
        description: of the JSON file beside it.
        size: of the ONNX file, in bytes.
        difference: from the model, of `examples`.
    """

    path: Path
    description: Path
    size: int
    difference: Difference


def check_installed() -> None:
    """See that what writes and reads ONNX files is installed.

    Raises:
        ModuleNotFoundError: it is not; `needed.EXTRAS` knows the extra.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        importlib.import_module(name)


def export_onnx(pipeline: AudioToPresetPipeline, folder: Path, name: str) -> Exported:
    """Write a model and its features as `<name>.onnx`, and `<name>.json`, which describes it.

    Nothing is written unless the file's answers are those of the model.

    Args:
        pipeline: of the model.
        folder: where they go; made if need be.
        name: of the files.

    Raises:
        InputError: the answers differ by more than `LARGEST`.
    """
    graph = AnswerGraph(pipeline)
    content = onnx_bytes(graph)
    given = examples(graph)
    session = open_session(content)
    # Of one take as well: batches of one are where graphs that were traced fail.
    parts = [difference(graph, session, takes, strokes) for takes, strokes in (given, _first(given))]
    # NaN is larger than any.
    found = Difference(*(float(np.max(values)) for values in zip(*parts, strict=True)))
    if not np.max(found) <= LARGEST:
        raise InputError(
            f"The ONNX file of {name} would answer otherwise than the model (by {np.max(found):.1e}, more than "
            f"{LARGEST:g}); nothing is written. Other versions of torch, onnxscript or onnxruntime may do better."
        )
    folder.mkdir(parents=True, exist_ok=True)
    path, description = folder / f"{name}.onnx", folder / f"{name}.json"
    write_whole(path, content)
    told = describe(graph, path.name, content)
    write_whole(description, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())
    return Exported(path, description, len(content), found)


def onnx_bytes(graph: AnswerGraph) -> bytes:
    """The ONNX file of a graph.

    Weights are stored in half precision where that loses nothing, as in a checkpoint that is stored so; they are
    computed with in single precision.

    Raises:
        InputError: torch cannot trace the model.
    """
    takes, strokes = examples(graph, count=2)
    inputs = inputs_of(takes, strokes)
    with _quiet(), torch.no_grad():
        # Filters that are kept from call to call must not be made while they are traced.
        graph(**inputs)
        try:
            program = torch.onnx.export(
                _Tuple(graph),
                tuple(inputs.values()),
                dynamo=True,
                dynamic_shapes=(tuple({0: "batch"} for _ in inputs),),
                input_names=list(inputs),
                output_names=output_names(graph),
                verbose=False,
                # Its rules take the addition of 1e-10, below which no power may fall, for one of nothing.
                optimize=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise InputError(
                f"torch {torch.__version__} cannot write this model as ONNX: {_reason(error)}. Models of the "
                "package's own encoder, and of AST's, are known to work with the versions that it asks for."
            ) from error
        assert program is not None
        _fold(program.model)
    model = program.model_proto
    _strip(model)
    _shrink(model.graph)
    return model.SerializeToString()


def _reason(error: Exception) -> str:
    """The first line of what went wrong first."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200].rstrip(".")


class _Tuple(nn.Module):
    """A graph whose answer has no None."""

    def __init__(self, graph: AnswerGraph):
        super().__init__()
        self.answering = graph

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(values for values in self.answering(*inputs) if values is not None)


def input_names(graph: AnswerGraph) -> list[str]:
    """What the file takes, by the names of `INPUTS`."""
    return ["takes", *(_PLAYED if graph.extractor.reads_strokes else ())]


def output_names(graph: AnswerGraph) -> list[str]:
    """What the file tells, by the names of `OUTPUTS`."""
    return [name for name in OUTPUTS if name != "in_domain" or graph.model.domain is not None]


def inputs_of(takes: torch.Tensor, strokes: Sequence[Stroke]) -> dict[str, torch.Tensor]:
    """The file's inputs.

    Args:
        takes: float32 of shape (takes, samples).
        strokes: what each of them plays; none if the model is not one of notes.
    """
    if not strokes:
        return {"takes": takes}
    told = stack(strokes)
    return {
        "takes": takes,
        "pitches": told.pitches,
        "until": told.until.float(),
        "duration": told.duration.float(),
        "velocity": told.velocity.float(),
    }


def open_session(content: bytes) -> Any:
    """An `onnxruntime.InferenceSession` of a file's bytes, on one processor core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def difference(graph: AnswerGraph, session: Any, takes: torch.Tensor, strokes: Sequence[Stroke]) -> Difference:
    """How far a session's answers lie from those of the model.

    Args:
        graph: of the model.
        session: of the file, as `open_session` makes it.
        takes: float32 of shape (takes, samples).
        strokes: what each of them plays; none if the model is not one of notes.
    """
    inputs = inputs_of(takes, strokes)
    values = session.run(output_names(graph), {name: value.numpy() for name, value in inputs.items()})
    told = {name: torch.from_numpy(value) for name, value in zip(output_names(graph), values, strict=True)}
    settings = told["settings"].double()
    with torch.no_grad():
        answer = graph(**inputs)
        probabilities = graph.probabilities(graph.output(*inputs.values()))
        middles, confidence = graph.middles(probabilities), graph.confidence(probabilities, graph.nearest(settings))
    off = (settings - answer.settings).abs()
    step = torch.where(graph.is_switch, 0.0, SETTING_MAX / graph.steps)
    # Half a step away two steps are equally near.
    tie = ((settings - middles).abs() - step / 2).clamp_min(0)
    off = torch.where((off > step / 2) & (off < 1.5 * step), tie, off)
    return Difference(
        float(off.max()),
        float((told["confidence"] - confidence).abs().max()),
        float((told["heard"] - answer.heard).abs().max()),
        float((told["peak"] - answer.peak).abs().max()),
        0.0 if answer.in_domain is None else float((told["in_domain"] - answer.in_domain).abs().max()),
    )


def examples(graph: AnswerGraph, count: int = 24) -> tuple[torch.Tensor, list[Stroke]]:
    """Takes to compare answers of: silence, noise, and notes as an instrument may play them.

    Args:
        graph: of the model.
        count: how many.

    Returns:
        float32 of shape (takes, samples), and what each of them plays, if the model is one of notes.
    """
    random = np.random.default_rng(0)
    rate, length = graph.extractor.sampling_rate, graph.extractor.take_samples
    lead = round(graph.extractor.note_on * rate)
    seconds = np.arange(length - lead) / rate
    takes = np.zeros((count, length), np.float32)
    strokes = []
    for row in range(count):
        pitch, held = int(random.integers(24, 97)), float(random.uniform(0.1, seconds[-1]))
        known = row % 4 != 3
        strokes.append(
            Stroke((pitch,), lead / rate, float(seconds[-1]), held if known else None, 100.0 if known else None)
        )
        partials = np.arange(1, 1 + int(random.integers(1, 30)))
        hertz = 440 * 2 ** ((pitch - 69) / 12) * partials
        levels = (hertz < rate / 2) * partials ** -random.uniform(0.5, 2.5)
        waves = np.sin(2 * np.pi * np.outer(seconds, hertz) + random.uniform(0, 2 * np.pi, len(partials)))
        swing = 1 + random.uniform(0, 0.9) * np.sin(2 * np.pi * random.uniform(0.5, 20) * seconds)
        decay = np.exp(-seconds * random.uniform(0, 6)) * np.where(seconds < held, 1.0, np.exp(-20 * (seconds - held)))
        sound = waves @ levels * swing * decay
        if row % 6 == 1:
            sound = random.normal(size=len(seconds))
        level = (0.0 if row % 12 == 2 else random.uniform(0.02, PEAK)) / max(np.abs(sound).max(), 1e-9)
        takes[row, lead:] = sound * level
        if row % 5:
            takes[row] += random.normal(size=length) * 10 ** random.uniform(-5, -3) * (row % 12 != 2)
    takes = takes.clip(-PEAK, PEAK)
    return torch.from_numpy(takes), strokes if graph.extractor.reads_strokes else []


def _first(given: tuple[torch.Tensor, list[Stroke]]) -> tuple[torch.Tensor, list[Stroke]]:
    return given[0][:1], given[1][:1]


def describe(graph: AnswerGraph, file: str, content: bytes) -> dict[str, Any]:
    """What an ONNX file takes and tells, as a JSON file holds it.

    Args:
        graph: of the model.
        file: the ONNX file's name.
        content: its bytes.
    """
    config, extractor = graph.model.config, graph.extractor
    widths = {"takes": [extractor.take_samples], "pitches": [PITCHES]}
    count = len(graph.specs)
    shapes = {"settings": [count], "confidence": [count], "heard": [count]}

    def tensors(names: Sequence[str], texts: dict[str, str], sizes: dict[str, list[int]]) -> list[dict[str, Any]]:
        return [
            {"name": name, "type": "float32", "shape": ["batch", *sizes.get(name, ())], "about": texts[name]}
            for name in names
        ]

    told: dict[str, Any] = {
        "format": FORMAT,
        "file": file,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "collection": config.collection,
        "instrument": config.instrument_title or config.instrument,
        "title": config.title,
        "sampling_rate": extractor.sampling_rate,
        "take_samples": extractor.take_samples,
        "note_on": extractor.note_on,
        "note_on_sample": round(extractor.note_on * extractor.sampling_rate),
        "peak": PEAK,
        "silence": SILENCE,
        "near": NEAR,
        "inputs": tensors(input_names(graph), INPUTS, widths),
        "outputs": tensors(output_names(graph), OUTPUTS, shapes),
        "parameters": [_parameter(parameter) for parameter in graph.specs],
    }
    if extractor.reads_strokes:
        told |= {"pitch": NOTE, "velocity": VELOCITY, "fade": FADE}
    if graph.model.domain is not None:
        told["domain_warning"] = config.domain_warning
    return told


def _parameter(parameter: Parameter) -> dict[str, Any]:
    """What a client has to know of a parameter: how its setting is shown and sent."""
    told = {
        "name": parameter.name,
        "section": section(parameter.name),
        "kind": parameter.kind,
        "about": parameter.about,
        "control": list(parameter.control),
    }
    # A client gets the declaration itself, whose fields are not the same.
    if isinstance(parameter, Switch):
        shown = [parameter.show(label) for label in parameter.labels]
        return told | {"labels": list(parameter.labels), "shown": shown, "codes": list(parameter.codes)}
    low, high = parameter.limits
    return told | {"steps": parameter.high - parameter.low, "lowest": low, "highest": high}


def section(name: str) -> str:
    """Which part of an instrument a parameter belongs to, by its name: "lfo1" of lfo1_rate, "osc 2" of osc_2_level."""
    words = name.split("_")
    return " ".join(words[: 2 if len(words) > 2 and words[1].isdigit() else 1])


def _fold(model: Any) -> None:
    """Compute what is constant, and leave out what nobody needs then."""
    from onnx_ir.passes import common
    from onnxscript import optimizer

    common.InlinePass()(model)
    for _ in range(2):
        optimizer.fold_constants_ir(model, onnx_shape_inference=True, output_size_limit=_FOLDED)
        optimizer.remove_unused_nodes(model)
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    common.DeduplicateInitializersPass()(model)
    common.CommonSubexpressionEliminationPass()(model)


def _strip(model: Any) -> None:
    """Take out what tells of the machine and the source code that the file was made with."""
    model.ClearField("doc_string")
    model.ClearField("metadata_props")
    graphs = [model.graph, *model.functions]
    for graph in graphs:
        graph.ClearField("doc_string")
        graph.ClearField("metadata_props")
        graph.ClearField("value_info")
        for part in graph.node:
            part.ClearField("doc_string")
            part.ClearField("metadata_props")
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.ClearField("doc_string")
        value.ClearField("metadata_props")


def _shrink(graph: Any) -> None:
    """Store large constants in less space, each so that the same values come out of it again.

    A runtime computes them once, when it loads the file.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes, kept = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        small = values.size < _SMALL or tensor.data_type != TensorProto.FLOAT
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        places = np.flatnonzero(values).astype(np.int32)
        name = tensor.name
        if small:
            kept.append(tensor)
        elif np.array_equal(half.astype(np.float32), values):
            kept.append(numpy_helper.from_array(half, f"{name}.half"))
            nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
        elif len(places) <= _SPARSE * values.size:
            parts = {
                "places": places,
                "values": values.ravel()[places],
                "size": np.array([values.size]),
                "shape": np.array(values.shape),
            }
            kept += [numpy_helper.from_array(part, f"{name}.{key}") for key, part in parts.items()]
            told = {key: f"{name}.{key}" for key in (*parts, "zeros", "flat")}
            nodes += [
                helper.make_node("ConstantOfShape", [told["size"]], [told["zeros"]]),
                helper.make_node("ScatterElements", [told["zeros"], told["places"], told["values"]], [told["flat"]]),
                helper.make_node("Reshape", [told["flat"], told["shape"]], [name]),
            ]
        else:
            kept.append(tensor)
    rest = list(graph.node)
    graph.ClearField("initializer")
    graph.ClearField("node")
    graph.initializer.extend(kept)
    graph.node.extend([*nodes, *rest])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of packages and optimisations that are not needed."""
    loggers = [logging.getLogger(name) for name in _LOUD]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
