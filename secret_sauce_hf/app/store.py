"""What visitors sent and were answered: kept in memory, for each of them alone, and forgotten."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from secret_sauce_hf.app.limits import ANSWERS_EACH, MAX_KEPT_BYTES, MAX_SESSIONS, SESSION_SECONDS, SOUNDS_EACH


@dataclass(eq=False)
class KeptSound:
    """A sound that a visitor sent.

    Args:
        name: what its file is called.
        content: the bytes of the file.
        seconds: how long it is, as far as it is read.
        rate: in Hz.
        channels: how many it has.
    """

    name: str
    content: bytes
    seconds: float
    rate: int
    channels: int

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content)


@dataclass(eq=False)
class Session:
    """What one visitor sent and was answered, each under a key that nobody can guess."""

    sounds: OrderedDict[str, KeptSound] = field(default_factory=OrderedDict)
    jobs: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    used: float = field(default_factory=monotonic)


class Store:
    """The sessions of all visitors; threads may use it together."""

    def __init__(self, clock: Any = monotonic) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._clock = clock

    def begin(self) -> str:
        """A new session's key."""
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._forget()
            self._sessions[key] = Session(used=self._clock())
            while len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
        return key

    def get(self, key: str) -> Session | None:
        """A session by its key; None if there is none, or it was forgotten."""
        with self._lock:
            self._forget()
            session = self._sessions.get(key)
            if session is not None:
                session.used = self._clock()
                self._sessions.move_to_end(key)
            return session

    def keep_sound(self, session: Session, sound: KeptSound) -> str:
        """Keep a sound; what is too much by it is forgotten, the longest unused first."""
        return self._keep(session, session.sounds, sound, SOUNDS_EACH)

    def keep_job(self, session: Session, job: Any) -> str:
        """Keep a search and its answer, likewise."""
        return self._keep(session, session.jobs, job, ANSWERS_EACH)

    def _keep(self, session: Session, kept: OrderedDict[str, Any], one: Any, most: int) -> str:
        key = secrets.token_urlsafe(16)
        with self._lock:
            kept[key] = one
            while len(kept) > most:
                kept.popitem(last=False)
            self._shrink(session)
        return key

    @property
    def size(self) -> int:
        """Bytes that all sounds and answers take."""
        return sum(map(_size, list(self._sessions.values())))

    def __len__(self) -> int:
        return len(self._sessions)

    def _forget(self) -> None:
        """Drop the sessions that nobody has used for long; they lie in the order of use."""
        now = self._clock()
        while self._sessions:
            key, oldest = next(iter(self._sessions.items()))
            if now - oldest.used < SESSION_SECONDS:
                return
            del self._sessions[key]

    def _shrink(self, own: Session) -> None:
        """Drop sounds and answers of others until all of it fits."""
        over = self.size - MAX_KEPT_BYTES
        for session in list(self._sessions.values()):
            if over <= 0:
                return
            if session is not own:
                over -= _size(session)
                session.sounds.clear()
                session.jobs.clear()


def _size(session: Session) -> int:
    parts = [*list(session.sounds.values()), *list(session.jobs.values())]
    return sum(int(getattr(part, "size", 0)) for part in parts)
