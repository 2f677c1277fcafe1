"""The port `Bus` over SNS, read from SQS: on ministack, by boto3."""

import json
import threading
import time
from dataclasses import replace

import pytest

from fedingress.adapters.buses.sns import SnsBus
from fedingress.domain.errors import Unavailable
from fedingress.domain.work import CONCERNS, Work
from fedingress.runtime.event import from_sqs
from tests import ministack
from tests.contract.bus_suite import BusContract, Post, work
from tests.contract.test_bus_pubsub import opened

boto3 = pytest.importorskip("boto3")
pytestmark = [pytest.mark.wire, pytest.mark.xdist_group("ministack")]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with ministack.running(tmp_path_factory.mktemp("aws") / "log") as found:
        yield found


class Account:
    """A topic, a queue per concern behind its filter policy, and readers of the queues."""

    def __init__(self, prefix):
        self.sns, self.sqs = boto3.client("sns"), boto3.client("sqs")
        self.topic = self.sns.create_topic(Name=f"{prefix}-work")["TopicArn"]
        self.queues = {concern: self._queue(f"{prefix}-{concern}", concern) for concern in CONCERNS}
        self._ending = threading.Event()
        self._threads = []

    def _queue(self, name, concern):
        url = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})
        found = self.sqs.get_queue_attributes(QueueUrl=url["QueueUrl"], AttributeNames=["QueueArn"])
        self.sns.subscribe(
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=found["Attributes"]["QueueArn"],
            Attributes={"FilterPolicy": json.dumps({"concern": [concern]})},
        )
        return url["QueueUrl"]

    def read(self, post):
        """Hand what is in each queue to *post*, as the event source mapping of Lambda does."""
        for concern, url in self.queues.items():
            thread = threading.Thread(target=self._read, args=(concern, url, post), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _read(self, concern, url, post):
        client = boto3.session.Session().client("sqs")
        while not self._ending.is_set():
            answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
            found = answer.get("Messages", [])
            for message in found:
                self._take(client, concern, url, message, post)
            if not found:
                self._ending.wait(0.05)
        client.close()

    def _take(self, client, concern, url, message, post):
        body = json.loads(message["Body"])
        asked, name = opened(body["Message"] if "Message" in body else message["Body"])
        assert asked.concern == concern
        try:
            done = post.receive(asked, name)
        except RuntimeError:
            done = False
        receipt = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
        if done:
            client.delete_message(**receipt)
        else:
            client.change_message_visibility(**receipt, VisibilityTimeout=0)

    def close(self):
        self._ending.set()
        for thread in self._threads:
            thread.join(20)
        self.sns.close()
        self.sqs.close()


@pytest.fixture
def account(url, monkeypatch, request):
    for name, value in ministack.variables(url).items():
        monkeypatch.setenv(name, value)
    made = Account(f"t{abs(hash(request.node.nodeid)) % 10**8}")
    yield made
    made.close()


class TestSnsBus(BusContract):
    """The contract over a topic and four queues."""

    @pytest.fixture
    def post(self, account):
        post = Post()
        post.bus = SnsBus(account.topic, "//fedingress.dev/lab/dns", queues=account.queues)
        account.read(post)
        yield post
        post.bus.close()

    def test_the_doors_read_what_arrives(self, account):
        """Through SNS and straight from SQS, the door's decoder finds the work that was sent."""
        sent = Work(concern="dns", unit="cloud-dns:lab/example-com", cause="resync")
        bus = SnsBus(account.topic, "//x", queues=account.queues)
        bus.publish([sent, replace(sent, delay_seconds=0.5)])
        bus.close()

        found = []
        deadline = time.monotonic() + 20
        while len(found) < 2:
            assert time.monotonic() < deadline, found
            answer = account.sqs.receive_message(QueueUrl=account.queues["dns"], WaitTimeSeconds=1)
            found += [from_sqs({"body": each["Body"]}).event for each in answer.get("Messages", [])]
        assert [each.work for each in found] == [sent, sent]
        assert len({each.delivery for each in found}) == 2

    def test_without_queues_a_delay_is_left_to_the_tick(self, account):
        """A delayed work is not sent when nothing can hold it, nor one beyond SQS's longest."""
        post = Post()
        account.read(post)
        unknown = SnsBus(account.topic, "//x")
        unknown.publish([work("late", delay_seconds=0.2), work("soon")])
        known = SnsBus(account.topic, "//x", queues=account.queues)
        known.publish([work("later", delay_seconds=901.0), work("now")])

        post.wait_for(lambda all_: {"soon", "now"} <= {d.work.unit for d in all_})
        time.sleep(0.5)
        assert sorted(post.units()) == ["now", "soon"]
        unknown.close()
        known.close()

    def test_a_topic_or_queue_that_is_missing_is_told(self, account):
        """Publishing to none is `Unavailable`, and names it."""
        bus = SnsBus(f"{account.topic}-none", "//x", queues={"dns": f"{account.queues['dns']}-no"})
        with pytest.raises(Unavailable, match="work-none"):
            bus.publish([work("a")])
        with pytest.raises(Unavailable, match="dns-no"):
            bus.publish([work("a", delay_seconds=1)])
        bus.close()

    def test_a_service_that_is_down_is_told(self, account, monkeypatch):
        """An endpoint where nobody listens is `Unavailable`."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        bus = SnsBus(account.topic, "//x")
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
            bus.publish([work("a")])
        bus.close()
