"""The queue under real threads, without a director."""

import pytest

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.work import Work
from fedingress.runtime.queue import WorkQueue
from tests.runtime.clocks import HandClock
from tests.runtime.crowd import Crowd

WORK = Work(concern="dns", unit="cloud-dns:acme/example-com", cause="ingress.changed")


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
        return
    store = SqliteStore(tmp_path / "state.db", busy_seconds=30)
    yield store
    store.close()


def test_fifty_deliveries_for_one_unit(store):
    """Of 50 threads one works at a time, and a run observes after the last request."""
    Crowd(WorkQueue(store, HandClock()), WORK).check()
