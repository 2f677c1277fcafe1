"""Whose events are taken: by which way they came, and what a cluster may say."""

from dataclasses import replace

import pytest

from fedingress.domain.errors import Untrusted
from fedingress.domain.event import Event, rfc3339
from fedingress.domain.publisher import source_of
from fedingress.domain.work import Work
from fedingress.planning.publishing import OLDEST_SECONDS, SKEW_SECONDS, claimed_cluster, way

NOW = 1795381200.0
GOOD = Event(
    id="1",
    source=source_of("lab", "gke-us"),
    work=Work(concern="fanout", unit="shop/shop", cause="changed"),
    time=rfc3339(NOW),
    keyid="0" * 16,
    signature="A" * 86 + "==",
)


def refusal(event, owner="lab"):
    """The word under which it is refused."""
    with pytest.raises(Untrusted) as caught:
        claimed_cluster(event, owner, now=NOW)
    return caught.value.reason


@pytest.mark.parametrize(("via", "expected"), [("w", "work"), ("c", "changes"), ("c2", "changes")])
def test_the_way_is_the_transports_word(via, expected):
    """What delivered the event decides, each list by itself."""
    assert way(via, work={"w"}, changes={"c", "c2"}) == expected


@pytest.mark.parametrize("via", ["", "?", "W", "w "])
def test_any_other_way_is_refused(via):
    """Nothing resembles a way that was named."""
    with pytest.raises(Untrusted) as caught:
        way(via, work={"w"}, changes={"c"})
    assert caught.value.reason == "unknown-topic"


def test_what_is_named_twice_is_trusted_work():
    """An operator who names one subscription for both has said that it is trusted."""
    assert way("x", work={"x"}, changes={"x"}) == "work"


def test_a_clusters_own_event_is_taken_for_its():
    """The cluster that the source names is given."""
    assert claimed_cluster(GOOD, "lab", now=NOW) == "gke-us"


@pytest.mark.parametrize("seconds", [-OLDEST_SECONDS, 0.0, SKEW_SECONDS])
def test_young_events_are_taken(seconds):
    """Both bounds belong to what is taken."""
    event = replace(GOOD, time=rfc3339(NOW + seconds))
    assert claimed_cluster(event, "lab", now=NOW) == "gke-us"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": "//fedingress.dev/lab/fanout"}, "no-cluster"),
        ({"source": "//fedingress.dev/lab/cluster/"}, "no-cluster"),
        ({"source": source_of("other", "gke-us")}, "foreign"),
        ({"work": Work(concern="status", unit="shop/shop", cause="x")}, "wrong-concern"),
        ({"work": Work(concern="dns", unit="cloud-dns:lab/z", cause="x")}, "wrong-concern"),
        ({"keyid": ""}, "unsigned"),
        ({"signature": ""}, "unsigned"),
        ({"time": ""}, "no-time"),
        ({"time": rfc3339(NOW + SKEW_SECONDS + 1)}, "future"),
        ({"time": rfc3339(NOW - OLDEST_SECONDS - 1)}, "stale"),
    ],
)
def test_what_a_cluster_may_not_say(change, reason):
    """Each is refused under a word of its own."""
    assert refusal(replace(GOOD, **change)) == reason
