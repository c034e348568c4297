"""What several test modules share."""

import atexit
import os
import shutil
import socket
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from warm_process import bare_process

if TYPE_CHECKING:
    from hub_server import HubServer
    from huggingface_hub import HfApi

# Every run tries the same examples, and leaves no folder behind.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


if "PYTEST_XDIST_WORKER" in os.environ:
    # Every worker has one core. Threads of several that wait for each other take four times as long, and torch reads
    # this when it is imported, here and in the processes that tests start.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _isolate() -> tuple[str, str | None, socket.socket | None]:
    """Point every Hugging Face client of this process, and of those it starts, at the tests' own Hub.

    They read these variables when they are imported, so this comes before anything that imports them. Returns the
    endpoint, a token for it if it is a foreign one, and the socket that reserves its port if it is ours.
    """
    assert "huggingface_hub" not in sys.modules, "imported before the tests could choose its endpoint"
    # A Hub and a token for it in the environment mean: test against that one. Its token moves to a name that the
    # clients do not read, where the processes of pytest-xdist find it.
    token = os.environ.get("HF_TOKEN") or os.environ.get("TEST_HUB_TOKEN")
    endpoint = os.environ.get("HF_ENDPOINT") if token else None
    for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING_FACE_", "HUGGINGFACE_"))]:
        del os.environ[name]
    reserved = None
    if endpoint:
        os.environ["TEST_HUB_TOKEN"] = token
    else:
        # Bound but not listening: nobody else gets the port, and connections are refused until the Hub runs.
        reserved = socket.socket()
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{reserved.getsockname()[1]}"
    home = tempfile.mkdtemp(prefix="hf-home-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ |= {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": home,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # With it large files would need Xet's storage, too; the tests of Xet turn it on in processes of their own.
        "HF_HUB_DISABLE_XET": "1",
    }
    return endpoint, None if reserved else token, reserved


ENDPOINT, FOREIGN_TOKEN, RESERVED = _isolate()


def pytest_configure(config: pytest.Config) -> None:
    # huggingface_hub's own upload of large files does this; no caller can change it.
    config.addinivalue_line("filterwarnings", "ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")


# Files that take longest, each on one process: begun last, they would leave the others with nothing to do. Those that
# need JACK wait for each other, and lie apart.
LONGEST = (
    "test_notebooks.py",
    "test_recorder.py",
    "test_training.py",
    "test_ranks.py",
    "test_readme.py",
    "test_card_snippets.py",
    "test_docs.py",
    "test_cluster.py",
    "test_learning.py",
    "test_pages.py",
    "test_publishing.py",
    "test_heard.py",
    "test_pipeline.py",
    "test_recording.py",
    "test_cli.py",
    "test_conventions.py",
    "test_pitching.py",
    "test_benchmark.py",
    "test_sending.py",
    "test_travelling.py",
    "test_plugin_engine.py",
    "test_kernel_cache.py",
    "test_engine_timings.py",
    "test_engine.py",
    "test_forked.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def pytest_unconfigure() -> None:
    if RESERVED:
        RESERVED.close()


@pytest.fixture(scope="session")
def bare() -> Iterator[Callable[..., str]]:
    """Runs a program in a process that has imported torch and transformers and nothing of ours, without a network.

    Its standard output; an error if it fails.
    """
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with bare_process({name: value for name, value in environment.items() if name != "HF_TOKEN"}) as process:

        def run(program: str, *arguments: str | Path, **options: Any) -> str:
            done = process(program, *map(str, arguments), **options)
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()

        run.completed = process
        yield run


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' folder of originals and recordings beside the checkout; without it the test is skipped."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    return folder


@dataclass
class Hub:
    """The Hub the clients of this process talk to, and what a test may do there."""

    url: str
    token: str
    read_token: str | None
    namespace: str
    server: "HubServer | None"
    made: list[tuple[str, str]] = field(default_factory=list)

    def repo(self, stem: str, kind: str = "dataset") -> str:
        """The id of a repository that does not exist; what a test makes of it is deleted at the end."""
        name = f"{self.namespace}/{stem}-{uuid.uuid4().hex[:8]}"
        self.made.append((name, kind))
        return name


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A Hub to test against: ours, started by the first test that asks, or the one the environment names."""
    from huggingface_hub import HfApi

    if FOREIGN_TOKEN:
        api = HfApi(endpoint=ENDPOINT, token=FOREIGN_TOKEN)
        hub = Hub(ENDPOINT, FOREIGN_TOKEN, None, api.whoami()["name"], None)
        yield hub
        for name, kind in hub.made:
            api.delete_repo(name, repo_type=kind, missing_ok=True)
        return

    from hub_server import HubServer, User

    users = {
        "hf_writer": User("tester", namespaces=("me",)),
        "hf_reader": User("tester", "read"),
        "hf_stranger": User("stranger"),
    }
    folder = tmp_path_factory.mktemp("hub")
    with HubServer(folder, users=users, port=int(ENDPOINT.rpartition(":")[2])) as server:
        yield Hub(ENDPOINT, "hf_writer", "hf_reader", "tester", server)
    shutil.rmtree(folder)


@pytest.fixture
def server(hub: Hub) -> "HubServer":
    """The tests' own Hub itself, to look behind the scenes or break things; its log starts with the test."""
    if hub.server is None:
        pytest.skip("needs the tests' own Hub")
    hub.server.log.clear()
    return hub.server


@pytest.fixture
def api(hub: Hub) -> "HfApi":
    """A client that may write."""
    from huggingface_hub import HfApi

    return HfApi(token=hub.token)


@pytest.fixture
def dataset(hub: Hub, api: "HfApi") -> str:
    """An empty dataset repository."""
    name = hub.repo("files")
    api.create_repo(name, repo_type="dataset")
    return name


@pytest.fixture(autouse=True)
def _no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test made the Hub do to it does not happen to the next one."""
    server = request.getfixturevalue("hub").server if "hub" in request.fixturenames else None
    yield
    if server:
        server.faults.clear()
        server.kind.reset()
        server.quota_bytes = None


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Makes huggingface_hub retry at once; the seconds that it would have waited are added to this list."""
    from types import SimpleNamespace

    from huggingface_hub import file_download
    from huggingface_hub.utils import _http

    waited: list[float] = []
    for module in (_http, file_download):
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def client_environment(tmp_path: Path) -> dict[str, str]:
    """The environment for a process that talks to the Hub: a fresh cache and no token; add `HF_TOKEN` where needed."""
    return {**os.environ, "HF_HOME": str(tmp_path / "hf-home")}


@pytest.fixture
def no_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the package one that no engine is installed for."""
    monkeypatch.setattr("secret_sauce_hf.engines.registry.ENGINES.names", list)
