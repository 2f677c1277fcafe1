"""
The home on Google Cloud, on this machine: what each event passes is what it passes in the cloud.

Real pushes with tokens reach real functions-framework processes, which are staged and installed as
they ship; their state is in Google's Firestore emulator where that is installed.
"""

import base64
import json
import re
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from infra import stage
from localcloud.homes.topics import CHANGES, DEAD, WORK
from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.manifests import HOST, ingress
from tests.e2e.site import CONFIG, open_site
from tests.e2e.waiting import until

# the first test waits until each function is installed by itself, from the package index
pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.timeout(420)]

PROJECT = "lab-functions"
DOORS = ("fanout", "backends", "dns", "status", "tick", "repair")


@pytest.fixture(scope="module")
def site():
    """A world whose functions run as on Google Cloud."""
    try:
        stage.find_uv()
    except stage.StagingError as error:
        pytest.skip(str(error))
    spec = WorldSpec(
        members=members_from("gke-us,gke-eu"),
        operation_seconds=0.05,
        functions=("fedingress", "serve"),
        home="gcp",
        tick_seconds=1.0,
    )
    with open_site(spec) as made:
        made.furnish()
        yield made
        made.withdraw()


@pytest.fixture(scope="module")
def shop(site):
    """The shop's Ingress, submitted with the official client; only events lead to it."""
    site.apply(CONFIG, ingress())
    site.until_served()
    return site


@pytest.fixture(scope="module")
def clients(site):
    """The official clients of the home's Pub/Sub."""
    import grpc
    from google.pubsub_v1 import PublisherClient, SubscriberClient
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(site.env["LOCALCLOUD_PUBSUB"], options=options) as channel:
        yield (
            PublisherClient(transport=PublisherGrpcTransport(channel=channel)),
            SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)),
        )


def lines(site, name):
    """The JSON lines that one process logged."""
    text = Path(site.env["FEDINGRESS_LOCAL"], f"{name}.log").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def publish(clients, topic, data, **attributes):
    """Publish one message, as anybody who may."""
    message = {"data": data, "attributes": attributes}
    clients[0].publish(topic=f"projects/{PROJECT}/topics/{topic}", messages=[message])


def repair(site, call, token):
    """The status and the JSON, or text, that the door of `repair` answers."""
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    asked = urllib.request.Request(
        site.env["LOCALCLOUD_REPAIR"], json.dumps(call).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def identity(site):
    """A token as the operator gets it."""
    asked = urllib.request.Request(
        site.env["LOCALCLOUD_IDENTITY"], headers={"Metadata-Flavor": "Google"}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return answer.read().decode()


def test_one_ingress_is_served_by_functions_that_only_events_reach(shop):
    """Watchers, topics and six processes of their own bring it to its users, in both regions."""
    for region, member in (("us-central1", "gke-us"), ("europe-west1", "gke-eu")):
        assert shop.visitor(region).get(HOST, "/").cluster == member
    processes = shop.control.call("GET", "/functions")["processes"]
    watchers = {"watcher-config", "watcher-gke-us", "watcher-gke-eu"}
    assert set(processes) == {*DOORS, *watchers}
    for name in DOORS:
        assert re.search(rf"/environments/gcp/{name}/bin/python$", processes[name]["command"][0])
    came = [line["delivery"] for line in lines(shop, "fanout") if line.get("unit") == "shop/shop"]
    assert any(each.startswith("//fedingress.dev/lab/cluster/config#") for each in came)
    assert any(each.startswith("//fedingress.dev/lab/backends#") for each in came)


def test_what_is_done_is_in_firestore(shop, monkeypatch):
    """The official client finds the documents of the units, where the emulator is installed."""
    if "FIRESTORE_EMULATOR_HOST" not in shop.env:
        pytest.skip(" ".join(shop.world.world.home.notes))
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", shop.env["FIRESTORE_EMULATOR_HOST"])
    client = firestore.Client(project=PROJECT, credentials=AnonymousCredentials())
    units = [each.id for each in client.collection_group("fedingress").stream()]
    client.close()
    for concern in ("fanout", "backends", "status"):
        assert any(concern in unit and "shop|shop" in unit for unit in units), units
    assert not list(Path(shop.env["FEDINGRESS_LOCAL"]).glob("store.sqlite*"))


def test_a_function_that_is_killed_loses_nothing(shop):
    """Fan-out is killed as a change comes; it is started again, and the change arrives."""
    shop.control.call("POST", "/functions/fanout/kill")
    changed = ingress()
    changed["metadata"].setdefault("labels", {})["tier"] = "front"
    shop.apply(CONFIG, changed)

    def copied():
        found = shop.networking("gke-eu").read_namespaced_ingress("shop", "shop")
        return (found.metadata.labels or {}).get("tier") == "front"

    until("the change to reach the members", copied, say=lambda: lines(shop, "fanout")[-3:])


def test_a_message_that_is_no_event_ends_as_a_dead_letter(shop, clients):
    """It is refused with its reason each time, and kept where an operator can read it."""
    publish(clients, WORK, b"not an event", concern="dns")
    found = until("the dead letter", lambda: _dead(clients))
    assert found[0].message.data == b"not an event"
    assert any("not JSON" in json.dumps(line) for line in lines(shop, "dns"))


def _dead(clients):
    name = f"projects/{PROJECT}/subscriptions/{DEAD}"
    with suppress(DeadlineExceeded):
        request = {"subscription": name, "max_messages": 10}
        return list(clients[1].pull(request=request, timeout=2, retry=None).received_messages)
    return []


def test_an_event_that_no_cluster_signed_is_never_acted_on(shop, clients):
    """Whoever may publish changes, but has no key, is refused by the door and counted."""
    event = {
        "specversion": "1.0",
        "id": "forged-1",
        "source": "//fedingress.dev/lab/cluster/gke-us",
        "type": "dev.fedingress.work.requested.v1",
        "data": {"concern": "fanout", "unit": "shop/forged", "cause": "ingress.changed"},
    }
    publish(clients, CHANGES, json.dumps(event).encode(), concern="fanout")

    def refused():
        return [line for line in lines(shop, "fanout") if line.get("reason") == "unsigned"]

    until("the refusal", refused, say=lambda: lines(shop, "fanout")[-3:])
    assert not any(line.get("unit") == "shop/forged" for line in lines(shop, "fanout"))


def test_repair_is_called_over_http_by_those_who_may(shop):
    """With the operator's token it plans, and then applies; without one it is refused."""
    call = {"concern": "fanout", "unit": "shop/shop"}
    assert repair(shop, call, "")[0] == 401
    header, claims, signature = identity(shop).split(".")
    forged = json.loads(base64.urlsafe_b64decode(claims + "=="))
    forged["email"] = "somebody@else.example"
    text = base64.urlsafe_b64encode(json.dumps(forged).encode()).rstrip(b"=").decode()
    assert repair(shop, call, f"{header}.{text}.{signature}")[0] == 401

    shop.networking("gke-us").delete_namespaced_ingress("shop", "shop")
    status, found = repair(shop, {**call, "dry_run": False}, identity(shop))
    assert status == 200
    assert found["left"] == []
    assert "Ingress shop" in shop.ours("gke-us")
