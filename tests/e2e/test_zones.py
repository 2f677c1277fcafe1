"""
Names in several zones of Cloud DNS: public, private, nested, with records of others, and refused.

Zones and records are read by google-cloud-dns where they are plain, and over REST where they are
not; questions are asked of the lab's DNS server from outside and from pods.
"""

import ipaddress
import threading
from contextlib import closing, contextmanager

import pytest
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from fedingress.domain.work import Work
from tests.e2e.homes import look_thoroughly
from tests.e2e.manifests import HOST, ingress, path, platform
from tests.e2e.site import CONFIG, PROJECT
from tests.e2e.visitors import Visitor
from tests.e2e.waiting import holds, until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

PRECONDITION_FAILED = 412
INSIDE, DEEP_HOST = "shop.corp.internal", "a.deep.example.com"
NETWORK = f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/global/networks/default"
PRIVATE = {
    "visibility": "private",
    "privateVisibilityConfig": {"networks": [{"networkUrl": NETWORK}]},
}
ZONES = {
    "inside": {"dnsName": "example.com.", **PRIVATE},
    "internal": {"dnsName": "corp.internal.", **PRIVATE},
    "deep": {"dnsName": "deep.example.com."},
}


class Zones:
    """The managed zones of one project, over REST."""

    def __init__(self, site, api):
        self.site = site
        self.api = api

    def make(self, name, **body):
        """A new zone."""
        whole = {"name": name, "description": "by a person", **body}
        self.api.managedZones().create(project=PROJECT, body=whole).execute()

    def listed(self, zone):
        """The record sets of a zone as they stand, but for those at its apex."""
        found = self.api.resourceRecordSets().list(project=PROJECT, managedZone=zone).execute()
        return [each for each in found["rrsets"] if each["type"] not in {"SOA", "NS"}]

    def change(self, zone, additions=(), deletions=()):
        """One atomic change."""
        body = {"additions": list(additions), "deletions": list(deletions)}
        self.api.changes().create(project=PROJECT, managedZone=zone, body=body).execute()

    def changes(self, zone):
        """Every change that a zone ever took."""
        asked = self.api.changes().list(project=PROJECT, managedZone=zone)
        while asked is not None:
            page = asked.execute()
            yield from page["changes"]
            asked = self.api.changes().list_next(asked, page)

    def answers(self, zone):
        """Values of the plain address records of a zone, by name and type."""
        return {
            (each["name"], each["type"]): each["rrdatas"]
            for each in self.listed(zone)
            if each["type"] in {"A", "AAAA"} and "rrdatas" in each
        }


@contextmanager
def client(site):
    """The zones over a connection of its own: a thread cannot share another's."""
    options = {"api_endpoint": site.env["FEDINGRESS_DNS_ENDPOINT"]}
    with closing(build("dns", "v1", static_discovery=True, client_options=options)) as api:
        yield Zones(site, api)


@pytest.fixture
def zones(site):
    """Two private zones and a nested one beside the world's; gone at the end."""
    with client(site) as found:
        for name, body in ZONES.items():
            found.make(name, **body)
        yield found
        for name in ZONES:
            assert found.listed(name) == []
            found.api.managedZones().delete(project=PROJECT, managedZone=name).execute()
    site.apply(CONFIG, *platform())


def chosen(*listed, **spec):
    """The policy with zones: (name, domain, visibility or None, project or None)."""
    policy, _ = platform()
    found = []
    for name, domain, *more in listed:
        zone = {"provider": "cloud-dns", "name": name, "domain": domain}
        found.append(zone | dict(zip(("visibility", "project"), more, strict=False)))
    dns = {**policy["spec"]["dns"], "zones": found}
    return {**policy, "spec": {**policy["spec"], "dns": dns, **spec}}


EVERY = (
    ("example-com", "example.com"),
    ("deep", "deep.example.com"),
    ("inside", "example.com", "private"),
    ("internal", "corp.internal", "private"),
)


def shop_of(*hosts, **annotations):
    """The shop for all hosts, and *hosts* by annotation."""
    notes = {"fedingress.dev/hostname": ", ".join(hosts), **annotations}
    manifest = ingress(path("/", "web"), path("/api", "api"), annotations=notes)
    del manifest["spec"]["rules"][0]["host"]
    return manifest


def in_a_pod(site):
    """Somebody in a pod of a member."""
    (pod,) = (
        site.core("gke-us").list_namespaced_pod("shop", label_selector="app=web", limit=1).items
    )
    address = ipaddress.ip_address(pod.status.pod_ip)
    return Visitor(
        source=f"127{str(address).removeprefix('10')}",
        dns=site.env["LOCALCLOUD_DNS"],
        port=int(site.env["LOCALCLOUD_HTTP_PORT"]),
    )


def test_a_host_is_published_in_the_longest_zone_of_each_visibility(site, zones, home):
    """Names by annotation, in IPv4 and IPv6; what is inside is not told outside."""
    site.apply(CONFIG, chosen(*EVERY, addresses={"ipv6": True}))
    site.apply(CONFIG, shop_of(HOST, DEEP_HOST, INSIDE))
    until("the names", lambda: site.verdicts().get("Published") == "True", say=site.conditions)
    expected = {
        "example-com": [HOST],
        "deep": [DEEP_HOST],
        "inside": [HOST, DEEP_HOST],
        "internal": [INSIDE],
    }
    for zone, hosts in expected.items():
        found = zones.answers(zone)
        assert set(found) == {(f"{host}.", kind) for host in hosts for kind in ("A", "AAAA")}, zone
    outside, pod = site.visitor("us-central1"), in_a_pod(site)
    (address,) = zones.answers("internal")[f"{INSIDE}.", "A"]

    assert pod.question(INSIDE) == ("NOERROR", [address])
    assert outside.question(INSIDE)[1] == []
    assert outside.question(DEEP_HOST)[1] == pod.question(DEEP_HOST)[1] == [address]
    site.until_served()
    assert [outside.get(host).status for host in (HOST, DEEP_HOST)] == [200, 200]
    assert outside.get(HOST, "/api").app == "api"
    assert pod.get(INSIDE).status == 200


FOREIGN = [
    {
        "name": "weighted.example.com.",
        "type": "A",
        "ttl": 30,
        "routingPolicy": {
            "wrr": {"items": [{"weight": 1.0, "rrdatas": ["203.0.113.1"]}]},
        },
    },
    {
        "name": "near.example.com.",
        "type": "AAAA",
        "ttl": 30,
        "routingPolicy": {
            "geo": {"items": [{"location": "us-central1", "rrdatas": ["2001:db8::1"]}]},
        },
    },
    {"name": "plain.example.com.", "type": "TXT", "ttl": 5, "rrdatas": ['"a  b" "c"', "d"]},
]


def theirs(zones):
    """The records of others, as REST gives them."""
    names = {each["name"] for each in FOREIGN}
    return [each for each in zones.listed("example-com") if each["name"] in names]


def test_records_of_others_stay_byte_for_byte(site, zones, home):
    """A zone with routing policies is read without harm, through a whole life."""
    zones.change("example-com", FOREIGN)
    before = theirs(zones)
    site.apply(CONFIG, ingress())
    site.until_served()
    site.apply(CONFIG, chosen(("example-com", "example.com"), addresses={"ipv6": True}))
    until("AAAA", lambda: (f"{HOST}.", "AAAA") in zones.answers("example-com"))
    site.delete()
    until("the Ingress to go", lambda: site.source() is None)

    assert before == theirs(zones)
    assert len(before) == len(FOREIGN) == len(zones.listed("example-com"))
    zones.change("example-com", deletions=before)


def test_changes_are_exact_while_others_edit_the_zone(site, zones, home):
    """Others add records and bend ours by hand: theirs stand, ours is as wanted."""
    site.apply(CONFIG, ingress())
    site.until_served()
    over, made, failed = threading.Event(), [], []

    def edit():
        with client(site) as hands:
            while not over.wait(0.05):
                name = f"theirs-{len(made)}.example.com."
                record = {"name": name, "type": "A", "ttl": 5, "rrdatas": ["203.0.113.9"]}
                bent = [e for e in hands.listed("example-com") if e["name"] == f"{HOST}."]
                try:
                    hands.change("example-com", [record])
                    made.append(name)
                    if len(made) % 3 == 0 and bent:
                        hands.change("example-com", [{**bent[0], "ttl": 7777}], bent[:1])
                except HttpError as error:  # ours was quicker, so that theirs does not match
                    if error.status_code != PRECONDITION_FAILED:
                        failed.append(error)

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        for ttl in (2, 3, 4):
            policy = chosen(("example-com", "example.com"))
            policy["spec"]["dns"]["ttlSeconds"] = ttl
            site.apply(CONFIG, policy)
            until(f"ttl {ttl}", lambda ttl=ttl: ttl in written(zones))
    finally:
        over.set()
        thread.join()
        others = [e for e in zones.listed("example-com") if e["name"].startswith("theirs-")]
        zones.change("example-com", deletions=others)
    look_thoroughly(home)

    assert ttls(zones) == [4]
    assert failed == []
    assert set(made) == {each["name"] for each in others}


def written(zones):
    """Every time to live that the shop's record ever had: a hand bends it again at once."""
    return {
        each["ttl"]
        for change in zones.changes("example-com")
        for each in change.get("additions", ())
        if each["name"] == f"{HOST}."
    }


def ttls(zones):
    """What the shop's record has now."""
    return [each["ttl"] for each in zones.listed("example-com") if each["name"] == f"{HOST}."]


def test_a_zone_that_is_closed_or_missing_is_told_and_holds_no_other(site, zones, home):
    """403 and 404 of other projects' zones, each with its reason; the world's zone is written."""
    fault = {"at": "gcp", "method": "GET", "path": "projects/closed-1/managedZones", "status": 403}
    site.control.call("POST", "/faults", fault)
    listed = (
        ("example-com", "example.com"),
        ("theirs", "closed.example.com", "public", "closed-1"),
        ("nowhere", "missing.example.com", "public", "other-1"),
    )
    site.apply(CONFIG, chosen(*listed))
    site.apply(CONFIG, shop_of(HOST, "a.closed.example.com", "a.missing.example.com"))
    visitor = site.visitor("us-central1")
    until("the host of the open zone", lambda: visitor.question(HOST)[1])

    def told():
        return site.conditions().get("Published", {}).get("message", "")

    until("both reasons", lambda: "closed-1" in told() and "other-1" in told(), say=told)
    assert "project other-1 has no managed zone nowhere" in told()
    assert holds(lambda: visitor.get(HOST).status == 200, seconds=0.5)
    site.control.call("DELETE", "/faults")
    site.apply(CONFIG, chosen(("example-com", "example.com")))
    site.apply(CONFIG, ingress())
    works = [Work(concern="dns", unit="cloud-dns:closed-1/theirs", cause="repair")]
    home.home.bus.publish(works)  # it is asked again only after a minute
    until("no complaint", lambda: site.verdicts().get("Published") == "True", say=site.conditions)
