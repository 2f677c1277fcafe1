"""What goes over the wire to Cloud DNS, and what happens when it misbehaves."""

import pytest

from fedingress.domain.errors import Invalid
from tests.adapters.gcp.scripted import Reply, refusal
from tests.contract.load_balancers_lab import GUARD
from tests.contract.record_sets_suite import ZONE, record


def test_a_zone_that_answers_from_elsewhere_is_invalid(script, dns):
    """A forwarding zone holds no records."""
    script.then(Reply(body={"dnsName": "example.com.", "forwardingConfig": {}}))

    with pytest.raises(Invalid, match="forwardingConfig"):
        dns.domain(ZONE)


def test_a_change_is_watched_until_it_is_done(script, dns):
    """Pending, then done."""
    pending = Reply(body={"id": "3", "status": "pending"})
    script.then(pending, pending, Reply(body={"id": "3", "status": "done"}))

    dns.change(ZONE, deletions=[], additions=[record()], guard=GUARD)

    assert script.requests[-1].path.partition("?")[0].endswith("/changes/3")
    assert not script.replies


def test_an_accepted_change_is_not_lost_by_a_bad_moment(script, dns):
    """What was accepted takes effect, whether it can be watched or not."""
    script.then(Reply(body={"id": "3", "status": "pending"}), refusal(503, "backendError"))

    dns.change(ZONE, deletions=[], additions=[record()], guard=GUARD)

    assert len(script.requests) == 2


def test_deletions_are_sent_as_they_stand(script, dns):
    """Another spelling of the same TXT is matched, and sent back untouched."""
    item = record("t.example.com", "a b", kind="TXT")
    raw = {"name": "T.example.com.", "type": "TXT", "ttl": 60, "rrdatas": ['"a" " b"']}
    script.then(Reply(body={"rrsets": [raw]}), Reply(body={"id": "1", "status": "done"}))

    dns.change(ZONE, deletions=[item], additions=[], guard=GUARD)

    assert script.requests[-1].body["deletions"] == [raw]


def test_record_sets_are_paged(script, dns):
    """Every page of a zone is read."""
    first = {"rrsets": [{"name": "a.example.com.", "type": "A", "ttl": 1}], "nextPageToken": "x"}
    second = {"rrsets": [{"name": "b.example.com.", "type": "A", "ttl": 1}]}
    script.then(Reply(body=first), Reply(body=second))

    assert [item.name for item in dns.list(ZONE)] == ["a.example.com", "b.example.com"]
