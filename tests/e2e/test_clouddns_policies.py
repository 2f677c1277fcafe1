"""
Members with addresses of their own in a zone of Cloud DNS: real questions, real probes, no help.

Each on-prem member's load balancer is a small server at an address of the lab; its controller, who
writes that address into the status of the copy, is this test.
"""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from dnslib import EDNS0, QTYPE, DNSRecord, EDNSOption

from infra.demo import manifests as demo
from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded, until_quiet
from tests.e2e.manifests import HOST, NAMESPACE, ingress, namespace, workloads
from tests.e2e.site import CONFIG, PROJECT, open_site
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

NEAR = {"eu-central-1": "site-eu", "ap-southeast-1": "site-ap"}
PLACES = {"europe-west3": "site-eu", "asia-southeast1": "site-ap"}
SITES = "site-eu=onprem/eu-central-1/a,site-ap=onprem/ap-southeast-1/a"
HTTP_PORT = 8080
"""Where the lab binds port 80."""


class Balancer:
    """A member's load balancer."""

    def __init__(self, cluster, address):
        self.cluster, self.address = cluster, address
        self.server = None

    def start(self):
        """Answer everybody with the member's name."""
        body = json.dumps({"cluster": self.cluster}).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words):
                pass

        self.server = http.server.ThreadingHTTPServer((self.address, HTTP_PORT), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        """Die."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join(10.0)
            self.server = None


class Story:
    """The site, its balancers, and what is asked of them."""

    def __init__(self, site, store):
        self.site, self.store = site, store
        self.balancers = {
            name: Balancer(name, site.world.run(lambda world: world.block.next_vip()))
            for name in NEAR.values()
        }
        self.by_address = {each.address: name for name, each in self.balancers.items()}
        for each in self.balancers.values():
            each.start()

    def policy(self, **more):
        """The demo's for members that answer themselves, in the managed zone."""
        made = demo.policy_of_aws()
        zone = {"provider": "cloud-dns", "project": PROJECT, "name": "example-com"}
        made["spec"]["dns"] |= {
            "zones": [zone | {"domain": "example.com"}],
            "routing": "latency",
            "healthCheck": {"threshold": 1},
        } | more
        made["spec"]["aws"] = {"ingressClass": "site"}
        made["spec"]["deletion"] = {"graceSeconds": 5, "drainSeconds": 1}
        return made

    def report(self, name):
        """What a member's own controller does, once there is a copy."""
        api = self.site.networking(name)

        def copied():
            found = api.list_namespaced_ingress(NAMESPACE).items
            return [each for each in found if each.spec.ingress_class_name == "site"]

        until(f"a copy in {name}", copied)
        address = {"ip": self.balancers[name].address}
        api.patch_namespaced_ingress_status(
            "shop", NAMESPACE, {"status": {"loadBalancer": {"ingress": [address]}}}
        )

    def asked(self, region, *, subnet=False, name=HOST):
        """The members that one question leads to, asked from a region or for it."""
        question = DNSRecord.question(name, "A")
        source = self.site.visitor(region).source
        if subnet:  # RFC 7871: the resolver asks from elsewhere, for a client of that network
            network = bytes(map(int, source.split(".")[:3]))
            question.add_ar(EDNS0(opts=[EDNSOption(8, bytes([0, 1, 24, 0]) + network)]))
        host, _, port = self.site.env["LOCALCLOUD_DNS"].rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.settimeout(5.0)
            wire.bind(("127.0.0.1" if subnet else source, 0))
            wire.sendto(question.pack(), (host, int(port)))
            reply = DNSRecord.parse(wire.recv(4096))
        found = [str(each.rdata) for each in reply.rr if each.rtype == QTYPE.A]
        return {self.by_address[each] for each in found}

    def met(self, region):
        """The members that many questions lead to."""
        return {name for _ in range(40) for name in self.asked(region)}

    def served(self):
        """Region -> who answers its clients, by DNS and a request."""
        return {region: self.site.visitor(region).get(HOST).cluster for region in NEAR}

    def policies(self):
        """Every routing policy in the zone, as the API has it."""
        root = f"{self.site.env['FEDINGRESS_DNS_ENDPOINT']}/dns/v1/projects/{PROJECT}"
        url = f"{root}/managedZones/example-com/rrsets"
        token = self.site.world.run(lambda world: world.gcp.access.issue())
        listed = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        return [each for each in listed.json()["rrsets"] if "routingPolicy" in each]

    def why(self):
        """What `fedingress why` says of the host."""
        here = {"FEDINGRESS_STORE": f"sqlite:{self.store}"}
        done = subprocess.run(
            [str(Path(sys.executable).parent / "fedingress"), "why", HOST],
            env={**os.environ, **self.site.env, **here},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return [line.strip() for line in done.stdout.splitlines()]

    def checks(self):
        """Names of Compute Engine's health checks."""
        return [each["name"] for each in self.site.listed("HealthChecks")]

    def close(self):
        for each in self.balancers.values():
            each.stop()
        if self.site.leftovers():
            with embedded(self.site, self.store):
                self.site.withdraw()


@pytest.fixture
def story(tmp_path):
    """Two sites with the shop's pods, class and policy, and the shop submitted."""
    spec = WorldSpec(members=members_from(SITES), operation_seconds=0.05)
    with open_site(spec) as site:
        found = Story(site, tmp_path / "store.sqlite")
        for member in site.members:
            site.apply(member, *workloads())
        site.apply(CONFIG, namespace(), found.policy(), demo.ingress_class())
        try:
            yield found
        finally:
            found.close()


def test_clients_follow_place_and_health_without_us_and_nothing_is_left(story):
    """Nearest first; a dead site's clients go elsewhere and back while nothing of ours runs."""
    site = story.site
    with embedded(site, story.store) as home:
        site.apply(CONFIG, ingress())
        for name in NEAR.values():
            story.report(name)
        until(
            "everybody to be served nearby",
            lambda: story.served() == NEAR,
            say=lambda: (site.conditions(), site.table(), story.policies()),
        )
        (policy,) = story.policies()
        items = policy["routingPolicy"]["geo"]["items"]
        ends = {each["location"]: each["healthCheckedTargets"] for each in items}
        assert ends == {
            place: {"externalEndpoints": [story.balancers[name].address]}
            for place, name in PLACES.items()
        }
        (check,) = story.checks()
        assert policy["routingPolicy"]["healthCheck"].endswith(f"/global/healthChecks/{check}")
        for region, name in NEAR.items():
            other = next(each for each in NEAR if each != region)
            assert story.asked(region) == {name}
            assert story.asked(other, subnet=True) == {NEAR[other]}
        told = {f"near {at}: {story.balancers[name].address}" for at, name in PLACES.items()}
        assert told <= {*story.why()}
        until("a name in the status", lambda: site.source().status.load_balancer.ingress)
        own = site.source().status.load_balancer.ingress[0].hostname
        assert story.asked("eu-central-1", name=own) == {"site-eu"}
        until_quiet(home, site)

    story.balancers["site-eu"].stop()
    until("the far site to serve all", lambda: {*story.served().values()} == {"site-ap"})
    story.balancers["site-eu"].start()
    until("the near site to serve again", lambda: story.served() == NEAR)
    assert site.calls() == 0, "somebody of ours helped"

    with embedded(site, story.store):
        site.apply(CONFIG, story.policy(routing="weighted"))
        until(
            "weights",
            lambda: ["wrr" in each["routingPolicy"] for each in story.policies()] == [True],
            say=lambda: (site.conditions(), story.policies()),
        )
        until(  # the new shares begin where the old ones were, and move in steps
            "both sites to be met by everybody",
            lambda: story.met("eu-central-1") == story.met("ap-southeast-1") == {*NEAR.values()},
            say=story.policies,
        )
        until("one check", lambda: len(story.checks()) == 1, say=story.checks)
        drained = {"fedingress.dev/drain": "site-eu"}
        site.apply(CONFIG, ingress(annotations=drained))
        until(
            "the drain",
            lambda: (
                {name for _ in range(20) for name in story.asked("eu-central-1")} == {"site-ap"}
            ),
            say=story.policies,
        )
        site.withdraw()
    assert story.policies() == []
    assert story.checks() == []
