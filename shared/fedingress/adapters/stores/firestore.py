"""
The store in Firestore: the home on Google Cloud.

One document `COLLECTION/FAMILY/COLLECTION/NAME` per key, with the fields

    name     the key's name; the document's id is the same with `/` as `|`, since ids have no slash
    body     the body as JSON text, so that every number comes back as it was
    due_at   Unix seconds; left out when the document is not due, hence out of the index
    write    a fresh id per write, by which a write whose reply was lost is found again

A write is one commit with a precondition (`exists = false`, or the document's `update_time`), never
a transaction: under contention Firestore's pessimistic transactions wait for one another's locks
for seconds, a precondition fails at once.

The version is `update_time`, the commit's timestamp. It does not come back: commits to one document
have rising timestamps, over a deletion too, because a deletion is a commit as well; and a write
that changes nothing, which would keep the old timestamp, cannot happen, because `write` is fresh.

Families are collections of their own, so `list` (range of `name`) and `due` (range of `due_at`)
use the single-field indexes that Firestore keeps by itself: there is no composite index whose
absence shows only in production. `infra/gcp/firestore.indexes.json` takes `body` and `write`, by
which nobody asks, out of those indexes; without it each write merely costs more.

Source: Firestore documentation, "Write" and "Precondition" (v1 RPC reference), "Usage and limits".
"""

import threading
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from fedingress.adapters.stores import documents
from fedingress.adapters.stores.firestore_errors import firestore_errors
from fedingress.domain.errors import Conflict, Unavailable
from fedingress.ports.store import ABSENT, Body, Document, Key

if TYPE_CHECKING:
    from google.cloud.firestore import Client, CollectionReference, DocumentReference

# ruff: noqa: PLC0415  the SDK is loaded at the first call

_HIGHEST: Final = "\U0010ffff"
"""Above every printable character, hence above every name that begins with a prefix."""
_ESCAPES: Final = str.maketrans({"/": "|", "|": "%7C", "%": "%25"})


class FirestoreStore:
    """
    Documents of one Firestore database; safe to call from many threads.

    project, database: whose.   collection: the prefix of everything that is kept.
    timeout_seconds: of each call; nothing is retried behind the caller's back.

    A process that forks makes its first call after the fork: gRPC does not survive one.
    """

    def __init__(
        self,
        project: str,
        database: str = "(default)",
        *,
        collection: str = "fedingress",
        timeout_seconds: float = 5.0,
    ) -> None:
        self.project = project
        self.database = database
        self.collection = collection
        self.timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._once: dict[str, Any] = {}

    def get(self, key: Key) -> Document | None:
        """The document as last written, or None."""
        documents.check_key(key)
        with firestore_errors(_what("read", key)):
            found = self._at(key).get(**self._once)
        return _document(key.family, found) if found.exists else None

    def put(
        self, key: Key, body: Body, *, expected: str | None, due_at: float | None = None
    ) -> Document:
        """Write the whole document, atomically; raises `Conflict` or `Invalid`."""
        text, write = documents.encode(key, body), uuid.uuid4().hex
        fields: dict[str, Any] = {"name": key.name, "body": text, "write": write}
        if due_at is not None:
            fields |= {"due_at": float(due_at)}
        try:
            version = self._write(key, fields, expected)
        except Unavailable:
            version = self._landed(key, write)
            if not version:
                raise
        return Document(key=key, body=documents.decode(text), version=version, due_at=due_at)

    def delete(self, key: Key, *, expected: str | None = None) -> None:
        """Remove the document; an absent one is no error unless a version was expected."""
        documents.check_key(key)
        with firestore_errors(_what("delete", key), conditional=expected is not None):
            document, option = self._at(key), None
            if expected == ABSENT:
                option = self._connected().write_option(exists=False)
            elif expected is not None:
                option = self._unchanged(key, expected)
            document.delete(option=option, **self._once)

    def list(self, family: str, prefix: str = "") -> Sequence[Document]:
        """All documents of *family* whose name begins with *prefix*, ordered by name."""
        from google.cloud.firestore import FieldFilter

        with firestore_errors(f"list {family} {prefix}"):
            query = self._in(family).where(filter=FieldFilter("name", ">=", prefix))
            query = query.where(filter=FieldFilter("name", "<", prefix + _HIGHEST))
            found = query.order_by("name").get(**self._once)
        return tuple(_document(family, each) for each in found)

    def due(self, family: str, *, before: float, limit: int) -> Sequence[Document]:
        """Documents of *family* with `due_at <= before`, the longest due first."""
        from google.cloud.firestore import FieldFilter

        if limit <= 0:
            return ()
        with firestore_errors(f"due {family}"):
            query = self._in(family).where(filter=FieldFilter("due_at", "<=", float(before)))
            found = query.order_by("due_at").limit(limit).get(**self._once)
        return tuple(_document(family, each) for each in found)

    def close(self) -> None:
        """Drop the connection; later operations open a new one."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            end: Callable[[], None] = client.close
            end()

    def _write(self, key: Key, fields: dict[str, Any], expected: str | None) -> str:
        from google.cloud.firestore import DELETE_FIELD

        with firestore_errors(_what("write", key), conditional=expected is not None):
            document = self._at(key)
            if expected is None:
                result = document.set(fields, **self._once)
            elif expected == ABSENT:
                result = document.create(fields, **self._once)
            else:
                # an update names every field that a document may have: it replaces the whole
                changes = {"due_at": DELETE_FIELD, **fields}
                option = self._unchanged(key, expected)
                result = document.update(changes, option=option, **self._once)
        return str(result.update_time.rfc3339())

    def _landed(self, key: Key, write: str) -> str:
        """The version of a write whose reply was lost; empty when it is not there."""
        with firestore_errors(_what("read again", key)):
            found = self._at(key).get(**self._once)
        mine = found.exists and found.get("write") == write
        return str(found.update_time.rfc3339()) if mine else ABSENT

    def _unchanged(self, key: Key, expected: str) -> Any:
        from google.api_core.datetime_helpers import DatetimeWithNanoseconds

        read: Callable[[str], Any] = DatetimeWithNanoseconds.from_rfc3339
        try:
            moment = read(expected)
        except ValueError as error:
            raise Conflict(f"{key.family} {key.name} never had version {expected}") from error
        return self._connected().write_option(last_update_time=moment.timestamp_pb())

    def _in(self, family: str) -> "CollectionReference":
        client = self._connected()
        return client.collection(self.collection, _id(family), self.collection)

    def _at(self, key: Key) -> "DocumentReference":
        return self._in(key.family).document(_id(key.name))

    def _connected(self) -> "Client":
        with self._lock:
            if self._client is None:
                from google.api_core.retry import Retry, if_exception_type
                from google.cloud.firestore import Client

                self._client = Client(project=self.project, database=self.database)
                never = Retry(predicate=if_exception_type())
                self._once |= {"retry": never, "timeout": self.timeout_seconds}
            return self._client


def _id(name: str) -> str:
    """
    The id of a document or collection, another one for each name.

    Source: Firestore, "Constraints on document IDs": no slash, not `.` or `..`, not `__.*__`.
    """
    found = name.translate(_ESCAPES)
    return f"%{ord(found[0]):02X}{found[1:]}" if found[0] in "._" else found


def _document(family: str, found: Any) -> Document:
    return Document(
        key=Key(family=family, name=found.get("name")),
        body=documents.decode(found.get("body")),
        version=found.update_time.rfc3339(),
        due_at=(found.to_dict() or {}).get("due_at"),
    )


def _what(verb: str, key: Key) -> str:
    return f"{verb} {key.family} {key.name}"
