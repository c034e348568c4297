"""What goes wrong on the tests' Hub when a test says so, and what the Hub writes down."""

import math
import re
import threading
from dataclasses import dataclass, field


@dataclass
class Record:
    """One request as the server saw it; status 0 means that the connection broke. Headers are not kept."""

    method: str
    path: str
    status: int = 0
    bytes_in: int = 0


@dataclass
class Fault:
    """What goes wrong with `times` requests whose method and path match, once `skip` of them went through.

    Either they are answered with `status`, `headers` and `message` and nothing is done, or their connection is cut:
    after so many bytes of the request's body, or, when everything has been done, of the answer's.
    """

    path: str = ""
    method: str = ""
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "Injected fault"
    cut_after_bytes: float = math.inf
    cut_answer_after_bytes: float = math.inf
    delay: float = 0
    skip: int = 0
    times: float = 1


@dataclass
class Kind:
    """How a server differs from the Hub, for good; tests change it while the server runs.

    Args:
        short_ids: of requests with such a path ("" is in all) the answers name commits by their first 8 digits.
        storage: where large files are said to be sent to and fetched from, if not the server itself.
        page: what every request gets instead of an answer: status, type and body. Such a server is no Hub.
    """

    short_ids: str | None = None
    storage: str | None = None
    page: tuple[int, str, str] | None = None

    def reset(self) -> None:
        """The Hub again."""
        self.short_ids = self.storage = self.page = None


class Faults:
    """The faults to come. Tests add them while the server runs in its own thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault:
        """The fault this request gets; one without effect if there is none."""
        with self._lock:
            for fault in self._faults:
                if fault.method in ("", method) and re.search(fault.path, path) and fault.times > 0:
                    if fault.skip == 0:
                        fault.times -= 1
                        return fault
                    fault.skip -= 1
        return Fault()


class Cut(ConnectionError):
    """The server hangs up."""
