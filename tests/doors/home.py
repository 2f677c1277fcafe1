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
WORK = "projects/lab/subscriptions/work"
CHANGES = "projects/lab/subscriptions/changes"
WORK_TOPIC = "arn:aws:sns:eu-west-1:123456789012:fedingress"
CHANGES_TOPIC = "arn:aws:sns:eu-west-1:123456789012:fedingress-changes"
GOLDEN = "projects/lab/subscriptions/fedingress-fanout"
NO_EVENTS = {
    "not base64": "%",
    "not JSON": base64.b64encode(b"{").decode(),
    "deep": base64.b64encode(b"[" * 3000).decode(),
    "no event": base64.b64encode(b"{}").decode(),
    "too long": base64.b64encode(b" " * 5000).decode(),
}
"""Data of a push that no door takes."""


TRUST = {
    "FEDINGRESS_WORK": f"{WORK},{GOLDEN},{WORK_TOPIC}",
    "FEDINGRESS_CHANGES": f"{CHANGES},{CHANGES_TOPIC}",
    "FEDINGRESS_TOKENS": "platform",
    "FEDINGRESS_SNS_SIGNATURES": "off",
}
"""By which ways events come; the tests of trust check who calls and who signed, too."""


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
            **TRUST,
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


def push(body, via=WORK):
    """The event as Pub/Sub pushes it, from the subscription *via*."""
    data = base64.b64encode(json.dumps(body).encode()).decode()
    return {"message": {"data": data, "messageId": "7"}, "subscription": via}


def records(*bodies):
    """The events as Lambda gets them from SQS, their ids counted from `m0`."""
    return {
        "Records": [
            {"messageId": f"m{n}", "body": body if isinstance(body, str) else json.dumps(body)}
            for n, body in enumerate(bodies)
        ]
    }


def notification(body, via=WORK_TOPIC):
    """The body of an SQS record as SNS writes it, for the topic *via*."""
    return json.dumps({"Type": "Notification", "TopicArn": via, "Message": json.dumps(body)})


def failed(answer):
    """The ids that SQS shall deliver again."""
    assert set(answer) == {"batchItemFailures"}
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]
