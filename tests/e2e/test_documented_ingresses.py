"""
The shapes of Ingress that the Kubernetes documentation shows, all submitted at once.

They are read as the demo reads a user's folder: with the federated class and echo Services added.

Source: Kubernetes documentation, "Ingress": the Ingress resource, path types, types of Ingress.
"""

from pathlib import Path

import pytest

from infra.demo.manifests import read
from infra.demo.story import targets_of
from infra.demo.traffic import Clients
from tests.e2e.homes import embedded
from tests.e2e.site import CONFIG
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

FOLDER = Path(__file__).parent / "ingresses"
PAGES = [
    ("docs-default/default-only", "", "/", "landing"),
    ("docs-default/default-only", "any.bar.com", "/deep/down", "landing"),
    ("docs-single/minimal", "", "/testpath", "test"),
    ("docs-single/minimal", "any.bar.com", "/testpath/1", "test"),
    ("docs-single/minimal", "", "/other", ""),
    ("docs-fanout/simple-fanout", "foo.bar.com", "/foo", "service1"),
    ("docs-fanout/simple-fanout", "foo.bar.com", "/bar/x", "service2"),
    ("docs-fanout/simple-fanout", "foo.bar.com", "/food", ""),
    ("docs-fanout/simple-fanout", "elsewhere.com", "/foo", ""),
    ("docs-hosts/name-virtual-host", "first.bar.com", "/", "service1"),
    ("docs-hosts/name-virtual-host", "second.bar.com", "/a", "service2"),
    ("docs-hosts/name-virtual-host", "third.bar.com", "/", "service3"),
    ("docs-hosts/name-virtual-host", "", "/", "service3"),
    ("docs-wildcard/wildcard-host", "www.bar.com", "/bar", "service1"),
    ("docs-wildcard/wildcard-host", "bar.foo.com", "/foo", "service2"),
    ("docs-wildcard/wildcard-host", "baz.foo.com", "/foo/1", "service2"),
    ("docs-wildcard/wildcard-host", "foo.com", "/foo", ""),
    ("docs-wildcard/wildcard-host", "bar.foo.com", "/bar", ""),
]
REGIONS = {"us-central1": "gke-us", "europe-west1": "gke-eu"}


@pytest.fixture(scope="module")
def bundle():
    """Everything to submit, as the demo would."""
    return read(FOLDER)


@pytest.fixture(scope="module")
def documented(furnished, bundle, tmp_path_factory):
    """The site with all five served; gives the address of each."""
    keys = [(each["metadata"]["name"], each["metadata"]["namespace"]) for each in bundle.ingresses]
    with embedded(furnished, tmp_path_factory.mktemp("documented") / "store.sqlite"):
        for member in REGIONS.values():
            furnished.apply(member, *bundle.member)
        own = [each for each in bundle.config if each["kind"] in {"Namespace", "Ingress"}]
        furnished.apply(CONFIG, *own)
        for name, space in keys:
            until(
                f"every endpoint of {space}/{name}",
                lambda name=name, space=space: furnished.is_healthy(name, space),
                say=lambda name=name, space=space: furnished.conditions(name, space),
            )
        yield furnished
        furnished.withdraw()
        for member in REGIONS.values():
            for _, space in keys:
                furnished.core(member).delete_namespace(space)


def test_the_folder_is_read_with_its_additions_told(bundle):
    """Five Ingresses; each got the class, each missing Service an echo, and each is told."""
    assert len(bundle.ingresses) == 5
    assert {each["spec"]["ingressClassName"] for each in bundle.ingresses} == {"federated"}
    assert sum("got ingressClassName" in told for told in bundle.added) == 5
    assert sum("got an echo Deployment" in told for told in bundle.added) == 9


@pytest.mark.parametrize(("key", "host", "at", "app"), PAGES)
def test_every_documented_path_answers(documented, key, host, at, app):
    """The right Service of the near member answers, and what no rule names is a 404."""
    space, _, name = key.partition("/")
    address = documented.address(name, space)
    for region, cluster in REGIONS.items():
        page = documented.visitor(region).get(host or address, at, address=address)

        assert (page.status, page.app) == ((200, app) if app else (404, ""))
        assert page.cluster == (cluster if app else "")


def test_what_the_demo_would_ask_for_is_answered(documented, bundle):
    """The demo's own targets of every Ingress, one per path and one below each prefix."""
    visitor = documented.visitor("us-central1")
    clients = Clients(sources={"us-central1": visitor.source}, dns=visitor.dns, port=visitor.port)
    for ingress in bundle.ingresses:
        meta = ingress["metadata"]
        address = documented.address(meta["name"], meta["namespace"])
        replies = clients.round(targets_of(ingress["spec"], address), 2)

        assert replies
        assert [reply for reply in replies if reply.failed] == []


def test_hosts_outside_the_managed_zones_get_no_record_and_a_reason(documented):
    """bar.com is nobody's zone here: served by address, told in the condition."""
    assert documented.records() == {}
    told = documented.conditions("simple-fanout", "docs-fanout")["Published"]
    hostless = documented.conditions("default-only", "docs-default")["Published"]

    assert (told["status"], told["reason"]) == ("False", "NoZone")
    assert "foo.bar.com" in told["message"]
    assert (hostless["status"], hostless["reason"]) == ("Unknown", "NoHost")
