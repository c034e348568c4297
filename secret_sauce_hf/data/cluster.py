"""The shards of a build made by an existing Dask cluster: its scheduler gets them, its workers render."""

import json
import queue
import time
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures import Future as Local
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from secret_sauce_hf.data.answers import checked_file, checked_telling, is_tried
from secret_sauce_hf.data.cluster_worker import make_on_worker
from secret_sauce_hf.data.making import Made
from secret_sauce_hf.data.manifest import DECIDING, versions
from secret_sauce_hf.data.names import DATA_FOLDER
from secret_sauce_hf.data.plan import Plan, Shard
from secret_sauce_hf.data.targets import Place, Target
from secret_sauce_hf.engines import Engine, find_engine
from secret_sauce_hf.instruments import COLLECTIONS, Collection, InputError
from secret_sauce_hf.instruments.declaring import declaration_text
from secret_sauce_hf.needed import remedy
from secret_sauce_hf.processors import thread_count
from secret_sauce_hf.progress import say
from secret_sauce_hf.remote import redact

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_SECONDS = 10.0
"""A scheduler that does not answer for so long is not there."""
WORKER_SECONDS = 60.0
"""For so long a cluster may have no worker, at the start or later: those that were killed are started again."""
MOST_LOSSES = 5
"""Dask gives a task up when four workers have died of it, or beside it. So often it is asked anew."""
_POLL_SECONDS = 0.5
_COUNT_SECONDS = 1.0
"""For so long the scheduler is not asked again how many threads there are."""
_LOOKERS = 4
"""Shards that are looked at at once, at most: each may be as large as a file is."""
_MEMORY = "perhaps for want of memory; give them more, or less at once"
_LOST = "The connection to the scheduler was lost; the same command goes on from here."
_AHEAD = 2
"""Shards that every thread of the cluster has before it: one that it makes, one that waits."""


class ClusterPool:
    """The workers of a Dask cluster, in a `with` block.

    Into a folder of this machine the workers send the files, which are looked at here and written; to an address
    they write themselves, and read again what they wrote. Either way a row of the first that each worker makes, and
    of one in `answers.TRIED` later, is rendered here before it counts.

    Args:
        address: of the scheduler, as `dask scheduler` tells it: `tcp://HOST:8786`.
        progress: whether to tell where the cluster's own page is.
    """

    def __init__(self, address: str, progress: bool = True) -> None:
        self._address, self._progress = address, progress
        self._client: Client | None = None
        self._shared: dict[str, Future] = {}

    def __enter__(self) -> "ClusterPool":
        """Connect to the scheduler, wait for a worker and see that all of them can do the work.

        Raises:
            InputError: `distributed` is not installed; nobody answers at the address; there is no
                worker, or one has another version of what decides the bytes.
        """
        try:
            from distributed import Client
        except ImportError as error:
            if (what := remedy(error)) is None:
                raise
            raise InputError(f"A build on a cluster needs {what}") from error
        try:
            self._client = Client(self._address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
            raise InputError(
                f"No Dask scheduler answers at {redact(self._address)} within {CONNECT_SECONDS:.0f} s; give the "
                "address that `dask scheduler` tells, such as tcp://HOST:8786."
            ) from error
        try:
            self._check_workers(self._client)
        except BaseException:
            self._client.close()
            raise
        if self._progress:
            workers = self._client.nthreads()
            # A scheduler may have been started without its page.
            has_page = "dashboard" in self._client.scheduler_info()["services"]
            page = f"; what they do: {self._client.dashboard_link}" if has_page else ""
            say(f"Threads of {len(workers)} workers: {sum(workers.values())}{page}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()

    def make(
        self, plan: Plan, shards: Sequence[Shard], schema: pa.Schema, target: Target, advance: Callable[[int], None]
    ) -> Generator[Made, None, None]:
        """As of `Pool`.

        Raises:
            InputError: a worker cannot do it, or cannot write to the target; what it made is not right.
            ChildProcessError: the scheduler or all workers are gone; a shard ends every worker that makes it.
        """
        client = self._client
        if client is None:
            raise RuntimeError("Outside of its `with` block a pool has no workers.")
        yield from _Run(client, plan, schema, target, advance).make(shards)

    @property
    def threads(self) -> int:
        """How many threads the workers have now."""
        return 0 if self._client is None else _Pulse(self._client).threads()

    def call(self, function: Callable[..., Any], shared: str, asked: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Call a function of this package on the workers.

        Args:
            function: of a module, and pure: who calls it does not matter. Its first argument is `shared`.
            shared: a text that all calls have.
            asked: the other arguments of each call: numbers, texts, arrays and what is made of them.

        Returns:
            What each call answers, in their order.

        Raises:
            InputError: a worker cannot do it.
            ChildProcessError: the scheduler or all workers are gone; a call ends every worker that makes it.
        """
        client = self._client
        if client is None:
            raise RuntimeError("Outside of its `with` block a pool has no workers.")
        pulse, done = _Pulse(client), queue.SimpleQueue[Any]()
        found: list[Any] = [None] * len(asked)
        losses = [0] * len(asked)
        if shared not in self._shared:
            self._shared[shared] = client.submit(str, shared, pure=False)
        pending: dict[Any, tuple[Future, int]] = {}

        def submit(number: int) -> None:
            future = client.submit(function, self._shared[shared], **asked[number], pure=False)
            pending[future.key] = future, number
            future.add_done_callback(done.put)

        try:
            for number in range(len(asked)):
                submit(number)
            while pending:
                try:
                    keys = [done.get(timeout=_POLL_SECONDS).key]
                except queue.Empty:
                    pulse.check()
                    keys = [future.key for future, _ in pending.values() if future.done()]
                for key in keys:
                    if key not in pending:
                        continue
                    future, number = pending.pop(key)
                    came, found[number] = _result(future, "what was asked")
                    if not came:
                        losses[number] += 1
                        if losses[number] == MOST_LOSSES:
                            raise ChildProcessError(f"Every worker ended that was asked; {_MEMORY}.")
                        submit(number)
        finally:
            with suppress(OSError):
                client.cancel([future for future, _ in pending.values()], force=True)
        return found

    def _check_workers(self, client: "Client") -> None:
        until = time.monotonic() + WORKER_SECONDS
        while not client.nthreads():
            if time.monotonic() > until:
                raise InputError(
                    f"The scheduler at {redact(self._address)} has no worker; start some with: dask worker "
                    f"{redact(self._address)}"
                )
            time.sleep(_POLL_SECONDS)
        here = versions()
        for name in DECIDING:
            # Python's own function: whatever a worker has installed, it knows this one.
            for worker, there in client.run(metadata.version, name, on_error="return").items():
                if there == here[name]:
                    continue
                has = f"{name} {there}" if isinstance(there, str) else f"no {name}"
                raise InputError(
                    f"The worker {worker} has {has}, and this machine {here[name]}: their sounds could differ; install "
                    f"{name}=={here[name]} there."
                )


class _Pulse:
    """Whether a scheduler and its workers are there."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._seen = time.monotonic()
        self._count, self._counted = 0, -_COUNT_SECONDS

    def threads(self) -> int:
        """How many threads the cluster has, as of a second ago.

        Raises:
            ChildProcessError: the scheduler is gone.
        """
        if self._client.status != "running":
            raise ChildProcessError(_LOST)
        if time.monotonic() > self._counted + _COUNT_SECONDS:
            try:
                self._count, self._counted = sum(self._client.nthreads().values()), time.monotonic()
            except OSError as error:
                raise ChildProcessError(_LOST) from error
        return self._count

    def check(self) -> None:
        """See that there is somebody to wait for.

        Raises:
            ChildProcessError: there is not.
        """
        if self.threads():
            self._seen = time.monotonic()
        elif time.monotonic() > self._seen + WORKER_SECONDS:
            raise ChildProcessError(
                f"The scheduler has had no worker for {WORKER_SECONDS:.0f} s; start some, and the same command goes on "
                "from here."
            )


def _result(future: "Future", what: str) -> tuple[bool, Any]:
    """Whether something came of a future, and what: if not, it has to be asked again.

    Args:
        future: one that is done.
        what: that a worker cannot make, in messages.

    Raises:
        InputError: the worker has failed.
        ChildProcessError: the scheduler is gone.
    """
    from distributed import KilledWorker

    if future.status == "finished":
        try:
            answer = future.result()
        except KilledWorker:
            # Whoever had it was lost before it was sent.
            return False, None
        except (OSError, CancelledError) as error:
            raise ChildProcessError(_LOST) from error
        future.release()
        return True, answer
    if future.status != "error":
        raise ChildProcessError(_LOST)
    fault = future.exception()
    future.release()
    if isinstance(fault, KilledWorker):
        return False, None
    said = (str(fault).strip() or type(fault).__name__).splitlines()[0]
    raise InputError(
        f"A worker cannot make {what} ({type(fault).__name__}: {redact(said)[:200].rstrip('.')}); it needs this "
        "version of secret_sauce_hf."
    ) from fault


class _Run:
    """One build's shards on their way."""

    def __init__(
        self, client: "Client", plan: Plan, schema: pa.Schema, target: Target, advance: Callable[[int], None]
    ) -> None:
        self._client, self._plan, self._schema, self._target = client, plan, schema, target
        self._advance = advance
        self._address = target.address if isinstance(target, Place) else None
        self._done: queue.SimpleQueue[Future | Local[Made | None]] = queue.SimpleQueue()
        self._pending: dict[Any, tuple[Future, Shard]] = {}
        self._looked: dict[Local[Made | None], Shard] = {}
        self._losses: dict[str, int] = {}
        self._tried: set[str] = set()
        self._pulse = _Pulse(client)

    def make(self, shards: Sequence[Shard]) -> Generator[Made, None, None]:
        # A task, not data: where the worker that holds it is lost, another one makes it again.
        with warnings.catch_warnings():
            # Of many rows that are given; they are sent to every worker once.
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            setup = self._client.submit(str, setup_text(self._plan), pure=False)
        waiting = list(reversed(shards))
        lookers = ThreadPoolExecutor(min(_LOOKERS, thread_count()))
        try:
            while waiting or self._pending or self._looked:
                # What waits to be looked at here has its place, too: else a fast cluster would fill this machine.
                room = _AHEAD * self._pulse.threads() - len(self._pending) - len(self._looked)
                for _ in range(min(room, len(waiting))):
                    self._submit(waiting.pop(), setup)
                for done in self._finished():
                    if not isinstance(done, Local):
                        _, shard = self._pending.pop(done.key)
                        looked = lookers.submit(self._taken, done, shard)
                        self._looked[looked] = shard
                        looked.add_done_callback(self._done.put)
                        continue
                    shard = self._looked.pop(done)
                    made = done.result()
                    if made is None:
                        waiting.append(shard)
                        continue
                    if made.content is not None:
                        self._target.write(f"{DATA_FOLDER}/{shard.name}", made.content)
                    self._advance(len(shard))
                    yield made
        finally:
            # After Ctrl-C or a fault: what nobody has begun is not begun, and what was begun ends at its next rows.
            with suppress(OSError):
                self._client.cancel([setup, *(future for future, _ in self._pending.values())], force=True)
            lookers.shutdown(cancel_futures=True)

    def _submit(self, shard: Shard, setup: "Future") -> None:
        future = self._client.submit(
            make_on_worker, setup, shard.name, shard.start, shard.stop, self._address, pure=False
        )
        self._pending[future.key] = future, shard
        future.add_done_callback(self._done.put)

    def _finished(self) -> "list[Future | Local[Made | None]]":
        """What is made, or looked at, by now; after a while nothing, too."""
        try:
            found = [self._done.get(timeout=_POLL_SECONDS)]
        except queue.Empty:
            self._pulse.check()
            # Of a future whose error cannot be read here nothing else tells.
            return [future for future, _ in self._pending.values() if future.done()]
        while not self._done.empty():
            found.append(self._done.get())
        # Each once, however it was found.
        return [
            done
            for done in dict.fromkeys(found)
            if (done in self._looked if isinstance(done, Local) else done.key in self._pending)
        ]

    def _taken(self, future: "Future", shard: Shard) -> Made | None:
        """What came of a shard; None if it has to be made again. Called in several threads."""
        came, answer = _result(future, shard.name)
        if came:
            return self._checked(answer, shard)
        self._losses[shard.name] = self._losses.get(shard.name, 0) + 1
        if self._losses[shard.name] < MOST_LOSSES:
            return None
        raise ChildProcessError(
            f"Every worker ended that was to make {shard.name}, perhaps for want of memory; give them more, or the "
            "build fewer --rows-per-shard."
        )

    def _checked(self, answer: Any, shard: Shard) -> Made:
        """A shard that was looked at.

        Raises:
            InputError: the worker said why it cannot make it; it is not what it should be.
        """
        if not isinstance(answer, dict):
            answer = {}
        by = str(answer.get("worker"))[:100]
        if isinstance(mistake := answer.get("mistake"), str):
            raise InputError(f"The worker {by} cannot make {shard.name}: {redact(mistake)[:500]}")
        name = f"{DATA_FOLDER}/{shard.name}"
        # A processor on which sounds differ makes none right.
        tried = by not in self._tried or is_tried(answer)
        wrong = f"What the worker {by} made of {shard.name} is wrong: "
        remedy = " Nothing was kept of it; end that worker, and the same command goes on."
        try:
            if self._address is not None:
                made = checked_telling(self._plan, shard, self._schema, answer, tried)
                if (size := self._target.size(name)) not in (None, made.entry.size):
                    raise InputError(f"in {self._target} it has {size:,} bytes and not {made.entry.size:,}.")
            elif isinstance(content := answer.get("content"), bytes):
                made, size = checked_file(self._plan, shard, self._schema, answer, content, tried), len(content)
            else:
                raise InputError("it sent no file.")
        except InputError as error:
            if self._address is not None:
                self._target.remove(name)
            raise InputError(f"{wrong}{error}{remedy}") from error
        if size is None:
            raise InputError(
                f"The worker {by} has written {shard.name}, and from here it is not in {self._target}: give a place "
                "that all machines share."
            )
        self._tried.add(by)
        return made


def refuse_plugin(collection: Collection) -> None:
    """Refuse an instrument that is a plug-in file, before that is loaded here.

    Raises:
        InputError: it is one.
    """
    if collection.instrument.plugin is not None:
        raise InputError(
            f"{collection.instrument.name} is a plug-in file, and a build on a cluster would choose which file other "
            "machines run: build it on this machine, without --scheduler."
        )


def check_for_cluster(plan: Plan) -> None:
    """See that other machines can render a build from its description alone.

    Raises:
        InputError: its engine is a plug-in file, records an instrument, or is one that only this program knows.
    """
    check_engine(plan.collection, plan.engine, plan.in_session)


def check_engine(collection: Collection, engine: Engine, in_session: bool = False) -> None:
    """See that other machines find an engine.

    Raises:
        InputError: it is a plug-in file, records an instrument, or is one that only this program knows.
    """
    refuse_plugin(collection)
    name = collection.instrument.name
    if engine.records:
        raise InputError(f"{name} is recorded, and the instrument is here: build it without --scheduler.")
    found = find_engine(collection, in_session=in_session)
    if found is None or type(found) is not type(engine) or found.label != engine.label:
        raise InputError(
            f"Workers find the engine of {name} by its name, and would not find the one that was given: leave the "
            "engine out, or the scheduler."
        )


def setup_text(plan: Plan) -> str:
    """All that a worker must know of a build, as JSON: no object of this program, and nothing that names a file."""
    given = None
    if plan.given is not None:
        played = plan.given.performances
        given = {
            "units": plan.given.unit.tolist(),
            "files": list(plan.given.files),
            "first": played.first.tolist(),
            "notes": {name: getattr(played, name).tolist() for name in ("onset", "duration", "pitch", "velocity")},
        }
    return json.dumps({"record": plan.record, "versions": versions(), "given": given} | described(plan.collection))


def described(collection: Collection) -> dict[str, Any]:
    """A collection, as `cluster_worker` finds it again."""
    return {
        "collection": collection.name,
        "declaration": None if collection.name in COLLECTIONS else declaration_text(collection),
        # To the last digit, which a declaration does not have.
        "timing": asdict(collection.timing),
    }
