"""One model's way from a sound to a preset: heard, searched, told. `match` makes one of every model that it asks."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np

from secret_sauce_hf.engines import Engine, find_engine, get_engine
from secret_sauce_hf.instruments import SAMPLE_RATE, Collection, InputError, same_parameters
from secret_sauce_hf.instruments.lengths import with_seconds
from secret_sauce_hf.instruments.notes import Note, constant_note
from secret_sauce_hf.instruments.takes import SILENCE, to_float
from secret_sauce_hf.matching.alternatives import describe, ranked
from secret_sauce_hf.matching.bank import Bank
from secret_sauce_hf.matching.domain import CLOSE, Domain, answer_floor
from secret_sauce_hf.matching.excerpt import Excerpt
from secret_sauce_hf.matching.found import Match
from secret_sauce_hf.matching.loading import Loaded
from secret_sauce_hf.matching.pitching import likeliest
from secret_sauce_hf.matching.playable import playable
from secret_sauce_hf.matching.problem import Budget, Problem
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.recorded import TakeSource, nearest_takes
from secret_sauce_hf.matching.reference import Reference, place, place_played
from secret_sauce_hf.matching.result import BANKED, MODEL, SEARCHED, Candidate, Search, TracePoint
from secret_sauce_hf.matching.space import Space
from secret_sauce_hf.matching.strategies import Strategy
from secret_sauce_hf.matching.strategies.base import Report
from secret_sauce_hf.metrics import distances, mss
from secret_sauce_hf.metrics.objective import SOFT_DB, Objective
from secret_sauce_hf.modeling.hearing_secret_sauce import read_notes
from secret_sauce_hf.presets import Presets

ASKING_SHARE = 0.4
"""Which part of a search may be for asking what was played."""
LEAD_SECONDS = 0.1
"""How long before its first note a sound is compared, where the collection does not say."""
PROPOSALS = 256
"""How many of the model's presets are rendered at first."""
AGAIN = 64
"""How many of them are rendered again where a search goes on."""
FOUND = 32
"""How many of the presets found so far a search goes on with."""
NEAREST_TAKES = 16
"""How many recorded takes are candidates at least."""
SHORTLISTED = 64
"""How many presets of a bank are rendered at least, if it has so many: those that fit best what the model hears."""
MOST_TRIED = 1_024
"""How many presets of a bank are rendered at most where there is no model: of a larger one some from all of it."""
BY_RENDERING = "their sound, rendered and compared"
BY_TAKES = "the distances of recorded takes and the model's scores"
BY_TAKES_ALONE = "the distances of recorded takes"
BY_SCORES = "the model's scores"
BY_EVIDENCE = "how well they fit what the model hears"


@dataclass(eq=False)
class Attempt:
    """What one model hears in a sound, and what a search has made of it so far.

    Args:
        model: what the model is called; None where there is none.
        collection: whose parameters it tells.
        excerpt: the part of the sound.
        reference: that part in the form of a take.
        rate: of the reference, in Hz.
        space: the places to search; None without an engine.
        answer: confidence and heard per parameter, as the pipeline tells them.
        proposals: presets to begin with, the model's own answer first.
        objective: measures distances; None where nothing is compared.
        rng: draws what is drawn.
        audible: whether there is something to hear.
        from_takes: whether recorded takes are among the proposals.
        remarks: what is to be said besides what the reference says.
        region: from where to where in the sound the part that is compared lies, in seconds; where the reference
            does if None.
        in_domain: probability that the instrument can make the sound, as the model tells it.
        warn_below: from which probability down it is said that it cannot.
        domain: what the distance that a search reached tells of that.
        bank: presets of the user's own; None where there are none.
        only_bank: whether nothing but presets of the bank is told.
        asked: the seconds and the renderings that it took to ask what was played, which the first search has less.
        search: what was found; nothing at first.
    """

    model: str | None
    collection: Collection
    excerpt: Excerpt
    reference: Reference
    rate: int
    space: Space | None
    answer: dict[str, Any]
    proposals: Proposals
    objective: Objective | None
    rng: np.random.Generator
    audible: bool
    from_takes: bool = False
    remarks: tuple[str, ...] = ()
    region: tuple[float, float] | None = None
    in_domain: float | None = None
    warn_below: float = 0.0
    domain: Domain | None = None
    bank: Bank | None = None
    only_bank: bool = False
    asked: tuple[float, int] = (0.0, 0)
    search: Search = field(default_factory=Search)

    def choose_from(self, bank: Bank, only: bool, candidates: int) -> None:
        """Have presets of a bank among the proposals: those that fit best what the model hears.

        Args:
            bank: of the same parameters.
            only: whether nothing else is to be told.
            candidates: how many presets will be told, at most.
        """
        if self.space is None:
            presets = Presets.from_cc(self.collection, bank.cc)
        else:
            presets = self.space.presets(self.space.places(bank.cc))
        if self.model is None:
            # Nothing tells which of them fit.
            best = spread_order(len(bank.cc))[: max(MOST_TRIED if only else PROPOSALS, candidates)]
        else:
            evidence = self.proposals.posterior.evidence(bank.cc, presets.heard())
            best = np.argsort(-evidence, kind="stable")[: max(SHORTLISTED, candidates)]
        self.proposals = self.proposals.joined(bank.cc[best], np.full(len(best), np.nan), BANKED)
        self.bank, self.only_bank = bank, only

    def seek(self, strategy: Strategy, seconds: float | None, renders: int | None, report: Report) -> None:
        """Search for so long, or go on with what was found.

        Args:
            strategy: how to search; prepared.
            seconds: for how long; the first time with that which it took to ask what was played.
            renders: how many presets to render, likewise; without both limits the strategy goes on to its end.
            report: called after every batch of renderings.

        Raises:
            KeyboardInterrupt: Ctrl-C before anything was found; later it ends the search.
        """
        if self.space is None or self.objective is None or not self.audible or seconds == 0 or renders == 0:
            return
        # Compiles what has not been yet: that is no part of the search.
        self.objective(self.space.render(self.space.places(self.proposals.cc[:1])))
        before, proposals = self.search, self.proposals
        if before.known is None:
            # What was asked may have taken a little longer than it was to.
            seconds = None if seconds is None else max(seconds - self.asked[0], (1 - ASKING_SHARE) * seconds)
            renders = None if renders is None else renders - self.asked[1]
        else:
            proposals = _continued(proposals, self.space.cc(before.known[:FOUND]))
        problem = Problem(self.reference, self.space, self.objective, Budget(seconds, renders))
        self.search = _joined(before, strategy.search(problem, proposals, self.rng, report))

    def told(self, name: str, source: str | None, candidates: int) -> Match:
        """The match that was found by now.

        Args:
            name: what the sound is called.
            source: its file, if it is one.
            candidates: how many different presets to tell, at most.
        """
        search, proposals, collection, space = self.search, self.proposals, self.collection, self.space
        searched = search.known is not None
        known = None if search.known is None else search.known[:, : len(collection.columns)]
        if self.only_bank:
            banked = proposals.cc[[origin == BANKED for origin in proposals.origins]]
            found = describe(proposals, (banked if known is None else known)[:candidates])
        else:
            found = ranked(proposals, known, candidates)
        found = [self._named(one) for one in found]
        (alone,) = describe(proposals, proposals.cc[:1])
        reference = self.reference.earlier(search.shift).in_tune(search.cents)
        versions = {"secret_sauce_hf": version("secret_sauce_hf")}
        rendered, values = None, {}
        remarks = [*self.excerpt.remarks, *reference.remarks, *self.remarks]
        if space is not None:
            told = np.array([one.cc for one in (*found, alone)])
            sounds = space.render_known(search.known, search.noise_row, told)
            versions["engine"] = space.engine.version
            rendered = to_float(sounds[0])
            compared = reference.covered(sounds)
            values = _distances(reference.take, compared[0])
            apart = np.atleast_1d(mss(np.repeat(reference.take[None], len(compared), axis=0), compared, SAMPLE_RATE))
            *found, alone = (
                replace(one, distance=distance, rendered=to_float(sound))
                for one, distance, sound in zip((*found, alone), apart.tolist(), sounds, strict=True)
            )
            if searched and not self.only_bank:
                found = [found[0], *sorted(found[1:], key=lambda one: one.distance or 0.0)]
                nearer = not (search.averaged or search.cents) and _is_nearer(alone, found[0])
                if nearer and not _is_soft(to_float(sounds[-1]), reference.take):
                    # The search weighs level and likelihood too, and may have begun elsewhere.
                    found = [alone, *(one for one in found if one.cc != alone.cc)][:candidates]
                    rendered = to_float(sounds[-1])
                    values = _distances(reference.take, compared[-1])
                    remarks.append("The search found nothing nearer than the model's own answer.")
        if search.cents:
            remarks.append(f"The sound is {search.cents:+.0f} cents off its notes; that is allowed for.")
        in_domain, warn_below = self.in_domain, self.warn_below
        floor = None
        # What comes near in a bank tells nothing of what else the instrument could do.
        if search.known is not None and not self.only_bank and space is not None and rendered is not None:
            played = space.presets(space.known_places(search.known, np.array([found[0].cc])))
            floor = answer_floor(space.engine, played, rendered)
            if self.domain is not None:
                in_domain, warn_below = self.domain.probability(values["mss"], floor), self.domain.warn_below
            elif in_domain is not None:
                in_domain = max(in_domain, CLOSE.probability(values["mss"]))
        doubtful = self.audible and in_domain is not None and in_domain < warn_below
        if doubtful:
            remarks.append(
                f"{collection.instrument.title} can hardly make this sound (probability {in_domain:.0%}): the preset "
                "is the nearest that was found."
            )
        start = self.reference.start + search.shift
        presets = Presets.from_cc(collection, np.array([found[0].cc]))
        confidence, heard = {} if self.model is None else self.answer["confidence"], self.answer["heard"]
        if searched or found[0].origin != MODEL:
            if self.model is not None:
                confidence = dict(zip(collection.columns, proposals.posterior.confidence(presets.unit[0]), strict=True))
            heard = dict(zip(collection.columns, (presets.heard()[0] & self.audible).tolist(), strict=True))
        begin, late = self.excerpt.start, search.shift / self.rate
        if self.region is None:
            # The sound may have been played slower, to be in tune.
            rate = self.rate * reference.stretch
            region = begin + start / rate, begin + (start + len(reference.take)) / rate
        else:
            region = self.region[0] + late, self.region[1] + late
        return Match(
            sound=name,
            collection=collection,
            preset=found[0].preset,
            confidence=confidence,
            heard=heard,
            cc={p.name: cc for p, cc in zip(presets.parameters, found[0].cc, strict=True) if p.control},
            model=self.model,
            reference=reference.take,
            rendered=rendered,
            distances=values,
            versions=versions,
            alone=alone,
            candidates=tuple(found),
            trace=() if self.only_bank else search.trace,
            ranking=self._ranking(),
            seconds=search.seconds + (self.asked[0] if searched else 0.0),
            renders=search.renders + (self.asked[1] if searched else 0),
            late=search.shift / SAMPLE_RATE,
            interrupted=search.interrupted,
            source=source,
            region=region,
            sound_seconds=self.excerpt.length,
            silent=not self.audible,
            remarks=tuple(remarks),
            notes=self._played(start),
            in_domain=in_domain,
            doubtful=doubtful,
            floor=floor,
            bank=None if self.bank is None else len(self.bank),
        )

    def _named(self, one: Candidate) -> Candidate:
        """A candidate with the name that it has in the bank."""
        name = None if self.bank is None else self.bank.name(np.array(one.cc))
        # The model's own answer may be in the bank, too.
        return one if name is None else replace(one, name=name, origin=BANKED if self.only_bank else one.origin)

    def _ranking(self) -> str:
        """What the candidates are ranked by."""
        if self.search.known is not None:
            return BY_RENDERING
        if self.only_bank:
            return BY_EVIDENCE
        if self.from_takes:
            return BY_TAKES_ALONE if self.model is None else BY_TAKES
        return BY_SCORES

    def _played(self, start: int) -> tuple[Note, ...] | None:
        """What is played, in seconds from the start of the sound; None of a model of one note.

        Args:
            start: the sample of the sound that is the reference's first one.
        """
        if "notes" not in self.answer:
            return None
        if self.search.known is not None and self.space is not None and self.space.times:
            # The search has looked for when they start and end.
            stretch, rate = self.reference.stretch, self.rate
            found = self.space.performances(self.search.known[:1])[0]
            return tuple(
                note._replace(
                    onset=max(self.excerpt.start + (start / rate + note.onset) / stretch, 0.0),
                    duration=note.duration / stretch,
                )
                for note in found
            )
        return tuple(
            Note(one["pitch"], one["velocity"], one["onset"] + self.excerpt.start, one["duration"])
            for one in self.answer["notes"]
        )


def listen(
    loaded: Loaded,
    collection: Collection | None,
    excerpt: Excerpt,
    *,
    engine: Engine | None,
    searching: bool,
    candidates: int,
    seed: int,
    takes: TakeSource | None = None,
    notes: Sequence[Any] | None = None,
    seconds: float | None = None,
    renders: int | None = None,
    bank: Bank | None = None,
) -> Attempt:
    """Ask a model for the presets that may have made a sound.

    Args:
        loaded: the model.
        collection: what it is asked for; its own if None.
        excerpt: the part of the sound.
        engine: renders presets; if None, the one that is found for the collection.
        searching: whether a search follows, if there is an engine.
        candidates: how many presets will be told.
        seed: of what is drawn at random.
        takes: recorded takes.
        notes: what is played, in seconds from the start of the whole sound, as a pipeline takes it; heard if None.
        seconds: how long the search is to last, of which up to `ASKING_SHARE` is for asking what was played.
        renders: how many presets it is to render, likewise.
        bank: presets of the same parameters that may have been played.

    Raises:
        InputError: the model is of another collection; the engine cannot render it; the takes are of another;
            notes for a model of one note, or none of them in the part.
    """
    collection = agreed(collection, loaded.collection, loaded.name)
    remarks: tuple[str, ...] = ()
    if loaded.pipe is None:
        remarks = (without_model(collection, engine, searching, takes is not None),)
    guide = loaded.guide(engine)
    listened, asked = None, (0.0, 0)
    met = np.empty((0, len(collection.parameters)), dtype=np.int64)
    if guide.reads_notes:
        listened = guide.listen(excerpt.sound, None if notes is None else within(notes, excerpt))
        lead = LEAD_SECONDS if collection.plays is None else collection.plays.onset
        if searching and (rendering := engine or find_engine(collection)) is not None:
            compiled(rendering, collection)
            share = Budget(
                None if seconds is None else ASKING_SHARE * seconds,
                None if renders is None else int(ASKING_SHARE * renders),
            )
            listened, met = likeliest(
                guide, collection, rendering, listened, lead, seed, share, None if bank is None else bank.cc
            )
            asked = share.elapsed, share.used
        reference, played = place_played(listened, SAMPLE_RATE, lead)
        inputs = guide.inputs_of(listened)
    elif notes is not None:
        raise InputError(
            f"{loaded.name} was trained on one note, and takes every sound for that: leave the notes out, or ask for a "
            f"collection of notes, such as {collection.name}-notes where there is one."
        )
    else:
        reference = place(guide.extractor, excerpt.sound, None)
        inputs = guide.inputs_of_take(reference.take)
    # Silence tells nothing that could be searched for.
    audible = is_audible(reference.take)
    if engine is None:
        # Of an instrument that only a checkpoint tells of, the engine would lack parameters.
        engine = find_engine(collection)
    else:
        engine.check(collection)
    space = None
    if engine is not None and listened is not None:
        form = with_seconds(collection, len(reference.take) / SAMPLE_RATE)
        played, more = playable(played or (constant_note(form.timing),), form, engine)
        remarks += more
        space = Space(form, engine, notes=played, exact=listened.given)
    elif engine is not None:
        space = Space(collection, engine)
    searching = space is not None and audible and searching
    rng = np.random.default_rng(seed)
    drawn = PROPOSALS if searching or candidates > 1 else 1
    answer, proposals = guide.propose(collection, inputs, drawn, seed, rng)
    if len(met):
        proposals = proposals.joined(met, np.full(len(met), np.nan), SEARCHED)
    objective = None
    if searching or takes is not None:
        # Its kernels take a while to load.
        objective = Objective(reference.take, reference.known, reference.note_on)
    if takes is not None and audible and objective is not None:
        nearest = nearest_takes(takes, collection, objective, max(candidates, NEAREST_TAKES))
        proposals = proposals.joined(*nearest)
    rate = guide.extractor.sampling_rate
    return Attempt(
        loaded.name,
        collection,
        excerpt,
        reference,
        rate,
        space,
        answer,
        proposals,
        objective,
        rng,
        audible,
        from_takes=takes is not None,
        remarks=remarks,
        in_domain=answer.get("in_domain"),
        warn_below=guide.warn_below,
        domain=loaded.domain,
        asked=asked,
    )


def without_model(collection: Collection, engine: Engine | None, searching: bool, has_takes: bool) -> str:
    """What is said of an answer that no model has begun.

    Raises:
        InputError: nothing can be told.
    """
    title = collection.instrument.title
    if has_takes and (not searching or (engine or find_engine(collection)) is None):
        return f"There is no model of {title}: the answer is the nearest of the takes."
    if not searching:
        raise InputError(
            f"There is no model of {collection.name} that could answer without a search: allow for one, or train a "
            f"model by `secret-sauce train {collection.name}`."
        )
    if engine is None:
        try:
            get_engine(collection.instrument).check(collection)
        except InputError as error:
            raise InputError(
                f"There is no model of {collection.name}, and its presets cannot be rendered either: {error}"
            ) from error
    return f"There is no model of {title}: the search began at presets as they are usually set, and takes longer so."


@lru_cache(maxsize=16)
def compiled(engine: Engine, collection: Collection) -> None:
    """Have what a search needs compiled, once in a process, where it has not been yet: that is no part of the search.

    Args:
        engine: renders the collection.
        collection: of the takes.
    """
    row = Presets.of_search(collection, np.array([[int(p.spread(3)[0]) for p in collection.parameters]]))
    take = engine.render(row, noise_seed=0)
    Objective(to_float(take[0]), (0, take.shape[1]), 0)(take)


def spread_order(count: int) -> np.ndarray:
    """The numbers from 0 to `count` - 1 in an order in which those first come from all over, shape (count,)."""
    # The golden ratio's multiples fill a circle as evenly as can be.
    return np.argsort(np.arange(count) * 0.6180339887498949 % 1.0, kind="stable")


def within(notes: Sequence[Any], excerpt: Excerpt) -> list[dict[str, Any]]:
    """Notes in seconds from the start of a sound, as they lie in a part of it; what is not in it is left out.

    Raises:
        InputError: notes that are none; none of them is in the part.
    """
    seconds = len(excerpt.samples) / excerpt.rate
    found = []
    for note in read_notes(notes):
        onset = note["onset"]
        if onset is None or excerpt.start <= onset < excerpt.start + seconds:
            found.append(note | {"onset": None if onset is None else onset - excerpt.start})
    if not found:
        raise InputError(
            f"None of the notes starts in what is matched, {excerpt.start:.2f} to {excerpt.start + seconds:.2f} s of "
            "the sound; give the region in which they are played."
        )
    return found


def agreed(collection: Collection | None, own: Collection, model_name: str | None) -> Collection:
    """The collection that is asked for, if the model is of it.

    Raises:
        InputError: it is of another one, or of other parameters.
    """
    if collection is None:
        return own
    if own.name != collection.name:
        raise InputError(
            f"{model_name} predicts presets of {own.name}, not of {collection.name}: ask for {own.name}, or give a "
            f"model of {collection.name}."
        )
    if not same_parameters(own, collection):
        raise InputError(
            f"{model_name} was trained for other parameters of {own.name} than those declared; train it again, or "
            "leave the collection out."
        )
    return collection


def is_audible(take: np.ndarray) -> bool:
    """Whether there is something to hear, by the model's measure."""
    return float(np.abs(take).max(initial=0.0)) >= SILENCE


def _continued(proposals: Proposals, cc: np.ndarray) -> Proposals:
    """Proposals with which a search goes on: the model's own answer, what was found, and some of the others."""
    others = slice(1, AGAIN)
    return Proposals(
        np.concatenate([proposals.cc[:1], cc, proposals.cc[others]]),
        [*proposals.origins[:1], *[SEARCHED] * len(cc), *proposals.origins[others]],
        np.concatenate([proposals.distances[:1], np.full(len(cc), np.nan), proposals.distances[others]]),
        proposals.posterior,
    )


def _joined(before: Search, after: Search) -> Search:
    """A search and the one that went on with what it had found, as one."""
    if before.known is None:
        return after
    if after.known is None:
        return replace(before, interrupted=after.interrupted)
    least = min((point.distance for point in before.trace), default=np.inf)
    further: list[TracePoint] = []
    for point in after.trace:
        if point.distance < least:
            least = point.distance
            further.append(
                replace(point, seconds=point.seconds + before.seconds, renders=point.renders + before.renders)
            )
    return replace(
        after,
        trace=(*before.trace, *further),
        seconds=before.seconds + after.seconds,
        renders=before.renders + after.renders,
    )


def _distances(reference: np.ndarray, rendered: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in distances(reference, rendered, SAMPLE_RATE).items()}


def _is_nearer(one: Candidate, other: Candidate) -> bool:
    return one.distance is not None and other.distance is not None and one.distance < other.distance


def _is_soft(rendered: np.ndarray, reference: np.ndarray) -> bool:
    """Whether a rendering is as good as silence beside the sound, whatever its spectrum is like."""
    if not is_audible(rendered):
        return True
    powers = [float(np.square(sound, dtype=np.float64).mean()) for sound in (rendered, reference)]
    return powers[0] < powers[1] * 10 ** (-SOFT_DB / 10)
