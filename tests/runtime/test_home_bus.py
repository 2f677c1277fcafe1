"""Which bus an instance has, by its settings, and what a home does with a remote one."""

import json
import time

import pytest

from fedingress.adapters.buses.inprocess import InProcessBus
from fedingress.adapters.buses.messages import message
from fedingress.adapters.buses.pubsub import PubSubBus
from fedingress.adapters.buses.sns import SnsBus
from fedingress.domain.errors import Invalid
from fedingress.domain.event import decode
from fedingress.domain.work import CONCERNS, Work
from fedingress.runtime.home import Home
from fedingress.runtime.settings import Settings
from fedingress.runtime.wire import make_bus

SNS = "sns:arn:aws:sns:eu-west-1:000000000000:work"


def test_by_default_work_stays_in_the_process():
    """Nothing set, the bus delivers here, with as many workers as asked for."""
    bus = make_bus(Settings(workers=3))
    assert isinstance(bus, InProcessBus)
    assert len(bus._threads) == 3
    bus.close()


def test_a_topic_of_google():
    """Project, topic, endpoint and the instance's name come from the settings."""
    settings = Settings(
        owner="lab", bus="pubsub:example.com:lab/work", pubsub_endpoint="http://127.0.0.1:9"
    )
    bus = make_bus(settings, concern="dns")

    assert isinstance(bus, PubSubBus)
    assert bus.topic == "projects/example.com:lab/topics/work"
    assert (bus.source, bus.endpoint) == ("//fedingress.dev/lab/dns", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("text", "queues"),
    [
        ("", {}),
        ("https://sqs/0/w-", {concern: f"https://sqs/0/w-{concern}" for concern in CONCERNS}),
        ('{"dns": "https://sqs/0/d"}', {"dns": "https://sqs/0/d"}),
    ],
)
def test_a_topic_of_amazon(text, queues):
    """The topic's name and the queues for delays come from the settings."""
    bus = make_bus(Settings(bus=SNS, queues=text))

    assert isinstance(bus, SnsBus)
    assert bus.topic_arn == SNS.removeprefix("sns:")
    assert bus.source == "//fedingress.dev/default/home"
    assert bus.queues == queues


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{dns}", "no JSON"),
        ('{"proxy": "https://sqs/0/p"}', "no concern proxy"),
        ('{"dns": "arn:aws:sqs"}', "dns is no http"),
        ('{"dns": 7}', "dns is no http"),
    ],
)
def test_odd_queues_are_refused(text, reason):
    """A fault in the queues is told by name, before anything is published."""
    with pytest.raises(Invalid, match=reason):
        make_bus(Settings(bus=SNS, queues=text))


def test_a_home_with_a_remote_bus_delivers_nothing_itself():
    """It runs no workers, is always idle, and closes without ever having connected."""
    with Home(Settings(store="memory:", bus="pubsub:lab/work")) as home:
        assert isinstance(home.bus, PubSubBus)
        assert home.idle(0.0)
        assert home.bus._client is None


@pytest.mark.parametrize("where", ["pubsub:lab/changes", SNS])
def test_a_watchers_events_come_from_its_cluster(where, tmp_path):
    """With a cluster's name the source is the cluster's, and its key puts a signature on each."""
    signing = pytest.importorskip("fedingress.adapters.signing")
    pytest.importorskip("cryptography")
    pem, public = signing.new_pair()
    (tmp_path / "key.pem").write_text(pem)
    settings = Settings(owner="lab", bus=where, signing_key=str(tmp_path / "key.pem"))
    bus = make_bus(settings, cluster="gke-us")
    work = Work(concern="fanout", unit="shop/shop", cause="changed")
    sent = decode(json.loads(message(work, bus.source, bus._sign).text))

    assert sent.source == "//fedingress.dev/lab/cluster/gke-us"
    assert signing.is_signed(sent, public)
    assert abs(sent.seconds - time.time()) < 60


def test_a_key_that_is_missing_is_told_at_once(tmp_path):
    """A watcher that could only publish what every door refuses does not start."""
    settings = Settings(bus="pubsub:lab/changes", signing_key=str(tmp_path / "none"))
    with pytest.raises(Invalid, match="signing key"):
        make_bus(settings, cluster="gke-us")
