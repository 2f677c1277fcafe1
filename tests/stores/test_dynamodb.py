"""The port `Store` and the work queue on DynamoDB, with boto3 and ministack."""

import json
import socket
import time

import pytest

from fedingress.adapters.stores.dynamodb import DynamoDbStore
from fedingress.domain.errors import Conflict, Forbidden, Invalid, Unavailable
from fedingress.ports.store import ABSENT, Key
from tests.contract.store_suite import StoreContract
from tests.stores.product_suite import ProductContract
from tests.stores.queue_suite import QueueContract
from tests.stores.servers import free_port
from tests.stores.wire import LOSE_REPLY, LOSE_REQUEST, relay

pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("dynamodb")]
KEY = Key(family="work", name="dns/zone")
CALLS = {"GetItem": "read", "Query": "read", "BatchGetItem": "read"}
CALLS |= {"PutItem": "write", "DeleteItem": "write"}
OPERATIONS = {
    "get": lambda store: store.get(KEY),
    "put": lambda store: store.put(KEY, {}, expected=ABSENT),
    "delete": lambda store: store.delete(KEY),
    "list": lambda store: store.list("work"),
    "due": lambda store: store.due("work", before=1.0, limit=1),
}


@pytest.fixture
def store(amazon_store, amazon_table):
    return amazon_store


@pytest.fixture
def wire(amazon, local_aws, monkeypatch):
    """A relay between the stores that are made from here on and the server."""
    with relay(local_aws) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


class TestDynamoDbStore(StoreContract):
    """The contract on ministack."""


class TestQueue(QueueContract):
    """The queue on ministack; a request is what goes over the wire."""

    seconds = 8.0
    fewest = 20

    @pytest.fixture
    def requests(self, store):
        seen = []

        def note(event_name, **given):
            seen.append(CALLS[event_name.rpartition(".")[2]])

        events = store._connected().meta.events
        events.register("before-send.dynamodb", note)
        yield seen
        events.unregister("before-send.dynamodb", note)


class TestProduct(ProductContract):
    """The product on ministack; each trouble is met by both tries of the client."""

    @pytest.fixture
    def kept(self, wire, amazon):
        return amazon(read_seconds=30.0)

    @pytest.fixture
    def trouble(self, wire):
        said = b'{"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}'
        fates = {
            "throttled": (400, said),
            "request lost": LOSE_REQUEST,
            "reply lost": LOSE_REPLY,
        }

        def meet(kind):
            wire.script = [fates[kind]] * 2

        return meet


class TestLostReply:
    """A write of which nobody knows whether it landed; the client tries once more by itself."""

    def test_second_try_meets_our_own_write(self, wire, amazon):
        """The condition fails on what the first try wrote: the write succeeded."""
        store = amazon()
        first = store.put(KEY, {"n": 1}, expected=ABSENT)
        wire.script = [LOSE_REPLY]
        second = store.put(KEY, {"n": 2}, expected=first.version, due_at=3.0)

        assert store.get(KEY) == second
        assert wire.seen == ["PutItem", "PutItem", "PutItem", "GetItem"]

    def test_both_replies_are_lost(self, wire, amazon):
        """Then a read finds our own version."""
        store = amazon()
        wire.script = [LOSE_REPLY, LOSE_REPLY]
        written = store.put(KEY, {"n": 1}, expected=ABSENT)

        assert wire.seen == ["PutItem", "PutItem", "GetItem"]
        assert store.get(KEY) == written

    def test_write_that_did_not_land_is_unavailable(self, wire, amazon):
        """What is there is not ours: nobody can say more than that."""
        store = amazon()
        first = store.put(KEY, {"n": 1}, expected=ABSENT)
        wire.script = [LOSE_REQUEST, LOSE_REQUEST]
        with pytest.raises(Unavailable):
            store.put(KEY, {"n": 2}, expected=first.version)

        assert store.get(KEY) == first

    def test_creator_that_lost_the_race_is_told(self, wire, amazon):
        """Another's write between the two tries is a conflict, not taken for ours."""
        store = amazon()
        other = store.put(KEY, {"n": 1}, expected=ABSENT)
        wire.script = [LOSE_REQUEST]
        with pytest.raises(Conflict, match=other.version):
            store.put(KEY, {"n": 2}, expected=ABSENT)

        assert store.get(KEY) == other

    def test_reads_are_tried_again(self, wire, amazon):
        """An idle connection that was dropped costs a read nothing."""
        store = amazon()
        written = store.put(KEY, {"n": 1}, expected=ABSENT)
        wire.script = [LOSE_REQUEST]

        assert store.get(KEY) == written


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ProvisionedThroughputExceededException", 400, Unavailable),
        ("ThrottlingException", 400, Unavailable),
        ("InternalServerError", 500, Unavailable),
        ("ServiceUnavailable", 503, Unavailable),
        ("ResourceNotFoundException", 400, Unavailable),
        ("TransactionConflictException", 400, Conflict),
        ("AccessDeniedException", 400, Forbidden),
        ("UnrecognizedClientException", 400, Forbidden),
        ("ExpiredTokenException", 400, Forbidden),
        ("ValidationException", 400, Invalid),
    ],
)
def test_errors_are_translated(wire, amazon, code, status, error):
    """Each error of DynamoDB is one of ours, after two tries at most, with the original chained."""
    said = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "said so"}
    wire.script = [(status, json.dumps(said).encode())] * 2
    with pytest.raises(error, match=r"read work dns/zone: .*said so") as caught:
        amazon().get(KEY)

    assert caught.value.__cause__.response["Error"]["Code"] == code
    assert len(wire.seen) <= 2


def test_answer_of_a_proxy_is_unavailable(wire, amazon):
    """Something between us and DynamoDB speaks HTML."""
    wire.script = [(502, b"<html>Bad Gateway</html>")] * 2
    with pytest.raises(Unavailable):
        amazon().get(KEY)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_silent_server_is_unavailable(amazon, monkeypatch, operation):
    """A server that takes the connection and says nothing costs the two timeouts, not a minute."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        store, started = amazon(read_seconds=0.1), time.monotonic()
        with pytest.raises(Unavailable):
            operation(store)

        assert time.monotonic() - started < 20.0


def test_refused_connection_is_unavailable(amazon, monkeypatch):
    """Nobody listens there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable):
        amazon().get(KEY)


def test_absent_table_is_unavailable(amazon):
    """A table that is not there may be in the making."""
    with pytest.raises(Unavailable, match="ResourceNotFound") as caught:
        DynamoDbStore("another").get(KEY)

    assert caught.value.after_seconds == 30.0


def test_missing_credentials_are_forbidden(amazon, monkeypatch):
    """Without any credentials the error says so."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(Forbidden, match="credentials"):
        amazon().get(KEY)


def test_missing_region_is_invalid(amazon, monkeypatch):
    """Without a region the error says so."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    with pytest.raises(Invalid, match="region"):
        amazon().get(KEY)


def test_index_that_is_behind_does_no_harm(store, monkeypatch):
    """Entries of documents that are done, gone or put off are dropped; what is due is current."""
    for n, name in enumerate(("done", "gone", "put off", "due")):
        store.put(Key(family="work", name=name), {}, expected=ABSENT, due_at=float(n))
    query = {
        "IndexName": "due",
        "KeyConditionExpression": "#family = :family",
        "ExpressionAttributeNames": {"#family": "family"},
        "ExpressionAttributeValues": {":family": {"S": "work"}},
    }
    behind = list(store._query(query))
    assert len(behind) == 4
    store.put(Key(family="work", name="done"), {}, expected=None)
    store.delete(Key(family="work", name="gone"))
    store.put(Key(family="work", name="put off"), {}, expected=None, due_at=99.0)
    current = store.put(Key(family="work", name="due"), {"n": 2}, expected=None, due_at=4.0)
    monkeypatch.setattr(store, "_query", lambda query: iter(behind))

    assert store.due("work", before=9.0, limit=9) == (current,)


def test_due_reads_more_than_one_batch(store):
    """A batch holds 100 keys; a tick may ask for more."""
    for n in range(105):
        store.put(Key(family="work", name=f"{n:03}"), {}, expected=ABSENT, due_at=float(n))

    names = [document.key.name for document in store.due("work", before=500.0, limit=103)]
    assert names == [f"{n:03}" for n in range(103)]


def test_index_holds_keys_only(store):
    """A write that changes only the body costs nothing in the index."""
    store.put(KEY, {"n": 1}, expected=ABSENT, due_at=1.0)
    table = store._connected().describe_table(TableName=store.table)["Table"]

    (index,) = table["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["Projection"]) == ("due", {"ProjectionType": "KEYS_ONLY"})
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_closed_store_connects_again(amazon):
    """Closing drops the connections only."""
    store = amazon()
    written = store.put(KEY, {"n": 1}, expected=ABSENT)
    store.close()

    assert store.get(KEY) == written


def test_work_that_is_done_and_forgotten_goes_by_itself(store, amazon_table):
    """A month after its last look; what is due, or of another family, stays."""
    done = Key(family="work", name="expiry/done")
    due = Key(family="work", name="expiry/due")
    note = Key(family="note", name="expiry/note")
    store.put(done, {}, expected=None)
    store.put(due, {}, expected=None, due_at=1.0)
    store.put(note, {}, expected=None)
    client = store._connected()

    def expires(key):
        place = {"family": {"S": key.family}, "name": {"S": key.name}}
        item = client.get_item(TableName=store.table, Key=place)["Item"]
        return float(item["expires_at"]["N"]) if "expires_at" in item else None

    assert expires(done) == pytest.approx(time.time() + 30 * 86400, abs=60)
    assert expires(due) is None
    assert expires(note) is None
