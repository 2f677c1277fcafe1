"""
Conformance of Route 53's hosted zones, health checks and limits, by boto3.

Sources: Route 53 API reference and Developer Guide ("Quotas").
"""

import threading
import urllib.error
import urllib.request

import pytest

from localcloud.faults import Fault
from tests.localcloud.aws.conftest import ZoneOf
from tests.localcloud.aws.lab import running_lab
from tests.localcloud.aws.records import simple

pytestmark = pytest.mark.wire

HTTP = {"Type": "HTTP", "IPAddress": "192.0.2.1", "ResourcePath": "/healthz"}


def test_a_zone_is_made_found_and_deleted(route53, zone):
    """Four name servers, an id with its prefix; a zone with records in it stays."""
    assert len(zone.made["DelegationSet"]["NameServers"]) == 4
    assert zone.made["ChangeInfo"]["Status"] == "PENDING"
    found = route53.get_hosted_zone(Id=zone.id)["HostedZone"]
    assert (found["Name"], found["ResourceRecordSetCount"]) == ("example.com.", 2)
    assert found["Config"] == {"PrivateZone": False}
    zone.create(simple("x.example.com", "192.0.2.1"))
    with pytest.raises(route53.exceptions.HostedZoneNotEmpty):
        route53.delete_hosted_zone(Id=zone.id)
    zone.change(("DELETE", simple("x.example.com", "192.0.2.1")))
    route53.delete_hosted_zone(Id=zone.id)
    with pytest.raises(route53.exceptions.NoSuchHostedZone, match="No hosted zone found with ID"):
        zone.listed()


def test_caller_references_of_zones_are_unique(route53, zone):
    """A repeated request is told from a new one by it."""
    reference = zone.made["HostedZone"]["CallerReference"]
    with pytest.raises(route53.exceptions.HostedZoneAlreadyExists):
        route53.create_hosted_zone(Name="example.net", CallerReference=reference)
    with pytest.raises(route53.exceptions.InvalidDomainName):
        route53.create_hosted_zone(Name="a..b", CallerReference="bad")


def test_private_zones_belong_to_vpcs():
    """A zone made with a VPC is private, and takes more VPCs."""
    with running_lab() as lab:
        client = lab.client("route53")
        vpc = {"VPCRegion": "us-east-1", "VPCId": "vpc-1"}
        made = client.create_hosted_zone(Name="corp.example", CallerReference="p", VPC=vpc)
        zone_id = made["HostedZone"]["Id"]
        assert made["HostedZone"]["Config"]["PrivateZone"] is True
        assert made["VPC"] == vpc
        assert "DelegationSet" not in made
        more = {"VPCRegion": "eu-west-1", "VPCId": "vpc-2"}
        client.associate_vpc_with_hosted_zone(HostedZoneId=zone_id, VPC=more)
        assert client.get_hosted_zone(Id=zone_id)["VPCs"] == [vpc, more]
        public = client.create_hosted_zone(Name="example.com", CallerReference="q")
        with pytest.raises(client.exceptions.PublicZoneVPCAssociation):
            client.associate_vpc_with_hosted_zone(HostedZoneId=public["HostedZone"]["Id"], VPC=more)


def test_zones_are_listed_in_pages_and_by_name():
    """By id with markers, by name with labels from the last to the first."""
    with running_lab() as lab:
        client = lab.client("route53")
        names = ["b.example.com.", "a.example.org.", "example.com.", "a.example.com."]
        for name in names:
            client.create_hosted_zone(Name=name, CallerReference=name)
        pages = client.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 3})
        assert sorted(z["Name"] for page in pages for z in page["HostedZones"]) == sorted(names)
        by_name = client.list_hosted_zones_by_name(MaxItems="3")
        assert [z["Name"] for z in by_name["HostedZones"]] == [
            "example.com.",
            "a.example.com.",
            "b.example.com.",
        ]
        assert by_name["NextDNSName"] == "a.example.org."
        start = client.list_hosted_zones_by_name(DNSName="b.example.com")
        assert [z["Name"] for z in start["HostedZones"]] == ["b.example.com.", "a.example.org."]
        assert client.get_hosted_zone_count()["HostedZoneCount"] == 4


def test_a_caller_reference_makes_a_health_check_once(route53):
    """The same request gives the same check; another one, or one after deletion, is refused."""
    make = route53.create_health_check
    made = make(CallerReference="fi:1", HealthCheckConfig=HTTP)["HealthCheck"]
    again = make(CallerReference="fi:1", HealthCheckConfig=HTTP)["HealthCheck"]
    assert made["Id"] == again["Id"]
    with pytest.raises(route53.exceptions.HealthCheckAlreadyExists):
        make(CallerReference="fi:1", HealthCheckConfig={**HTTP, "Port": 81})
    route53.delete_health_check(HealthCheckId=made["Id"])
    with pytest.raises(route53.exceptions.HealthCheckAlreadyExists):
        make(CallerReference="fi:1", HealthCheckConfig=HTTP)
    with pytest.raises(route53.exceptions.NoSuchHealthCheck):
        route53.delete_health_check(HealthCheckId=made["Id"])


def test_defaults_of_a_health_check(route53):
    """Interval 30, threshold 3, the port of the type; SNI for HTTPS."""
    made = route53.create_health_check(
        CallerReference="defaults",
        HealthCheckConfig={"Type": "HTTPS", "FullyQualifiedDomainName": "x.example.com"},
    )
    config = made["HealthCheck"]["HealthCheckConfig"]
    assert (config["RequestInterval"], config["FailureThreshold"], config["Port"]) == (30, 3, 443)
    assert (config["Inverted"], config["Disabled"], config["EnableSNI"]) == (False, False, True)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"Type": "HTTP"}, "IPAddress and FullyQualifiedDomainName"),
        ({"Type": "TCP", "IPAddress": "192.0.2.1"}, "Port is required"),
        ({**HTTP, "RequestInterval": 20}, "10 or 30"),
        ({**HTTP, "Regions": ["us-east-1", "us-west-1", "us-east-1"]}, "at least 3"),
        ({**HTTP, "SearchString": "ok"}, "STR_MATCH"),
        ({**HTTP, "FailureThreshold": 11}, "less than or equal to 10"),
        ({"Type": "CALCULATED", "ChildHealthChecks": []}, "HealthThreshold is required"),
        (
            {"Type": "CALCULATED", "HealthThreshold": 1, "ChildHealthChecks": ["x"]},
            "no health check x",
        ),
        ({"Type": "RECOVERY_CONTROL"}, "RECOVERY_CONTROL"),
    ],
)
def test_unsound_health_checks_are_refused(route53, config, reason):
    """InvalidInput with the reason (API reference, HealthCheckConfig)."""
    with pytest.raises(route53.exceptions.InvalidInput, match=reason):
        route53.create_health_check(CallerReference=reason[:64], HealthCheckConfig=config)


def test_updates_are_guarded_by_version(route53):
    """Each update raises the version; an update for another version is refused."""
    made = route53.create_health_check(CallerReference="v", HealthCheckConfig=HTTP)["HealthCheck"]
    update = route53.update_health_check
    assert made["HealthCheckVersion"] == 1
    changed = update(HealthCheckId=made["Id"], HealthCheckVersion=1, Disabled=True, Inverted=True)[
        "HealthCheck"
    ]
    assert changed["HealthCheckVersion"] == 2
    assert changed["HealthCheckConfig"]["ResourcePath"] == "/healthz"
    assert changed["HealthCheckConfig"]["Disabled"]
    with pytest.raises(route53.exceptions.HealthCheckVersionMismatch):
        update(HealthCheckId=made["Id"], HealthCheckVersion=1, Port=81)
    reset = update(HealthCheckId=made["Id"], ResetElements=["ResourcePath"])["HealthCheck"]
    assert "ResourcePath" not in reset["HealthCheckConfig"]


def test_health_checks_are_counted_and_paged():
    """200 per account (Developer Guide, "Quotas"), 100 a page."""
    with running_lab() as lab:
        client = lab.client("route53")
        for number in range(200):
            client.create_health_check(CallerReference=f"n{number}", HealthCheckConfig=HTTP)
        with pytest.raises(client.exceptions.TooManyHealthChecks):
            client.create_health_check(CallerReference="more", HealthCheckConfig=HTTP)
        assert client.get_health_check_count()["HealthCheckCount"] == 200
        pages = list(client.get_paginator("list_health_checks").paginate())
        assert [len(page["HealthChecks"]) for page in pages] == [100, 100]


def test_tags_of_zones_and_health_checks(route53, zone):
    """Tags are added, replaced, removed, and read for several resources at once."""
    bare = zone.id.rpartition("/")[2]
    change = route53.change_tags_for_resource
    add = [{"Key": "owner", "Value": "lab"}, {"Key": "old", "Value": "1"}]
    change(ResourceType="hostedzone", ResourceId=bare, AddTags=add)
    change(ResourceType="hostedzone", ResourceId=bare, RemoveTagKeys=["old"])
    read = route53.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[bare])
    assert read["ResourceTagSets"][0]["Tags"] == [{"Key": "owner", "Value": "lab"}]
    with pytest.raises(route53.exceptions.NoSuchHealthCheck):
        route53.list_tags_for_resource(ResourceType="healthcheck", ResourceId="none")


def test_five_requests_a_second(clock):
    """All of Route 53 together, reads too: then Throttling (Developer Guide, "Quotas")."""
    with running_lab(clock=clock, requests_per_second=5.0) as lab:
        client = lab.client("route53")
        for _ in range(5):
            client.list_hosted_zones()
        with pytest.raises(client.exceptions.ClientError, match="Rate exceeded") as throttled:
            client.get_hosted_zone_count()
        assert throttled.value.response["Error"]["Code"] == "Throttling"
        assert throttled.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        clock.now += 0.2
        client.get_hosted_zone_count()


def test_a_zone_takes_one_change_at_a_time():
    """PriorRequestNotComplete while it is busy; another zone is not."""
    with running_lab(processing_seconds=0.5) as lab:
        client = lab.client("route53")
        one, other = ZoneOf(client), ZoneOf(client)
        first = threading.Thread(target=one.create, args=(simple("x.example.com", "192.0.2.1"),))
        first.start()
        busy = lab.cloud.route53.zones.zone(one.id)
        while not busy.busy:
            first.join(0.01)
        code, _ = one.refused(("CREATE", simple("y.example.com", "192.0.2.1")))
        assert code == "PriorRequestNotComplete"
        other.create(simple("y.example.com", "192.0.2.1"))
        first.join()
        one.create(simple("y.example.com", "192.0.2.1"))


def test_faults_speak_as_the_service_does(route53, lab, zone):
    """An injected status is an error of the service; a lost reply leaves its effect."""
    lab.cloud.faults.add(Fault(path="rrset", status=400))
    code, _ = zone.refused(("CREATE", simple("x.example.com", "192.0.2.1")))
    assert code == "Throttling"
    lab.cloud.faults.add(Fault(path="rrset", method="POST", abort_after=True))
    with pytest.raises(Exception, match=r"[Cc]onnection"):
        zone.create(simple("x.example.com", "192.0.2.1"))
    assert len(zone.listed()) == 1


def test_requests_without_a_signature_are_refused(lab):
    """MissingAuthenticationToken; a signature is read for its service, not verified."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{lab.url}/2013-04-01/hostedzone", timeout=5)
    assert refused.value.code == 403
    assert b"MissingAuthenticationToken" in refused.value.read()
    refused.value.close()


def test_writes_are_counted_and_reads_are_not(clock):
    """So that a test can ask what one event cost."""
    with running_lab() as lab:
        zone = ZoneOf(lab.client("route53"))
        zone.listed()
        zone.create(simple("x.example.com", "192.0.2.1"))
        zone.refused(("CREATE", simple("x.example.com", "192.0.2.1")))
        counted = [(call.verb, call.resource, call.count) for call in lab.cloud.calls.list()]
        assert counted == [("change", "ResourceRecordSets", 1), ("create", "HostedZone", 1)]
