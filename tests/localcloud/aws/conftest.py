"""Fixtures of the conformance tests of the AWS stand-in."""

import itertools

import pytest

from tests.localcloud.aws.lab import running_lab

_NUMBERS = itertools.count(1)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self):
        self.now = 1_750_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock that stands still."""
    return Clock()


@pytest.fixture(scope="module")
def lab():
    """One account for a whole module: each test has a zone of its own."""
    with running_lab() as running:
        yield running


@pytest.fixture(scope="module")
def route53(lab):
    """boto3's client of Route 53."""
    return lab.client("route53")


class ZoneOf:
    """A zone example.com of its own, and short words for what tests do with it."""

    def __init__(self, client):
        self.client = client
        made = client.create_hosted_zone(
            Name="example.com", CallerReference=f"zone-{next(_NUMBERS)}"
        )
        self.id = made["HostedZone"]["Id"]
        self.made = made

    def change(self, *changes, comment=None):
        """Send one batch of (action, record set)."""
        batch = {"Changes": [{"Action": a, "ResourceRecordSet": r} for a, r in changes]}
        if comment:
            batch["Comment"] = comment
        answer = self.client.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch=batch)
        return answer["ChangeInfo"]

    def create(self, *records):
        """Create record sets in one batch."""
        return self.change(*(("CREATE", record) for record in records))

    def refused(self, *changes):
        """Give code and message with which a batch is refused."""
        with pytest.raises(self.client.exceptions.ClientError) as refused:
            self.change(*changes)
        error = refused.value.response["Error"]
        return error["Code"], error["Message"]

    def listed(self, **start):
        """Give the record sets, without those that every zone has."""
        answer = self.client.list_resource_record_sets(HostedZoneId=self.id, **start)
        return [r for r in answer["ResourceRecordSets"] if r["Type"] not in ("NS", "SOA")]


@pytest.fixture
def zone(route53):
    """An empty zone."""
    return ZoneOf(route53)
