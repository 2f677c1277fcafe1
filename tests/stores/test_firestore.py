"""The port `Store` and the work queue on Firestore, with Google's client and emulator."""

import inspect
import json
import socket
import time

import pytest

from fedingress.adapters.stores.firestore import FirestoreStore
from fedingress.domain.errors import Conflict, Forbidden, Invalid, Unavailable
from fedingress.ports.store import ABSENT, Key
from tests.contract.store_suite import StoreContract
from tests.stores.product_suite import ProductContract
from tests.stores.queue_suite import QueueContract
from tests.stores.servers import ROOT, free_port

pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("firestore")]
KEY = Key(family="work", name="dns/zone")
CALLS = {"batch_get_documents": "read", "run_query": "read", "commit": "write"}


@pytest.fixture
def store(google):
    return google()


@pytest.fixture
def client():
    """The class that all of Firestore's calls go through."""
    from google.cloud.firestore_v1.services.firestore import FirestoreClient

    return FirestoreClient


class TestFirestoreStore(StoreContract):
    """The contract on the emulator."""


class TestQueue(QueueContract):
    """The queue on the emulator."""

    seconds = 8.0

    @pytest.fixture
    def requests(self, client, monkeypatch):
        seen = []

        def noting(name, kind):
            inner = getattr(client, name)

            def noted(self, *args, **given):
                seen.append(kind)
                return inner(self, *args, **given)

            monkeypatch.setattr(client, name, noted)

        for name, kind in CALLS.items():
            noting(name, kind)
        return seen


class TestProduct(ProductContract):
    """The product on the emulator; a trouble is what Google's client raises for it."""

    @pytest.fixture
    def kept(self, store):
        return store

    @pytest.fixture
    def trouble(self, client, monkeypatch):
        from google.api_core import exceptions

        errors = {
            "throttled": exceptions.ResourceExhausted,
            "request lost": exceptions.ServiceUnavailable,
            "reply lost": exceptions.DeadlineExceeded,
        }
        waiting = []

        def troubling(name):
            inner = getattr(client, name)

            def troubled(self, *args, **given):
                kind = waiting.pop() if waiting else None
                if kind is None:
                    return inner(self, *args, **given)
                if kind == "reply lost":
                    inner(self, *args, **given)
                raise errors[kind](kind)

            monkeypatch.setattr(client, name, troubled)

        for name in CALLS:
            troubling(name)
        return waiting.append


class TestLostReply:
    """A commit of which nobody knows whether it landed."""

    @pytest.fixture
    def lossy(self, client, monkeypatch):
        """`lossy(error, lands)`: the next commit lands or not, and *error* is what is heard."""
        inner = client.commit

        def next_commit(error, *, lands):
            def commit(self, *args, **given):
                monkeypatch.setattr(client, "commit", inner)
                if lands:
                    inner(self, *args, **given)
                raise error

            monkeypatch.setattr(client, "commit", commit)

        return next_commit

    @pytest.mark.parametrize("name", ["ServiceUnavailable", "DeadlineExceeded", "Unknown"])
    def test_landed_write_is_found(self, store, lossy, name):
        """It is there under our own id: the write succeeded, with the version that it gave."""
        from google.api_core import exceptions

        first = store.put(KEY, {"n": 1}, expected=ABSENT)
        lossy(getattr(exceptions, name)("lost"), lands=True)
        second = store.put(KEY, {"n": 2}, expected=first.version, due_at=3.0)

        assert store.get(KEY) == second
        assert second.body == {"n": 2}

    def test_write_that_did_not_land_is_unavailable(self, store, lossy):
        """What is there is not ours: nobody can say more than that."""
        from google.api_core.exceptions import DeadlineExceeded

        first = store.put(KEY, {"n": 1}, expected=ABSENT)
        lossy(DeadlineExceeded("lost"), lands=False)
        with pytest.raises(Unavailable, match="lost"):
            store.put(KEY, {"n": 2}, expected=first.version)

        assert store.get(KEY) == first

    def test_nothing_there_is_unavailable(self, store, lossy):
        """A creation that did not land leaves nothing."""
        from google.api_core.exceptions import ServiceUnavailable

        lossy(ServiceUnavailable("lost"), lands=False)
        with pytest.raises(Unavailable):
            store.put(KEY, {"n": 2}, expected=ABSENT)

        assert store.get(KEY) is None


OPERATIONS = {
    "get": lambda store: store.get(KEY),
    "put": lambda store: store.put(KEY, {}, expected=ABSENT),
    "delete": lambda store: store.delete(KEY),
    "list": lambda store: store.list("work"),
    "due": lambda store: store.due("work", before=1.0, limit=1),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_silent_server_is_unavailable(google, monkeypatch, operation):
    """A server that takes the connection and says nothing costs the timeout, not a minute."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{silent.getsockname()[1]}")
        store, started = google(timeout_seconds=0.2), time.monotonic()
        with pytest.raises(Unavailable):
            operation(store)

        assert time.monotonic() - started < 20.0


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_refused_connection_is_unavailable(google, monkeypatch, operation):
    """Nobody listens there: no retry is hidden in the call."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{free_port()}")
    store, started = google(), time.monotonic()
    with pytest.raises(Unavailable):
        operation(store)

    assert time.monotonic() - started < 20.0


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("AlreadyExists", (Conflict, Invalid)),
        ("FailedPrecondition", (Conflict, Invalid)),
        ("Aborted", (Conflict, Unavailable)),
        ("NotFound", (Conflict, Unavailable)),
        ("DeadlineExceeded", (Unavailable, Unavailable)),
        ("ServiceUnavailable", (Unavailable, Unavailable)),
        ("ResourceExhausted", (Unavailable, Unavailable)),
        ("InternalServerError", (Unavailable, Unavailable)),
        ("Cancelled", (Unavailable, Unavailable)),
        ("PermissionDenied", (Forbidden, Forbidden)),
        ("Unauthenticated", (Forbidden, Forbidden)),
        ("InvalidArgument", (Invalid, Invalid)),
    ],
)
def test_errors_are_translated(store, client, monkeypatch, name, errors):
    """Each code is one of our errors, with the original chained; a precondition may change it."""
    from google.api_core import exceptions

    conditional, unconditional = errors

    def commit(self, *args, **given):
        raise getattr(exceptions, name)("said so")

    monkeypatch.setattr(client, "commit", commit)
    with pytest.raises(conditional, match=r"work dns/zone: .*said so") as caught:
        store.delete(KEY, expected=ABSENT)
    assert type(caught.value.__cause__).__name__ == name
    with pytest.raises(unconditional, match="said so"):
        store.delete(KEY)


def test_missing_credentials_are_forbidden(monkeypatch, tmp_path):
    """Without any credentials the error says so; nothing else is tried."""
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))

    with pytest.raises(Forbidden, match=r"missing\.json"):
        FirestoreStore("demo-project").get(KEY)


def test_collections_are_kept_apart(google):
    """Two prefixes in one database do not see one another."""
    one, other = google(), google(collection="other")
    one.put(KEY, {"n": 1}, expected=ABSENT)

    assert other.get(KEY) is None
    assert list(other.list("work")) == []


def test_closed_store_connects_again(store):
    """Closing drops the connection only."""
    written = store.put(KEY, {"n": 1}, expected=ABSENT)
    store.close()

    assert store.get(KEY) == written


def test_index_file_names_our_fields(google):
    """The exemptions are for our collection, for fields that are there and that nobody asks by."""
    store = google()
    store.put(KEY, {"n": 1}, expected=ABSENT, due_at=1.0)
    kept = store._at(KEY).get().to_dict()
    indexes = json.loads((ROOT / "infra" / "gcp" / "firestore.indexes.json").read_text("utf-8"))

    prefix = inspect.signature(FirestoreStore).parameters["collection"].default
    assert {each["collectionGroup"] for each in indexes["fieldOverrides"]} == {prefix}
    exempt = {each["fieldPath"] for each in indexes["fieldOverrides"]}
    assert exempt == set(kept) - {"name", "due_at"}
    assert indexes["indexes"] == []
