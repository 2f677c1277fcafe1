"""The doors behind a real Pub/Sub: published by the bus, pushed by filter, answered, retried."""

import json
from dataclasses import replace

import pytest
import yaml

from fedingress.adapters.buses.pubsub import PubSubBus
from fedingress.adapters.signing import new_pair
from fedingress.domain.event import Event
from fedingress.domain.outcome import Settled
from fedingress.domain.publisher import CONFIG_MAP_NAME, encode
from fedingress.domain.work import CONCERNS, Work
from fedingress.runtime.settings import Settings
from fedingress.runtime.wire import make_bus
from tests.doors.home import UNITS
from tests.doors.processes import doors
from tests.localcloud.gce import until
from tests.localcloud.pubsub.servers import Desk, Inbox, stand_in

pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("pubsub-stand-in")]
pytest.importorskip("functions_framework")
pytest.importorskip("google.pubsub_v1")
ATTEMPTS = 5
PUSHER = "push@lab.iam.gserviceaccount.com"
AUDIENCE = "https://functions.example"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with stand_in(tmp_path_factory.mktemp("pubsub") / "log") as found:
        yield found


class Wire:
    """A topic, a subscription per concern and dead letters; *inbox* stands before the doors."""

    def __init__(self, place):
        self.desk = Desk(place)
        self.doors = {}
        self.inbox = Inbox(self._forward)
        self.topic, dead = self.desk.topic(), self.desk.topic("dead")
        self.graves = self.desk.subscription(dead, "graves")
        subscriptions = [
            self.desk.subscription(
                self.topic,
                concern,
                filter=f'attributes.concern = "{concern}"',
                push_config={
                    "push_endpoint": f"{self.inbox.url}/{concern}",
                    "oidc_token": {"service_account_email": PUSHER, "audience": AUDIENCE},
                },
                retry_policy={"minimum_backoff": "0.2s", "maximum_backoff": "1s"},
                dead_letter_policy={"dead_letter_topic": dead, "max_delivery_attempts": ATTEMPTS},
            )
            for concern in CONCERNS
        ]
        endpoint = f"http://{place.endpoint}"
        self.bus = PubSubBus(self.desk.project, "work", "//tests", endpoint=endpoint)
        self.environment = {
            "FEDINGRESS_BUS": f"pubsub:{self.desk.project}/work",
            "FEDINGRESS_PUBSUB_ENDPOINT": endpoint,
            "FEDINGRESS_TOKENS": "verify",
            "FEDINGRESS_CALLERS": PUSHER,
            "FEDINGRESS_AUDIENCE": AUDIENCE,
            "FEDINGRESS_CERTS": place.certs_url,
            "FEDINGRESS_WORK": ",".join(subscriptions),
        }

    def _forward(self, path, headers, text):
        """The door's own answer; where no door runs, everything is taken."""
        door = self.doors.get(path.strip("/"))
        return door.post(text, headers["Authorization"]) if door else 204

    def answers(self, concern):
        return [push.answer for push in self.inbox.at(f"/{concern}")]

    def wait_for(self, concern, status):
        """Until the door of *concern* answered with *status*; all its answers so far."""
        path = f"/{concern}"
        self.inbox.wait_for(lambda all_: any((p.path, p.answer) == (path, status) for p in all_))
        return self.answers(concern)

    def close(self):
        self.bus.close()
        self.desk.close()
        self.inbox.close()


@pytest.fixture
def wire(place, home):
    """The wire, and the home's variables with it."""
    made = Wire(place)
    home.environment |= made.environment
    yield made
    made.close()


def work(concern):
    return Work(concern=concern, unit=UNITS[concern], cause="ingress.changed")


def test_work_reaches_its_door_alone_once_the_store_answers(home, wire):
    """The door of dns answers 503 without its store, then 204; other doors get nothing."""
    home.store.mkdir(parents=True)  # a folder in the file's place
    with doors("dns", environment=home.environment) as wire.doors:
        wire.bus.publish([work("dns")])
        wire.wait_for("dns", 503)
        home.store.rmdir()

        assert wire.wait_for("dns", 204)[-1] == 204
        assert home.done("dns") == 1
    pushed = [each.body["message"]["attributes"]["concern"] for each in wire.inbox.pushes]
    assert set(pushed) == {"dns"}
    assert [each.body["deliveryAttempt"] for each in wire.inbox.pushes] == [
        *range(1, len(pushed) + 1)
    ]
    assert len({each.body["message"]["messageId"] for each in wire.inbox.pushes}) == 1


def test_follow_up_work_goes_over_the_wire(home, wire):
    """Fan-out refuses the Ingress and publishes; status, in another process, writes why upon it."""
    home.submit()
    with doors("fanout", "status", environment=home.environment) as wire.doors:
        wire.bus.publish([work("fanout")])

        accepted = until(lambda: home.conditions().get("Accepted"), "a condition")
        assert accepted["status"] == "False"
        assert wire.wait_for("status", 204)
    pushed = wire.inbox.at("/status")[0].body["message"]["attributes"]
    assert pushed["ce-source"] == "//fedingress.dev/default/fanout"


def test_a_clusters_events_need_its_signature(home, wire, tmp_path):
    """By the topic of clusters a signed event is acted on, and an unsigned one is buried."""
    home.submit()
    topic, dead = wire.desk.topic("changes"), f"projects/{wire.desk.project}/topics/dead"
    push = {
        "push_endpoint": f"{wire.inbox.url}/fanout",
        "oidc_token": {"service_account_email": PUSHER, "audience": AUDIENCE},
    }
    changes = wire.desk.subscription(
        topic,
        "changes",
        push_config=push,
        retry_policy={"minimum_backoff": "0.1s", "maximum_backoff": "0.2s"},
        dead_letter_policy={"dead_letter_topic": dead, "max_delivery_attempts": ATTEMPTS},
    )
    pem, public = new_pair()
    (tmp_path / "key.pem").write_text(pem)
    registry = {"name": CONFIG_MAP_NAME, "namespace": "fedingress-inventory"}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": registry}
    text = yaml.safe_dump(manifest | {"data": {"gke-us": encode((public,))}})
    home.sources.joinpath("publishers.yaml").write_text(text)
    watcher = Settings(
        bus=f"pubsub:{wire.desk.project}/changes",
        pubsub_endpoint=wire.environment["FEDINGRESS_PUBSUB_ENDPOINT"],
        signing_key=str(tmp_path / "key.pem"),
    )
    environment = home.environment | {"FEDINGRESS_CHANGES": changes}
    signed, unsigned = (
        make_bus(each, cluster="gke-us") for each in (watcher, replace(watcher, signing_key=""))
    )
    with doors("fanout", environment=environment) as wire.doors:
        signed.publish([work("fanout")])
        assert wire.wait_for("fanout", 204) == [204]
        assert home.done("fanout") == 1
        unsigned.publish([work("fanout")])
        [buried] = wire.desk.pull(wire.graves)
    signed.close()
    unsigned.close()

    assert "signature" not in json.loads(buried.message.data)
    assert wire.answers("fanout").count(403) == ATTEMPTS
    assert home.done("fanout") == 1


def test_a_door_asks_again_or_gives_up(home, wire):
    """429 brings the holder's own event again; what is no event ends as a dead letter."""
    home.submit()
    sent = Event(id="event-1", source="//tests", work=work("status"))
    home.store.parent.mkdir()
    queue = home.queue()
    lease = queue.take(sent.work, sent.delivery)
    with doors("status", environment=home.environment) as wire.doors:
        wire.desk.publish(wire.topic, json.dumps(sent.encode()), concern="status")
        wire.wait_for("status", 429)
        queue.settle(lease, Settled())
        assert wire.wait_for("status", 204)[0] == 429

        wire.desk.publish(wire.topic, '{"type": "other"}', concern="status")
        [buried] = wire.desk.pull(wire.graves)
    assert buried.message.data == b'{"type": "other"}'
    assert wire.answers("status").count(400) == ATTEMPTS
    prefix = "CloudPubSubDeadLetterSource"
    assert buried.message.attributes[f"{prefix}Subscription"] == "status"
