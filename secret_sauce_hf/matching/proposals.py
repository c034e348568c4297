"""Presets that a sound may have been made with, before anything is rendered."""

from dataclasses import dataclass

import numpy as np

from secret_sauce_hf.instruments import Collection
from secret_sauce_hf.matching.posterior import Posterior
from secret_sauce_hf.matching.result import MODEL, NEAREST

SAME_DB = 1.0
"""A recorded take that is nearer than this counts as the sound itself, before the model's answer does."""


@dataclass(frozen=True)
class Proposals:
    """Candidates to begin with, the model's own answer first.

    Args:
        cc: CC values, shape (candidates, parameters).
        origins: where each comes from.
        distances: of recorded takes from the sound, shape (candidates,); NaN for others.
        posterior: what the model tells of the sound.
    """

    cc: np.ndarray
    origins: list[str]
    distances: np.ndarray
    posterior: Posterior

    @property
    def collection(self) -> Collection:
        """Whose parameters they set."""
        return self.posterior.collection

    def joined(self, cc: np.ndarray, distances: np.ndarray, origin: str = NEAREST) -> "Proposals":
        """These and others, after the model's own answer and before what was drawn.

        Args:
            cc: CC values of the others, shape (rows, parameters), the most promising first.
            distances: from the sound, where they are recorded takes, shape (rows,); NaN where they are not.
            origin: where they come from.
        """
        return Proposals(
            np.concatenate([self.cc[:1], cc, self.cc[1:]]),
            [*self.origins[:1], *[origin] * len(cc), *self.origins[1:]],
            np.concatenate([self.distances[:1], distances, self.distances[1:]]),
            self.posterior,
        )

    def ranked(self) -> "Proposals":
        """Order them, the most promising first, as far as that can be told without rendering them.

        Takes that are as near as the sound itself, the model's own answer, further takes, and
        what was drawn, by its score.
        """
        near, taken = self.distances < SAME_DB, np.isfinite(self.distances)
        kind = np.select([near, np.array(self.origins) == MODEL, taken], [0, 1, 2], 3)
        order = np.lexsort((np.where(taken, self.distances, -self.posterior.score(self.cc)), kind))
        return Proposals(self.cc[order], [self.origins[row] for row in order], self.distances[order], self.posterior)
