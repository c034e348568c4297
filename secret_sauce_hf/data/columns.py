"""The columns of a dataset of takes."""

import json

import pyarrow as pa
from datasets import Audio, ClassLabel, Features, Value

from secret_sauce_hf.cards.names import AUDIO_TYPE
from secret_sauce_hf.data.names import AUDIO_COLUMN, CHANGE_COLUMN, HEARD_COLUMN, MEASURED_COLUMN, NOTES_COLUMN
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, Parameter, Switch, get_collection
from secret_sauce_hf.presets import FILE_COLUMN

NOTE_TYPES = {"onset": "float64", "duration": "float64", "pitch": "uint8", "velocity": "uint8"}
"""What a note's entry in the column `notes` holds."""

# Named so since datasets 4; before that, sounds always had one channel.
_ONE_CHANNEL = {"num_channels": 1} if "num_channels" in Audio.__dataclass_fields__ else {}


def features(collection: str | Collection, *, measured: bool = False, notes: bool | None = None) -> Features:
    """The typed columns of a collection's dataset.

    In this order: `audio`; one column per parameter in the order of the 2018 table,
    float32 settings for a knob and a class label for a switch; `file`, the name of
    2018; `notes`, what the row plays, where not every row plays the note of 2018; `heard`;
    and where it was `measured`, `heard_measured`, a boolean likewise, and `heard_change`, a float32 in dB
    (see `measure_heard`).

    `heard` is a struct with one boolean per parameter, not a list: a row reads
    `row["heard"]["lfo1_rate"]` in Python and `heard.lfo1_rate` in SQL or after
    `flatten()`, a misspelt name is an error instead of an empty selection, and its
    values in order are the mask that a loss needs.

    `notes` is a list with a struct per note: `onset` and `duration` in seconds, `pitch` and `velocity` as
    MIDI has them. A row reads `row["notes"][0]["pitch"]`.

    Args:
        collection: the collection or its name.
        measured: whether it was measured what is heard.
        notes: whether there is the column of that name; if None, where the collection's rows do not all play the
            same.

    Raises:
        InputError: there is no such collection.
    """
    collection = get_collection(collection)
    parameters = collection.parameters
    notes = collection.plays is not None if notes is None else notes
    measurement = {
        MEASURED_COLUMN: {parameter.name: Value("bool") for parameter in parameters},
        CHANGE_COLUMN: {parameter.name: Value("float32") for parameter in parameters},
    }
    return Features(
        {
            AUDIO_COLUMN: Audio(sampling_rate=SAMPLE_RATE, **_ONE_CHANNEL),
            **{parameter.name: _feature(parameter) for parameter in parameters},
            FILE_COLUMN: Value("string"),
            # As a list, not as a `Sequence`, of which `datasets` would make a mapping of lists.
            **({NOTES_COLUMN: [{name: Value(kind) for name, kind in NOTE_TYPES.items()}]} if notes else {}),
            HEARD_COLUMN: {parameter.name: Value("bool") for parameter in parameters},
            **(measurement if measured else {}),
        }
    )


def arrow_schema(collection: str | Collection, *, measured: bool = False, notes: bool | None = None) -> pa.Schema:
    """The columns of a collection's dataset as Arrow types, with those of `datasets` in the metadata.

    Every version of `datasets` reads the metadata, and under every one it is the same, so
    that a build has the same bytes. The arguments are those of `features`.

    Raises:
        InputError: there is no such collection.
    """
    schema = features(collection, measured=measured, notes=notes).arrow_schema
    told = json.loads(schema.metadata[b"huggingface"])
    told["info"]["features"][AUDIO_COLUMN] = AUDIO_TYPE | {"_type": "Audio"}
    if NOTES_COLUMN in schema.names:
        # As before version 4, whose own type for lists older ones do not know.
        note = {name: {"dtype": kind, "_type": "Value"} for name, kind in NOTE_TYPES.items()}
        told["info"]["features"][NOTES_COLUMN] = [note]
        # Named as Parquet names what is in a list, so that a file has the very schema that it was written with.
        place = schema.get_field_index(NOTES_COLUMN)
        element = pa.field("element", schema.field(place).type.value_type)
        schema = schema.set(place, pa.field(NOTES_COLUMN, pa.list_(element)))
    return schema.with_metadata({"huggingface": json.dumps(told)})


def _feature(parameter: Parameter) -> ClassLabel | Value:
    # `datasets` has a type of its own for labels, and wants their names.
    return ClassLabel(names=list(parameter.labels)) if isinstance(parameter, Switch) else Value("float32")
