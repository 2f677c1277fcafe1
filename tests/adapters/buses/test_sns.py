"""How the SNS bus takes what AWS answers: failed entries, refusals, missing credentials."""

import json
import os

import pytest

from fedingress.adapters.buses.sns import SnsBus
from fedingress.domain.errors import Forbidden, Unavailable
from fedingress.domain.work import Work

boto3 = pytest.importorskip("boto3")
from botocore.stub import ANY, Stubber  # noqa: E402  after the skip

TOPIC = "arn:aws:sns:eu-west-1:000000000000:work"
QUEUE = "http://127.0.0.1:9/000000000000/dns"


def works(count, delay_seconds=0.0):
    return [
        Work(concern="dns", unit=f"cloud-dns:lab/z{n}", cause="resync", delay_seconds=delay_seconds)
        for n in range(count)
    ]


class Amazon:
    """A client of one service that never leaves this process, in the place of the bus's own."""

    def __init__(self, bus, service):
        self.sent = []
        self._client = boto3.session.Session().client(
            service, "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        bus._clients[service] = self
        self._answers = []

    def fails(self, *counts, code="InternalError"):
        """Of each call, how many entries fail."""
        self._answers += [(count, code) for count in counts]

    def publish_batch(self, TopicArn, PublishBatchRequestEntries):  # noqa: N803  boto3's words
        entries = PublishBatchRequestEntries
        expected = {"TopicArn": TopicArn, "PublishBatchRequestEntries": ANY}
        return self._call("publish_batch", entries, expected)

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803
        return self._call("send_message_batch", Entries, {"QueueUrl": QueueUrl, "Entries": ANY})

    def _call(self, method, entries, expected):
        """The request and the answer as botocore's own model of the service allows them."""
        count, code = self._answers.pop(0) if self._answers else (0, "")
        failed = [{"Id": e["Id"], "Code": code, "SenderFault": False} for e in entries[:count]]
        done = [{"Id": e["Id"], "MessageId": "1"} for e in entries[count:]]
        if method == "send_message_batch":
            done = [each | {"MD5OfMessageBody": "0" * 32} for each in done]
        self.sent.append(entries)
        name = "PublishBatchRequestEntries" if method == "publish_batch" else "Entries"
        with Stubber(self._client) as stub:
            stub.add_response(method, {"Successful": done, "Failed": failed}, expected)
            return getattr(self._client, method)(**{**expected, name: entries})

    def close(self):
        self._client.close()


@pytest.fixture
def bus():
    made = SnsBus(TOPIC, "//x", queues={"dns": QUEUE})
    yield made
    made.close()


def test_ten_to_a_batch(bus):
    """Twenty-five works are three batches, none above ten."""
    sns = Amazon(bus, "sns")
    bus.publish(works(25))

    assert [len(entries) for entries in sns.sent] == [10, 10, 5]
    entry = sns.sent[0][0]
    event = json.loads(entry["Message"])
    assert entry["Id"] == event["id"]
    assert {k: v["StringValue"] for k, v in entry["MessageAttributes"].items()} == {
        "concern": "dns",
        "ce-type": event["type"],
        "ce-id": event["id"],
        "ce-source": "//x",
    }


def test_failed_entries_are_sent_once_more(bus):
    """Only what failed goes again, and then all is well."""
    sns = Amazon(bus, "sns")
    sns.fails(3)
    bus.publish(works(10))

    assert [len(entries) for entries in sns.sent] == [10, 3]
    assert sns.sent[1] == sns.sent[0][:3]


def test_what_fails_twice_is_unavailable(bus):
    """The caller hears of it, in the service's word, and what comes after is not sent."""
    sns = Amazon(bus, "sns")
    sns.fails(3, 1)
    with pytest.raises(Unavailable, match="InternalError"):
        bus.publish(works(20))
    assert len(sns.sent) == 2


def test_entries_refused_for_lack_of_rights_are_forbidden(bus):
    """A code of refusal within an accepted batch is a lack of rights."""
    Amazon(bus, "sns").fails(1, 1, code="AuthorizationError")
    with pytest.raises(Forbidden, match="AuthorizationError"):
        bus.publish(works(1))


@pytest.mark.parametrize(("delay", "whole"), [(0.2, 1), (1.0, 1), (899.1, 900), (900.0, 900)])
def test_delays_are_whole_seconds_never_shorter(bus, delay, whole):
    """SQS counts in seconds; a work never comes early."""
    sqs = Amazon(bus, "sqs")
    bus.publish(works(1, delay))

    assert [entry["DelaySeconds"] for entry in sqs.sent[0]] == [whole]


def test_calls_refused_for_lack_of_rights_are_forbidden(bus):
    """An error of the whole call is translated by its code."""
    client = boto3.session.Session().client(
        "sns", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    bus._clients["sns"] = client
    with Stubber(client) as stub:
        stub.add_client_error("publish_batch", "AuthorizationError", "not allowed", 403)
        with pytest.raises(Forbidden, match=f"{TOPIC}.*not allowed"):
            bus.publish(works(1))
        stub.add_client_error("publish_batch", "Throttled", "slow down", 429)
        with pytest.raises(Unavailable, match="slow down"):
            bus.publish(works(1))


def test_without_credentials_it_is_forbidden(bus, monkeypatch):
    """Credentials that cannot be found are a lack of rights; nobody beyond loopback is asked."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    with pytest.raises(Forbidden, match="credentials"):
        bus.publish(works(1))
