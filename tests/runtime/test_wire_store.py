"""Which store the settings name, and that naming it loads no SDK and contacts nobody."""

import subprocess
import sys

import pytest

from fedingress.adapters.stores.dynamodb import DynamoDbStore
from fedingress.adapters.stores.firestore import FirestoreStore
from fedingress.adapters.stores.memory import MemoryStore
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.runtime.settings import Settings
from fedingress.runtime.wire import make_store

MAKE = """
import sys
from fedingress.runtime.settings import Settings
from fedingress.runtime.wire import make_store
for store in ("firestore:acme-prod", "dynamodb:fedingress", "memory:"):
    make_store(Settings(store=store))
print({"boto3", "botocore", "google.cloud.firestore", "grpc", "sqlite3"} & set(sys.modules))
"""


@pytest.mark.parametrize(
    ("store", "project", "database"),
    [
        ("firestore:acme-prod", "acme-prod", "(default)"),
        ("firestore:acme-prod/ingress", "acme-prod", "ingress"),
        ("firestore:example.com:acme-prod/ingress", "example.com:acme-prod", "ingress"),
    ],
)
def test_firestore_by_project_and_database(store, project, database):
    """The database is the default one unless it is named."""
    made = make_store(Settings(store=store))

    assert isinstance(made, FirestoreStore)
    assert (made.project, made.database) == (project, database)


def test_dynamodb_by_table():
    """Region and credentials are boto3's to find."""
    made = make_store(Settings(store="dynamodb:fedingress.state"))

    assert isinstance(made, DynamoDbStore)
    assert made.table == "fedingress.state"


def test_stores_without_a_cloud(tmp_path):
    """A path may hold any character, a colon too."""
    assert isinstance(make_store(Settings(store="memory:")), MemoryStore)
    made = make_store(Settings(store=f"sqlite:{tmp_path}/a:b/state.db"))

    assert isinstance(made, SqliteStore)
    assert (tmp_path / "a:b").is_dir()


def test_no_sdk_is_loaded():
    """A door's cold start does not pay for a store before its first call."""
    done = subprocess.run(
        [sys.executable, "-c", MAKE], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")
