"""Fixtures of the conformance tests of the Google Cloud stand-in."""

from collections.abc import Iterator

import pytest

from tests.localcloud.gcp.lab import FakeClock, Lab, running_lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A cloud whose operations are done at once."""
    with running_lab() as running:
        yield running


@pytest.fixture
def slow_lab() -> Iterator[Lab]:
    """A cloud whose operations take a while, so that they can be seen running."""
    with running_lab(operation_seconds=0.3) as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def still(clock: FakeClock) -> Iterator[Lab]:
    """A cloud whose operations take 30 seconds of *clock*."""
    with running_lab(clock=clock, operation_seconds=30.0) as running:
        yield running
