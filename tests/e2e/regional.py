"""A site whose members answer themselves, read by boto3 and `dig`."""

import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from socket import inet_aton
from typing import Any

import boto3
import pytest
from dnslib import EDNS0, QTYPE, DNSHeader, DNSQuestion, DNSRecord, EDNSOption

from infra.demo import manifests as demo
from localcloud.world.spec import MemberSpec, WorldSpec, members_from
from tests.e2e.manifests import Manifest, ingress, namespace, workloads
from tests.e2e.site import CONFIG, Site, open_site
from tests.e2e.waiting import until

HOST = "shop.aws.example.com"
DOMAIN = "aws.example.com"
NEAR = {"us-east-1": "eks-us", "ap-southeast-1": "eks-ap"}
TWO = members_from("eks-us,eks-ap")
_CLIENT_SUBNET = 8
DIG = shutil.which("dig")


class Regions(Site):
    """The site; what Amazon has is read by boto3 only."""

    def aws(
        self, service: str, region: str = "us-east-1", *, key: tuple[str, str] | None = None
    ) -> Any:
        """A client of the account, or of the one that *key* (id and secret) is of."""
        known = self.env["AWS_ACCESS_KEY_ID"], self.env["AWS_SECRET_ACCESS_KEY"]
        endpoints = {
            "route53": "AWS_ENDPOINT_URL_ROUTE_53",
            "elbv2": "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
        }
        return boto3.client(
            service,
            endpoint_url=self.env[endpoints[service]],
            region_name=region,
            aws_access_key_id=(key or known)[0],
            aws_secret_access_key=(key or known)[1],
        )

    def hosted_zone(self) -> str:
        """The id of the account's one zone."""
        (found,) = self.aws("route53").list_hosted_zones()["HostedZones"]
        return str(found["Id"]).removeprefix("/hostedzone/")

    def record_sets(self) -> list[dict[str, Any]]:
        """Every record set of the zone but those at its apex."""
        pages = self.aws("route53").get_paginator("list_resource_record_sets")
        found = pages.paginate(HostedZoneId=self.hosted_zone()).build_full_result()
        return [each for each in found["ResourceRecordSets"] if each["Name"] != f"{DOMAIN}."]

    def weights(self) -> dict[str, dict[str, int]]:
        """Of every pool's A records: name -> cluster -> weight."""
        pools: dict[str, dict[str, int]] = {}
        for each in self.record_sets():
            if each["Name"].startswith("_p-") and each["Type"] == "A":
                pools.setdefault(each["Name"], {})[each["SetIdentifier"]] = each["Weight"]
        return pools

    def balancers(self, region: str) -> list[dict[str, Any]]:
        """The load balancers of a region."""
        return list(self.aws("elbv2", region).describe_load_balancers()["LoadBalancers"])

    def hostname(self) -> str:
        """The one host name in the source's status, or nothing."""
        found = self.source()
        entries = (found.status.load_balancer.ingress or ()) if found else ()
        return str(entries[0].hostname or "") if len(entries) == 1 else ""

    def dig(self, name: str, subnet: str = "") -> list[str]:
        """What `dig` prints for the A records, asked for a client of *subnet*."""
        host, _, port = self.env["LOCALCLOUD_DNS"].rpartition(":")
        words = [str(DIG), "+short", "+time=5", f"@{host}", "-p", port]
        words += [f"+subnet={subnet}/32"] if subnet else []
        done = subprocess.run(
            [*words, name, "A"], capture_output=True, text=True, timeout=30, check=True
        )
        return [line for line in done.stdout.split() if line.replace(".", "").isdigit()]

    def asked(self, name: str, subnet: str) -> frozenset[str]:
        """The A records of *name*, for a resolver that asks on behalf of one client (RFC 7871)."""
        host, _, port = self.env["LOCALCLOUD_DNS"].rpartition(":")
        option = EDNSOption(_CLIENT_SUBNET, struct.pack("!HBB", 1, 32, 0) + inet_aton(subnet))
        question = DNSRecord(DNSHeader(rd=1), q=DNSQuestion(name, QTYPE.A))
        question.add_ar(EDNS0(udp_len=1232, opts=[option]))
        reply = DNSRecord.parse(question.send(host, int(port), timeout=5))
        return frozenset(str(row.rdata) for row in reply.rr if row.rtype == QTYPE.A)

    def client(self, region: str) -> str:
        """The address of clients in a region."""
        return self.env[f"LOCALCLOUD_CLIENT_{region.upper().replace('-', '_')}"]


def policy(zone: str) -> Manifest:
    """The demo's, for that zone."""
    made = demo.policy_of_aws()
    made["spec"]["dns"]["zones"][0]["name"] = zone
    made["spec"]["deletion"] = {"graceSeconds": 5, "drainSeconds": 1}
    return made


def shop(**metadata: Any) -> Manifest:
    """The shop's Ingress, in the hosted zone."""
    return ingress(host=HOST, **metadata)


@contextmanager
def open_regions(members: tuple[MemberSpec, ...] = TWO) -> Iterator[Regions]:
    """EKS *members*, with the shop's pods, class and policy."""
    spec = WorldSpec(members=members, operation_seconds=0.05)
    with open_site(spec, kind=Regions) as site, pytest.MonkeyPatch.context() as patch:
        assert isinstance(site, Regions)
        for variable in (name for name in site.env if name.startswith("AWS_")):
            patch.setenv(variable, site.env[variable])  # boto3's own, for the home in this process
        for member in site.members:
            site.apply(member, *workloads())
        site.apply(CONFIG, namespace(), policy(site.hosted_zone()), demo.ingress_class())
        yield site


def answering(site: Regions, region: str, paths: tuple[str, ...] = ("/", "/api")) -> set[Any]:
    """Status and cluster of the answers that clients of *region* get, by DNS."""
    visitor = site.visitor(region)
    pages = [visitor.get(HOST, at) for at in paths]
    return {(page.status, page.cluster) for page in pages}


def until_near(site: Regions) -> None:
    """Wait until clients of each region are served by the member there."""
    for region, member in NEAR.items():
        until(
            f"{member} to serve {region}",
            lambda region=region, member=member: answering(site, region) == {(200, member)},
            say=lambda: (site.conditions(), site.table(), site.weights()),
        )
