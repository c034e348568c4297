"""The columns of a dataset of takes."""

import json

import pyarrow as pa
from datasets import Audio, ClassLabel, Features, Value

from secret_sauce_hf.cards.names import AUDIO_TYPE
from secret_sauce_hf.data.names import AUDIO_COLUMN, CHANGE_COLUMN, HEARD_COLUMN, MEASURED_COLUMN
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, Parameter, Switch, get_collection
from secret_sauce_hf.presets import FILE_COLUMN

# Named so since datasets 4; before that, sounds always had one channel.
_ONE_CHANNEL = {"num_channels": 1} if "num_channels" in Audio.__dataclass_fields__ else {}


def features(collection: str | Collection, *, measured: bool = False) -> Features:
    """The typed columns of a collection's dataset.

    In this order: `audio`; one column per parameter in the order of the 2018 table,
    float32 settings for a knob and a class label for a switch; `file`, the name of
    2018; `heard`; and where it was `measured`, `heard_measured`, a boolean likewise, and
    `heard_change`, a float32 in dB (see `measure_heard`).

    `heard` is a struct with one boolean per parameter, not a list: a row reads
    `row["heard"]["lfo1_rate"]` in Python and `heard.lfo1_rate` in SQL or after
    `flatten()`, a misspelt name is an error instead of an empty selection, and its
    values in order are the mask that a loss needs.

    Raises:
        InputError: there is no such collection.
    """
    parameters = get_collection(collection).parameters
    measurement = {
        MEASURED_COLUMN: {parameter.name: Value("bool") for parameter in parameters},
        CHANGE_COLUMN: {parameter.name: Value("float32") for parameter in parameters},
    }
    return Features(
        {
            AUDIO_COLUMN: Audio(sampling_rate=SAMPLE_RATE, **_ONE_CHANNEL),
            **{parameter.name: _feature(parameter) for parameter in parameters},
            FILE_COLUMN: Value("string"),
            HEARD_COLUMN: {parameter.name: Value("bool") for parameter in parameters},
            **(measurement if measured else {}),
        }
    )


def arrow_schema(collection: str | Collection, *, measured: bool = False) -> pa.Schema:
    """The columns of a collection's dataset as Arrow types, with those of `datasets` in the metadata.

    Every version of `datasets` reads the metadata, and under every one it is the same, so
    that a build has the same bytes.

    Raises:
        InputError: there is no such collection.
    """
    schema = features(collection, measured=measured).arrow_schema
    told = json.loads(schema.metadata[b"huggingface"])
    told["info"]["features"][AUDIO_COLUMN] = AUDIO_TYPE | {"_type": "Audio"}
    return schema.with_metadata({"huggingface": json.dumps(told)})


def _feature(parameter: Parameter) -> ClassLabel | Value:
    # `datasets` has a type of its own for labels, and wants their names.
    return ClassLabel(names=list(parameter.labels)) if isinstance(parameter, Switch) else Value("float32")
