"""What tests of listening tests share."""

import pytest
from participants import REFERENCES, SYSTEMS

from secret_sauce_hf.listening_test import Made, make_listening_test


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """A test of each method, six sounds and two systems."""
    folder = tmp_path_factory.mktemp("tests")
    return {
        method: make_listening_test(REFERENCES, SYSTEMS, folder / method, method=method, progress=False)
        for method in ("mushra", "2afc")
    }
