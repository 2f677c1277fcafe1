"""The port `Store` on each implementation that needs no cloud, and against a model of itself."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.errors import Conflict
from fedingress.ports.store import ABSENT, Key
from tests.contract.store_suite import StoreContract


class TestMemoryStore(StoreContract):
    """The contract in memory."""

    @pytest.fixture
    def store(self):
        return MemoryStore()


class TestSqliteStore(StoreContract):
    """The contract in a file."""

    @pytest.fixture
    def store(self, tmp_path):
        store = SqliteStore(tmp_path / "state.db")
        yield store
        store.close()


KEYS = [Key(family="work", name=name) for name in ("a", "a/b", "b")]


class Agreement(RuleBasedStateMachine):
    """Both stores and a plain dict go through the same writes and must agree on everything."""

    versions = Bundle("versions")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.stores = (MemoryStore(), SqliteStore(Path(self.folder.name, "state.db")))
        self.model = {}
        self.writes = 0

    @initialize(target=versions)
    def absent(self):
        return (ABSENT, ABSENT)

    @rule(
        target=versions,
        key=st.sampled_from(KEYS),
        expected=st.none() | versions,
        due_at=st.none() | st.sampled_from([0.0, 1.5, 2.0]),
    )
    def put(self, key, expected, due_at):
        self.writes += 1
        body = {"n": self.writes}
        results = []
        for n, store in enumerate(self.stores):
            wanted = expected if expected is None else expected[n]
            try:
                results.append(store.put(key, body, expected=wanted, due_at=due_at).version)
            except Conflict:
                results.append(None)
        current = self.model.get(key, (None, None, (ABSENT, ABSENT)))[2]
        assert [r is not None for r in results] == [expected in (None, current)] * 2
        if None in results:
            return (ABSENT, ABSENT)
        self.model[key] = (body, due_at, tuple(results))
        return tuple(results)

    @rule(key=st.sampled_from(KEYS), expected=st.none() | versions)
    def delete(self, key, expected):
        current = self.model.get(key, (None, None, (ABSENT, ABSENT)))[2]
        for n, store in enumerate(self.stores):
            try:
                store.delete(key, expected=expected if expected is None else expected[n])
            except Conflict:
                assert expected not in (None, current)
            else:
                assert expected in (None, current)
        if expected in (None, current):
            self.model.pop(key, None)

    @invariant()
    def agree(self):
        for n, store in enumerate(self.stores):
            seen = {d.key: (d.body, d.due_at, d.version) for d in store.list("work")}
            assert seen == {k: (b, due, v[n]) for k, (b, due, v) in self.model.items()}
            due = [(d.due_at, d.key.name) for d in store.due("work", before=1.5, limit=9)]
            expected = [(at, k.name) for k, (_, at, _) in self.model.items() if at in (0.0, 1.5)]
            assert due == sorted(expected)

    def teardown(self):
        self.stores[1].close()
        self.folder.cleanup()


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
