"""
The store in one DynamoDB table: the home on AWS.

One item per key (`infra/aws/table.json` is the table), with the attributes

    family, name   partition key and sort key, so that `list` is one strongly consistent Query
    body           the body as JSON text, so that every number comes back as it was
    version        a random UUID per write: it never returns, not even with a deleted document
    due_at         Unix seconds; left out when the document is not due, hence out of the index
    expires_at     work that is done goes a month after it was last looked at, by the table's TTL

A write is one PutItem or DeleteItem with a condition on `version`, never a transaction. When a
condition fails, DynamoDB gives the item that is there: if it is our own write, whose reply the
client lost before it tried again, the write has succeeded.

`due` reads the sparse index (`family`, `due_at`), which holds keys only and follows the table with
some delay, and then reads the documents themselves, consistently. So what it gives is never stale:
an entry that is behind is dropped, and one that is missing still comes with the next tick, since
due work stays in the index until it is done.

Source: Amazon DynamoDB Developer Guide, "Condition expressions", "Read consistency", "Service,
account, and table quotas" (sort key 1024 bytes, partition key 2048 bytes, item 400 KB).
"""

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from fedingress.adapters.stores import documents
from fedingress.adapters.stores.dynamodb_errors import dynamodb_errors
from fedingress.domain.errors import Conflict, Unavailable
from fedingress.ports.store import ABSENT, WORK, Body, Document, Key

# ruff: noqa: PLC0415  the SDK is loaded at the first call

INDEX: Final = "due"
_BATCH: Final = 100
"""Keys of one BatchGetItem, at most."""
_LIFE_SECONDS: Final = 30 * 86400.0
"""Of work that is done: a living unit's is written at each resync, others' nobody asks for."""
_ATTEMPTS: Final = 2
"""Tries of one call; the second is for a connection that was dropped while it was idle."""

Item = Mapping[str, Mapping[str, str]]


class DynamoDbStore:
    """
    Documents of one table; safe to call from many threads.

    Region, endpoint and credentials come from boto3's own chain.
    connect_seconds, read_seconds: of each of the two tries of a call.
    """

    def __init__(
        self, table: str, *, connect_seconds: float = 2.0, read_seconds: float = 3.0
    ) -> None:
        self.table = table
        self.connect_seconds = connect_seconds
        self.read_seconds = read_seconds
        self._lock = threading.Lock()
        self._client: Any = None

    def get(self, key: Key) -> Document | None:
        """The document as last written, or None."""
        documents.check_key(key)
        return self._read(_what("read", key), key)

    def put(
        self, key: Key, body: Body, *, expected: str | None, due_at: float | None = None
    ) -> Document:
        """Write the whole document, atomically; raises `Conflict` or `Invalid`."""
        text, version = documents.encode(key, body), uuid.uuid4().hex
        item = {**_key(key), "body": {"S": text}, "version": {"S": version}}
        if due_at is not None:
            item |= {"due_at": {"N": repr(float(due_at))}}
        elif key.family == WORK:
            item |= {"expires_at": {"N": str(int(time.time() + _LIFE_SECONDS))}}
        written = Document(key=key, body=documents.decode(text), version=version, due_at=due_at)
        what = _what("write", key)
        try:
            with dynamodb_errors(what) as refused:
                client = self._connected()
                client.put_item(TableName=self.table, Item=item, **_condition(expected))
        except Unavailable:
            if not self._landed(key, version):
                raise
            return written
        if refused.condition and refused.version != version:
            raise _conflict(what, refused.version, expected)
        return written

    def delete(self, key: Key, *, expected: str | None = None) -> None:
        """Remove the document; an absent one is no error unless a version was expected."""
        documents.check_key(key)
        what = _what("delete", key)
        with dynamodb_errors(what) as refused:
            client = self._connected()
            client.delete_item(TableName=self.table, Key=_key(key), **_condition(expected))
        if refused.condition:
            raise _conflict(what, refused.version, expected)

    def list(self, family: str, prefix: str = "") -> Sequence[Document]:
        """All documents of *family* whose name begins with *prefix*, ordered by name."""
        names: dict[str, Any] = {"#family": "family"}
        values: dict[str, Any] = {":family": {"S": family}}
        condition = "#family = :family"
        if prefix:  # an empty string is no key condition
            names |= {"#name": "name"}
            values |= {":prefix": {"S": prefix}}
            condition += " AND begins_with(#name, :prefix)"
        query = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }
        with dynamodb_errors(f"list {family} {prefix}"):
            return tuple(_document(item) for item in self._query(query))

    def due(self, family: str, *, before: float, limit: int) -> Sequence[Document]:
        """Documents of *family* with `due_at <= before`, the longest due first."""
        if limit <= 0:
            return ()
        query = {
            "IndexName": INDEX,
            "KeyConditionExpression": "#family = :family AND due_at <= :before",
            "ExpressionAttributeNames": {"#family": "family"},
            "ExpressionAttributeValues": {
                ":family": {"S": family},
                ":before": {"N": repr(float(before))},
            },
            "Limit": limit,
        }
        with dynamodb_errors(f"due {family}"):
            entries = itertools.islice(self._query(query), limit)
            keys = [{"family": entry["family"], "name": entry["name"]} for entry in entries]
            found = [_document(item) for item in self._batch(keys)]
        ripe = [
            (document.due_at, document.key.name, document)
            for document in found
            if document.due_at is not None and document.due_at <= before
        ]
        return tuple(document for _, _, document in sorted(ripe, key=lambda each: each[:2]))

    def close(self) -> None:
        """Drop the connections; later operations open new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _read(self, what: str, key: Key) -> Document | None:
        with dynamodb_errors(what):
            answer = self._connected().get_item(
                TableName=self.table, Key=_key(key), ConsistentRead=True
            )
        return _document(answer["Item"]) if "Item" in answer else None

    def _landed(self, key: Key, version: str) -> bool:
        """Whether a write whose reply was lost is there."""
        found = self._read(_what("read again", key), key)
        return found is not None and found.version == version

    def _query(self, query: Mapping[str, Any]) -> Iterator[Item]:
        """The items of every page: one holds at most 1 MB."""
        call: Callable[..., Any] = self._connected().query
        start: Mapping[str, Any] = {}
        while True:
            page = call(TableName=self.table, **query, **start)
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _batch(self, keys: Sequence[Item]) -> Iterator[Item]:
        """The items of *keys*; what a busy table leaves out comes with the next tick."""
        for first in range(0, len(keys), _BATCH):
            some = keys[first : first + _BATCH]
            while some:
                answer = self._connected().batch_get_item(
                    RequestItems={self.table: {"Keys": some, "ConsistentRead": True}}
                )
                items = answer["Responses"].get(self.table, ())
                yield from items
                left = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", ())
                some = left if items else ()

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                from boto3.session import Session
                from botocore.config import Config

                config = Config(
                    connect_timeout=self.connect_seconds,
                    read_timeout=self.read_seconds,
                    retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                    max_pool_connections=64,
                )
                # a session of our own: boto3's default one is not safe among threads
                with dynamodb_errors("connect"):
                    self._client = Session().client("dynamodb", config=config)
            return self._client


def _key(key: Key) -> dict[str, dict[str, str]]:
    return {"family": {"S": key.family}, "name": {"S": key.name}}


def _condition(expected: str | None) -> Mapping[str, Any]:
    """The arguments of a write that is to find *expected*."""
    if expected is None:
        return {}
    asked: dict[str, Any] = {
        "ConditionExpression": "attribute_not_exists(#version)",
        "ExpressionAttributeNames": {"#version": "version"},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if expected != ABSENT:
        asked["ConditionExpression"] = "#version = :expected"
        asked["ExpressionAttributeValues"] = {":expected": {"S": expected}}
    return asked


def _conflict(what: str, stored: str, expected: str | None) -> Conflict:
    return Conflict(f"{what}: the version is {stored or 'none'}, not {expected or 'none'}")


def _document(item: Item) -> Document:
    return Document(
        key=Key(family=item["family"]["S"], name=item["name"]["S"]),
        body=documents.decode(item["body"]["S"]),
        version=item["version"]["S"],
        due_at=float(item["due_at"]["N"]) if "due_at" in item else None,
    )


def _what(verb: str, key: Key) -> str:
    return f"{verb} {key.family} {key.name}"
