"""The queue's cost on the stores that need no cloud, to compare with."""

import pytest

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.adapters.stores.sqlite_file import SqliteFile
from tests.stores.queue_suite import QueueContract


class TestMemory(QueueContract):
    """In memory a request is a call."""

    seconds = 0.5

    @pytest.fixture
    def store(self):
        return MemoryStore()

    @pytest.fixture
    def requests(self, monkeypatch):
        seen = []
        for name, kind in {"get": "read", "list": "read", "due": "read", "put": "write"}.items():
            monkeypatch.setattr(MemoryStore, name, noting(seen, kind, getattr(MemoryStore, name)))
        return seen


class TestSqlite(QueueContract):
    """In a file a request is a statement or a transaction."""

    seconds = 0.5

    @pytest.fixture
    def store(self, tmp_path):
        store = SqliteStore(tmp_path / "state.db", busy_seconds=30)
        yield store
        store.close()

    @pytest.fixture
    def requests(self, monkeypatch):
        seen, inner = [], SqliteFile.run

        def run(self, operation):
            writes = operation.__qualname__.startswith("SqliteFile.transaction")
            seen.append("write" if writes else "read")
            return inner(self, operation)

        monkeypatch.setattr(SqliteFile, "run", run)
        return seen


def noting(seen, kind, inner):
    """*inner*, which also writes *kind* down."""

    def noted(*args, **given):
        seen.append(kind)
        return inner(*args, **given)

    return noted
