import pytest

from fedingress.adapters.directory import DirectorySources
from tests.adapters.directory.desk import StillClock


@pytest.fixture
def clock():
    return StillClock()


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "sources"
    path.mkdir()
    return path


@pytest.fixture
def sources(root, clock):
    return DirectorySources(root, clock)
