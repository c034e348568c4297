"""What goes wrong with a plug-in: rows that it does not survive, and a process that ended or went silent."""

from collections.abc import Mapping

import numpy as np

from secret_sauce_hf.engines.base import RowsLost


class PluginCrash(RowsLost):
    """A plug-in ended or hung its process at some rows; the others were rendered.

    Attributes:
        rows: the numbers of those rows among the rendered ones, ascending.
        reasons: what happened, by row.
        takes: int16 of shape (rows, samples) of all rows, silence where `rows` are; what was left
            out after too many of them is silent, too.
        unrendered: the numbers of the rows that were not tried.
    """

    def __init__(
        self, name: str, reasons: Mapping[int, str], takes: np.ndarray, unrendered: tuple[int, ...] = ()
    ) -> None:
        self.rows = tuple(sorted(reasons))
        shown = ", ".join(map(str, self.rows[:10])) + (", …" if len(self.rows) > 10 else "")
        left = f" The {len(unrendered)} rows after it were not tried." if unrendered else ""
        super().__init__(
            f"The plug-in {name} does not survive {'row' if len(self.rows) == 1 else 'rows'} {shown}: it "
            f"{reasons[self.rows[0]]}.{left} Leave {'it' if len(self.rows) == 1 else 'them'} out.",
            reasons,
            takes,
            unrendered,
        )


class WorkerFault(Exception):
    """The process of a plug-in did not answer as it must; the message is the end of "it …"."""


class WorkerEnded(WorkerFault):
    """The process has ended."""


class WorkerSilent(WorkerFault):
    """The process did not answer in time, and was ended."""


class Refused(WorkerFault):
    """The process answers that it could not do what it was asked for; it goes on."""
