"""A search that settles switches before knobs: for a sound that goes through a machine and comes out known.

Where what goes in is known to the sample, a wrong switch is plain to hear as soon as the knobs are about right,
and the best knobs with a wrong switch never come as near as those with the right one. So every combination of
switches that sounds different is given some knobs, the worse ones drop out, the others get more, and so on
(successive halving; Z. Karnin, T. Koren and O. Somekh, 2013). What a switch turns on is set as a whole, as a
machine's parts hardly depend on each other; which knobs those are follows from when they are heard.
"""

from itertools import product

import numpy as np

from secret_sauce_hf.matching.evaluator import Evaluator
from secret_sauce_hf.matching.problem import Problem
from secret_sauce_hf.matching.proposals import Proposals
from secret_sauce_hf.matching.space import TURN, Space
from secret_sauce_hf.matching.strategies.base import Refinement
from secret_sauce_hf.matching.strategies.chance import align
from secret_sauce_hf.matching.strategies.gauss_newton import descend
from secret_sauce_hf.matching.strategies.starting import moving_knobs
from secret_sauce_hf.matching.strategies.stepping import STEPS, neighbours

MOST_COMBINATIONS = 128
"""Of switches; where there are more, those of the proposals are tried."""
TEMPLATES = 2
"""With so many proposals' knobs every combination is rendered at first."""
ROUNDS = ((16, 8), (8, 16), (4, 24))
"""How many combinations are left in each round, and how many presets of each are drawn."""
PART_DRAWS = 10
"""How often each part of the machine is drawn anew in the best preset, for each of its knobs and switches."""
PART_STARTS = 2
"""From how many of these the way down is looked for."""
FOLLOWED = 5
"""From how many of all parts'."""
FAR_DB = 1.0
"""What is further from the sound than the best, by this and by half as much again, is not followed."""
ANEW = 0.8
"""Which share of what is drawn anew is not left as it is."""
SAME_DB = 0.01
"""A lap that gains less than this is fruitless."""
FRUITLESS = 2
"""After so many fruitless laps, one after the other, the search is at its end."""


class SwitchesFirst(Refinement):
    """Combinations of switches in rounds, the better ones with ever better knobs, then slopes and steps for the best.

    The model's probabilities are no penalty here: what is rendered is compared with the very sound.
    """

    name = "switches_first"
    settles = False

    def refine(
        self,
        evaluator: Evaluator,
        problem: Problem,  # noqa: ARG002 - the evaluator knows it
        proposals: Proposals,
        rng: np.random.Generator,
    ) -> None:
        """Search, see `Refinement`."""
        space = evaluator.space
        machine = Machine(space)
        best: dict[bytes, tuple[float, np.ndarray]] = {}

        def learn(places: np.ndarray) -> None:
            if len(places):
                for key, place, distance in zip(machine.keys(places), places, evaluator(places), strict=True):
                    if key not in best or distance < best[key][0]:
                        best[key] = float(distance), place

        def leading(count: int) -> np.ndarray:
            return np.array([place for _, place in sorted(best.values(), key=lambda one: one[0])[:count]])

        learn(space.places(proposals.cc[:1]))
        learn(machine.grid(proposals.cc))
        learn(space.places(proposals.cc))
        if align(evaluator, leading(4), 0.1):
            places = leading(len(best))
            best.clear()
            learn(places)
        for left, count in ROUNDS:
            learn(np.concatenate([machine.drawn(place, proposals.cc, count, rng) for place in leading(left)]))
        fruitless = 0
        while fruitless < FRUITLESS:
            before = evaluator.best
            learn(descend(evaluator, leading(3), 2))
            place, own = leading(1)[0], evaluator.best
            promising: list[tuple[float, np.ndarray]] = []
            for switches in machine.parts.values():
                tried = machine.part_drawn(place, switches, PART_DRAWS * len(switches), rng)
                learn(tried)
                distances = evaluator(tried)
                for row in np.argsort(distances, kind="stable")[:PART_STARTS]:
                    promising.append((float(distances[row]), tried[row]))
            promising.sort(key=lambda one: one[0])
            far = own + max(FAR_DB, 0.5 * own)
            begun = [tried for distance, tried in promising[:FOLLOWED] if distance < far]
            if begun:
                learn(descend(evaluator, np.array(begun), 3))
            learn(descend(evaluator, leading(2), 4))
            learn(_stepped(evaluator, leading(1)[0]))
            fruitless = fruitless + 1 if evaluator.best > before - SAME_DB else 0


class Machine:
    """The parts of an instrument, by the switches that turn them on.

    Args:
        space: the places of a search.
    """

    def __init__(self, space: Space):
        self.space = space
        self.switches = [column for column in range(space.settings) if space.parameters[column].classes]
        self.phases = list(range(space.settings, len(space.parameters)))
        middle = np.array([[int(p.spread(3)[0 if p.classes else 1]) for p in space.parameters]])
        turned_on = {switch: self._turned_on(middle, switch) for switch in self.switches}
        inner = {column for columns in turned_on.values() for column in columns}
        self.parts = {switch: [switch, *columns] for switch, columns in turned_on.items() if switch not in inner}
        """Per switch that nothing turns on its column and those of what it turns on, switches among them."""

    def keys(self, places: np.ndarray) -> list[bytes]:
        """What tells combinations of switches apart; what is not heard does not."""
        heard = self.space.heard(places)[:, self.switches]
        return [row.tobytes() for row in np.where(heard, places[:, self.switches], -1)]

    def grid(self, cc: np.ndarray) -> np.ndarray:
        """Every combination of switches that sounds different, with each of the first `TEMPLATES` presets' knobs."""
        labels = [self.space.parameters[column].spread(2).tolist() for column in self.switches]
        many = np.prod([len(codes) for codes in labels]) > MOST_COMBINATIONS
        combinations = cc[:, self.switches] if many else np.array(list(product(*labels)))
        found = []
        for template in self.space.places(cc[:TEMPLATES]):
            places = np.repeat(template[None], len(combinations), axis=0)
            places[:, self.switches] = combinations
            first = {key: row for row, key in reversed(list(enumerate(self.keys(places))))}
            found.append(places[sorted(first.values())])
        return np.concatenate(found)

    def drawn(self, place: np.ndarray, cc: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Places with the switches of one, of which one part has the knobs of a proposal, or is drawn anew."""
        heard = self.space.heard(place[None])[0]
        parts = [columns for columns in self.parts.values() if len(columns) > 1 and heard[columns[1:]].any()]
        places = np.repeat(place[None], count, axis=0)
        for row in range(count if parts else 0):
            columns = parts[rng.integers(len(parts))]
            places[row] = self.part_drawn(place, columns, 1, rng)[0]
            if rng.random() < 0.3:
                places[row, columns] = cc[rng.integers(len(cc)), columns]
            places[row, self.switches] = place[self.switches]
        return places

    def part_drawn(self, place: np.ndarray, columns: list[int], count: int, rng: np.random.Generator) -> np.ndarray:
        """Places with one part drawn anew, and with other phases, in most columns each; the part turned on or over."""
        places = np.repeat(place[None], count, axis=0)
        for column in columns:
            parameter = self.space.parameters[column]
            low, high = self.space.bounds(column) if not parameter.classes else (-0.5, parameter.classes - 0.5)
            fresh = parameter.nearest_cc(rng.uniform(low, high, size=count))
            # Now and then one of them is right already.
            places[:, column] = np.where(rng.random(count) < ANEW, fresh, places[:, column])
        for column in self.phases:
            fresh = rng.integers(TURN, size=count)
            places[:, column] = np.where(rng.random(count) < 0.5, fresh, places[:, column])
        return places

    def _turned_on(self, place: np.ndarray, switch: int) -> list[int]:
        """The columns that are heard with some labels of a switch and not with others."""
        codes = self.space.parameters[switch].spread(2)
        places = np.repeat(place, len(codes), axis=0)
        places[:, switch] = codes
        heard = self.space.heard(places)
        return np.flatnonzero(heard.any(axis=0) & ~heard.all(axis=0)).tolist()


def _stepped(evaluator: Evaluator, place: np.ndarray) -> np.ndarray:
    """A place and one from which no step of a single knob leads nearer."""
    here, best = place, float(evaluator(place[None])[0])
    knobs = moving_knobs(evaluator, place)
    while True:
        moves = [move for move in neighbours(evaluator.space.parameters, here, STEPS) if move[0] in knobs]
        tried = np.repeat(here[None], len(moves), axis=0)
        for row, (column, value) in enumerate(moves):
            tried[row, column] = value
        distances = evaluator(tried) if len(tried) else np.array([np.inf])
        if distances.min() >= best:
            return np.array([place, here])
        # Each knob's best step, as many together as help.
        together, found = here.copy(), [tried[distances.argmin()]]
        for row in np.argsort(distances, kind="stable"):
            column, value = moves[row]
            if distances[row] >= best:
                break
            if together[column] == here[column]:
                together[column] = value
                found.append(together.copy())
        values = evaluator(np.array(found))
        here, best = found[int(values.argmin())].copy(), float(values.min())
