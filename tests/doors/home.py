"""What the tests of the doors share: events in their envelopes, and a home in a folder."""

import base64
import json
from pathlib import Path

import yaml

from fedingress.adapters.directory import DirectorySources
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.event import Event
from fedingress.domain.ingress import IngressKey
from fedingress.domain.work import Work
from fedingress.runtime.clock import SystemClock
from fedingress.runtime.queue import WorkQueue
from tests.functions.world import class_manifest, ingress_manifest

FUNCTIONS = Path(__file__).parents[2] / "functions"
EVENTS = Path(__file__).parents[1] / "events"
KEY = IngressKey(namespace="shop", name="shop")
UNITS = {
    "fanout": "shop/shop",
    "backends": "shop/shop",
    "dns": "cloud-dns:lab/example-com",
    "status": "shop/shop",
}
NO_EVENTS = {
    "not base64": "%",
    "not JSON": base64.b64encode(b"{").decode(),
    "deep": base64.b64encode(b"[" * 3000).decode(),
    "no event": base64.b64encode(b"{}").decode(),
    "too long": base64.b64encode(b" " * 5000).decode(),
}
"""Data of a push that no door takes."""


class FolderHome:
    """A directory of sources and a SQLite store, as a door's variables name them."""

    def __init__(self, folder: Path) -> None:
        self.sources, self.store = folder / "sources", folder / "state" / "state.db"
        self.sources.mkdir()
        self._stores: list[SqliteStore] = []
        self.environment = {
            "FEDINGRESS_SOURCES": f"directory:{self.sources}",
            "FEDINGRESS_STORE": f"sqlite:{self.store}",
            # nobody listens there: a test that reached for a cloud would fail
            "FEDINGRESS_COMPUTE_ENDPOINT": "http://127.0.0.1:9",
            "FEDINGRESS_DNS_ENDPOINT": "http://127.0.0.1:9",
        }

    def submit(self) -> None:
        """An Ingress whose class names a policy that is missing: it is refused, by name."""
        text = yaml.safe_dump_all([class_manifest(), ingress_manifest()])
        (self.sources / "shop.yaml").write_text(text, encoding="utf-8")

    def queue(self) -> WorkQueue:
        """The same queue, as another instance has it."""
        self._stores.append(SqliteStore(self.store))
        return WorkQueue(self._stores[-1], SystemClock())

    def close(self) -> None:
        """Close what was opened."""
        for store in self._stores:
            store.close()

    def done(self, concern: str) -> int:
        """How many requests for the concern's unit are covered."""
        return self.queue().state(concern, UNITS[concern]).done

    def conditions(self) -> dict[str, dict[str, str]]:
        """What stands on the Ingress, by type."""
        source = DirectorySources(self.sources, SystemClock()).get(KEY)
        text = source.annotations.get("fedingress.dev/conditions", "[]") if source else "[]"
        return {item["type"]: item for item in json.loads(text)}


def event(concern="fanout", *, unit="", id_="event-1", **data):
    """A structured event for the concern's own unit."""
    work = Work(concern=concern, unit=unit or UNITS[concern], cause="ingress.changed")
    found = Event(id=id_, source="//fedingress.dev/tests", work=work).encode()
    return found | {"data": found["data"] | data}


def push(body):
    """The event as Pub/Sub pushes it."""
    data = base64.b64encode(json.dumps(body).encode()).decode()
    return {"message": {"data": data, "messageId": "7"}, "subscription": "projects/lab/x"}


def records(*bodies):
    """The events as Lambda gets them from SQS, their ids counted from `m0`."""
    return {
        "Records": [
            {"messageId": f"m{n}", "body": body if isinstance(body, str) else json.dumps(body)}
            for n, body in enumerate(bodies)
        ]
    }


def failed(answer):
    """The ids that SQS shall deliver again."""
    assert set(answer) == {"batchItemFailures"}
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]
