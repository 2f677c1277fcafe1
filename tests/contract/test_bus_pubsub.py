"""The port `Bus` over Pub/Sub: on our stand-in and on Google's emulator, by real pushes."""

import base64
import json
import time

import pytest

from fedingress.adapters.buses.pubsub import PubSubBus
from fedingress.domain.errors import Unavailable
from fedingress.domain.event import TYPE
from fedingress.domain.work import CONCERNS, Work
from tests.contract.bus_suite import BusContract, Post, work
from tests.localcloud.pubsub.servers import Desk, Inbox, each_server, running

pytest.importorskip("google.pubsub_v1")
pytestmark = pytest.mark.wire


def opened(text):
    """The work in an event's text, whatever its unit, and the name of its delivery."""
    event = json.loads(text)
    data = event["data"]
    asked = Work(concern=data["concern"], unit=data["unit"], cause=data["cause"])
    return asked, f"{event['source']}#{event['id']}"


@pytest.fixture(scope="module", params=each_server())
def place(request, tmp_path_factory):
    with running(request.param, tmp_path_factory.mktemp("pubsub") / "log") as found:
        yield found


@pytest.fixture
def desk(place):
    made = Desk(place)
    yield made
    made.close()


def connected(desk, source="//fedingress.dev/lab/dns", topic="work"):
    return PubSubBus(desk.project, topic, source, endpoint=f"http://{desk.place.endpoint}")


def subscribe(desk, topic, url):
    """One filtered subscription per concern; one for all where filters are not applied."""
    if desk.place.official:
        desk.subscription(topic, "doors", push_config={"push_endpoint": f"{url}/doors"})
        return
    for concern in CONCERNS:
        desk.subscription(
            topic,
            f"door-{concern}",
            push_config={"push_endpoint": f"{url}/{concern}"},
            filter=f'attributes.concern = "{concern}"',
        )


class TestPubSubBus(BusContract):
    """The contract over a topic with push subscriptions."""

    @pytest.fixture
    def post(self, desk):
        post = Post()

        def take(path, _headers, text):
            message = json.loads(text)["message"]
            asked, name = opened(base64.b64decode(message["data"]))
            assert path in {"/doors", f"/{asked.concern}"}
            try:
                return 204 if post.receive(asked, name) else 429
            except RuntimeError:
                return 500

        inbox = Inbox(take)
        subscribe(desk, desk.topic(), inbox.url)
        post.bus = connected(desk)
        yield post
        post.bus.close()
        inbox.close()

    def test_a_delay_is_waited_for(self, post):
        """A delayed work is not published at all: `due_at` and the tick hold it."""
        post.bus.publish([work("late", delay_seconds=0.2), work("soon")])

        post.wait_for(lambda all_: any(d.work.unit == "soon" for d in all_))
        time.sleep(0.5)
        assert "late" not in post.units()

    def test_a_topic_that_is_missing_is_told(self, desk):
        """Publishing to no topic is `Unavailable`, and names it."""
        bus = connected(desk, topic="none")
        with pytest.raises(Unavailable, match="topics/none"):
            bus.publish([work("a")])
        bus.close()

    def test_the_attributes_say_what_it_is(self, desk):
        """A message carries the concern and its event's type, id and source."""
        topic = desk.topic()
        reader = desk.subscription(topic)
        bus = connected(desk, "//here")
        bus.publish([work("a")])
        bus.close()

        message = desk.pull(reader)[0].message
        event = json.loads(message.data)
        assert dict(message.attributes) == {
            "concern": "dns",
            "ce-type": TYPE,
            "ce-id": event["id"],
            "ce-source": "//here",
        }

    def test_more_than_one_call_holds(self, desk):
        """A batch above the limit of a call arrives whole, in several calls."""
        topic = desk.topic()
        reader = desk.subscription(topic)
        bus = connected(desk, "//here")
        bus.publish(work(f"ns/{n}") for n in range(2100))
        bus.close()

        units = set()
        while found := desk.pull(reader, most=1000, seconds=2 if len(units) < 2100 else 0.2):
            units |= {json.loads(each.message.data)["data"]["unit"] for each in found}
            desk.acknowledge(reader, *found)
        assert len(units) == 2100
