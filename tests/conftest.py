"""What several test modules share."""

from pathlib import Path

import pytest
from hypothesis import settings

# Every run tries the same examples, and leaves no folder behind.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' folder of originals and recordings beside the checkout; without it the test is skipped."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    return folder
