"""The servers, once per run, and a fresh store on each for every test."""

import json
import uuid

import pytest

from fedingress.adapters.stores.dynamodb import DynamoDbStore
from fedingress.adapters.stores.firestore import FirestoreStore
from tests.stores import servers

PATIENT = {"timeout_seconds": 30.0}
"""The emulator's first answers take seconds on a busy machine."""


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    """The Firestore emulator's `host:port`."""
    yield from started(servers.firestore_emulator, tmp_path_factory)


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory):
    """The URL of ministack."""
    yield from started(servers.ministack, tmp_path_factory)


def started(server, folders):
    """Give the server's address, or skip with what is missing."""
    try:
        with server(folders.mktemp(server.__name__) / "log") as address:
            yield address
    except servers.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def google(emulator, monkeypatch):
    """Make stores of a database that nobody else has."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    project = f"demo-{uuid.uuid4().hex[:20]}"
    yield from made(lambda **given: FirestoreStore(project, **{**PATIENT, **given}))


@pytest.fixture(scope="session")
def amazon_store(local_aws):
    """One store for many tests, whose table changes: a client of boto3 takes 0.3 s to make."""
    store = DynamoDbStore("", read_seconds=30.0)
    with pytest.MonkeyPatch.context() as patch:
        be_amazon(patch, local_aws)
        store._connected()
    yield store
    store.close()


@pytest.fixture
def amazon_table(amazon_store):
    """The name of a new table, as the product's own template has it."""
    table = f"fedingress-{uuid.uuid4().hex[:12]}"
    shape = json.loads((servers.ROOT / "infra" / "aws" / "table.json").read_text("utf-8"))
    lasting = shape.pop("TimeToLiveSpecification")
    client = amazon_store._connected()
    client.create_table(TableName=table, **shape)
    client.get_waiter("table_exists").wait(TableName=table)
    client.update_time_to_live(TableName=table, TimeToLiveSpecification=lasting)
    amazon_store.table = table
    yield table
    client.delete_table(TableName=table)


@pytest.fixture
def amazon(local_aws, amazon_table, monkeypatch):
    """Make stores of one new table, each with connections of its own."""
    be_amazon(monkeypatch, local_aws)
    yield from made(lambda **given: DynamoDbStore(amazon_table, **given))


def be_amazon(patch, url):
    """Lead boto3 to *url*, whatever this machine's own configuration says."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN"):
        patch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "NO_PROXY": "127.0.0.1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        patch.setenv(name, value)


def made(make):
    """Give *make*, and close all that it made."""
    stores = []

    def remembered(**given):
        stores.append(make(**given))
        return stores[-1]

    yield remembered
    for store in stores:
        store.close()
