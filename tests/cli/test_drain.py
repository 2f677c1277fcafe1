"""`fedingress drain` and `undrain`: of one Ingress, of a member, and before it leaves."""

import time
from types import SimpleNamespace

import pytest

from fedingress.cli import drain as command

pytestmark = pytest.mark.wire


@pytest.fixture
def pauses(monkeypatch):
    """The seconds that the commands would sleep."""
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        time.sleep(0.01)

    monkeypatch.setattr(command, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    return slept


def rows(fedingress):
    """The table of the shop."""
    (found,) = fedingress("status", "shop", "-o", "json").json
    return found["clusters"]


def test_a_member_is_drained_of_one_ingress_and_has_it_back(settled, fedingress, pauses):
    """The mark stands on the Ingress, the table says so, and requests in flight get their time."""
    answer = fedingress("drain", "gke-us", "shop", "-o", "json")
    during = rows(fedingress)
    source = settled.clusters["config"].get("ingresses.networking.k8s.io", "shop", "shop")
    twice = fedingress("drain", "gke-us", "shop", "--timeout", "0")
    back = fedingress("undrain", "gke-us", "shop")

    assert (answer.code, answer.err) == (0, "")
    assert answer.json == {
        "cluster": "gke-us",
        "ingresses": ["shop/shop"],
        "state": "drained",
        "waited": pauses[-1],
    }
    assert source["metadata"]["annotations"]["fedingress.dev/drain"] == "gke-us"
    assert (during["gke-us"]["drained"], during["gke-eu"]["drained"]) == (True, False)
    assert (twice.code, twice.out) == (0, "gke-us gets no new requests of shop/shop\n")
    assert back.out == "gke-us gets requests of shop/shop again\n"
    assert not rows(fedingress)["gke-us"]["drained"]


def test_a_whole_member_is_drained_on_its_profile(settled, fedingress, pauses):
    """Every Ingress that it carries; the other member cannot be drained then, unless forced."""
    answer = fedingress("drain", "gke-eu")
    refused = fedingress("drain", "gke-us")
    forced = fedingress("drain", "gke-us", "--force", "--timeout", "0")
    both = rows(fedingress)
    for name in ("gke-us", "gke-eu"):
        assert fedingress("undrain", name, "-o", "json").json["state"] == "serving"

    assert (answer.code, answer.err) == (0, "")
    assert refused.code == 1
    assert "no member but gke-us has healthy endpoints" in refused.err
    assert forced.code == 0
    assert not any(row["drained"] for row in both.values()), "the last ones serve on"
    assert {row["reason"] for row in rows(fedingress).values()} == {"Applied"}


def test_a_member_that_leaves_is_drained_first(settled, fedingress, pauses):
    """Then it is emptied; --undo takes both back."""
    answer = fedingress("cluster", "leave", "gke-eu")
    profile = "clusterprofiles.multicluster.x-k8s.io"
    marks = settled.clusters["config"].get(profile, "fedingress-inventory", "gke-eu")
    marks = marks["metadata"]["annotations"]
    undone = fedingress("cluster", "leave", "gke-eu", "--undo")
    fedingress("repair", "shop", "--apply")

    assert (answer.code, answer.err, undone.code) == (0, "", 0)
    assert marks["fedingress.dev/drain"] == marks["fedingress.dev/leaving"] == "true"
    assert pauses, "requests in flight had their time"
    assert rows(fedingress)["gke-eu"]["reason"] == "Applied"


def test_what_cannot_be_drained_is_told(world, fedingress):
    """A member or an Ingress that is not there."""
    assert "there is no member nobody" in fedingress("drain", "nobody").err
    assert "there is no federated Ingress 'none'" in fedingress("drain", "gke-us", "none").err
    assert "there is no member nobody" in fedingress("undrain", "nobody").err
