"""The models that matches ask, loaded once for several of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secret_sauce_hf.cards.names import DECLARATION
from secret_sauce_hf.engines import Engine, find_engine
from secret_sauce_hf.engines.plugin.trusted import with_trusted_file
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError, get_collection, read_declaration
from secret_sauce_hf.matching.asked import NO_MODEL
from secret_sauce_hf.matching.domain import Domain, read_domain
from secret_sauce_hf.modeling.registration import CHECKPOINTS, EAR, ships

if TYPE_CHECKING:
    from secret_sauce_hf.matching.guides import Guide


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model for several matches, or the prior of a collection that has none.

    Args:
        pipe: its `AudioToPresetPipeline`; None where there is none.
        name: what it is called; None where there is none.
        domain: what the distance that a search reached tells of the sound; None if nobody knows.
        declared: the collection that is declared beside the model's checkpoint, whose other parameters and takes
            the model does not know, or that has none; None if none is.
    """

    pipe: Any
    name: str | None
    domain: Domain | None = None
    declared: Collection | None = None

    @property
    def collection(self) -> Collection:
        """What the model tells the settings of."""
        if self.declared is not None:
            return self.declared

        from secret_sauce_hf.modeling.configuration_secret_sauce import SecretSauceConfig

        config = self.pipe.model.config
        if not isinstance(config, SecretSauceConfig):
            # The checkpoint came with code of its own.
            config = SecretSauceConfig.from_dict(config.to_dict())
        return config.to_collection()

    def guide(self, engine: Engine | None = None) -> "Guide":
        """What tells presets of sounds.

        Args:
            engine: renders them; if None, the one that is found for the collection.
        """
        from secret_sauce_hf.matching.guides import ModelGuide

        if self.pipe is not None:
            return ModelGuide(self.pipe)
        collection, engine = self.collection, engine or find_engine(self.collection)
        return _prior_guide(collection, collection.plays is not None or (engine is not None and bool(engine.plays)))


@lru_cache(maxsize=8)
def _prior_guide(collection: Collection, reads_notes: bool) -> "Guide":
    """The prior of a collection; where notes are read, with a listener."""
    from secret_sauce_hf.matching.guides import PriorGuide
    from secret_sauce_hf.modeling.loading import load_pipeline, take_extractor

    if not reads_notes:
        return PriorGuide(collection, take_extractor(collection))
    ear = load_pipeline(collection=EAR)
    return PriorGuide(collection, ear.feature_extractor, ear.model.listener)


def load_model(collection: str | Path | Collection | None = None, model: Any = None) -> Loaded:
    """Load the model that `match` would load, for several matches; of a collection without one, its prior.

    Args:
        collection: as of `match`.
        model: as of `match`, one; "none" for the prior of the collection, even where a model ships.

    Raises:
        InputError: the checkpoint cannot be read, or the collection is not said.
    """
    from secret_sauce_hf.modeling import load_pipeline

    if isinstance(model, Loaded):
        return model
    if model == NO_MODEL and collection is None:
        raise InputError("Without a model the collection has to be given.")
    if model is not None and model != NO_MODEL:
        pipe = load_pipeline(model) if isinstance(model, str | Path) else model
        name = str(model) if isinstance(model, str | Path) else str(pipe.model.name_or_path)
        return Loaded(pipe, name, _domain_of(pipe), _declared_of(pipe))
    if collection is None:
        raise InputError("Give a collection or a model, or load a model of every instrument by load_models().")
    collection = get_collection(collection)
    name = collection.name
    if model == NO_MODEL or name not in COLLECTIONS or not ships(name):
        return Loaded(None, None, declared=collection)
    pipe = load_pipeline(collection=name)
    return Loaded(pipe, f"{name}, as shipped", _domain_of(pipe))


def _domain_of(pipe: Any) -> Domain | None:
    """What lies beside a model's checkpoint, if that is a folder."""
    name = str(getattr(pipe.model, "name_or_path", ""))
    return read_domain(name) if name and Path(name).is_dir() else None


def _declared_of(pipe: Any) -> Collection | None:
    """The collection that is declared beside a model's checkpoint, if that is a folder and the model is of it.

    Nothing in such a file chooses a file of this machine: a plug-in lies where the user has said.
    """
    name = str(getattr(pipe.model, "name_or_path", ""))
    path = Path(name, DECLARATION)
    if not name or not path.is_file():
        return None
    declared = with_trusted_file(read_declaration(path))
    own = [record["name"] for record in pipe.model.config.parameters]
    return declared if list(declared.columns) == own else None


def load_models(suits: Callable[[Collection], bool] = lambda _: True) -> tuple[Loaded, ...]:
    """Load a model of every instrument for which one ships, for matches without a collection.

    Args:
        suits: whether a collection's model is wanted.

    Raises:
        InputError: a checkpoint cannot be read; none ships that is wanted.
    """
    names = shipped(suits)
    if not names:
        raise InputError("No checkpoint ships that could be asked; train one with `secret-sauce train`.")
    return tuple(load_model(name) for name in names)


def shipped(suits: Callable[[Collection], bool] = lambda _: True) -> list[str]:
    """The collections whose shipped models are asked where none is said: one of every instrument, in order of names.

    Of several it is the one that tells most parameters, and of these one that has learnt more than one note.

    Args:
        suits: whether a collection's model is wanted.
    """
    folders = sorted(path.parent.name for path in CHECKPOINTS.glob("*/config.json"))
    chosen: dict[str, Collection] = {}
    for collection in (COLLECTIONS[name] for name in folders if name in COLLECTIONS):
        instrument = collection.instrument.name
        if suits(collection) and (instrument not in chosen or _tells(collection) > _tells(chosen[instrument])):
            chosen[instrument] = collection
    return sorted(collection.name for collection in chosen.values())


def _tells(collection: Collection) -> tuple[int, int]:
    """How much a collection's model tells, to compare it with another's."""
    kinds = {None: 0, "phrases": 1, "notes": 2}
    return len(collection.columns), kinds.get(collection.plays.kind if collection.plays else None, 0)
