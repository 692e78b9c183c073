"""What all tests share: a fixed key, and where the real sets lie, if they do."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a slow machine is no fault of the code
settings.load_profile("untimed")
os.environ["REFINERY_KEY"] = "a key for tests alone"

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the real sets; a test that asks for it skips where it is absent."""
    folder = REPOSITORY / ".." / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real sets (../shared/data) are not on this machine")
    return folder.resolve()
