"""A house of its own for each test."""

import pytest

from tests.guard.house import House


@pytest.fixture
def house(tmp_path):
    """A guard over one rule."""
    found = House(tmp_path)
    yield found
    found.close()
