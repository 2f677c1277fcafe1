"""Amazon's services in a world: found by the variables, counted, told when left over."""

import contextlib
import os
import shutil
import subprocess
import sys

import pytest

from localcloud.resolve import NoAnswerError, resolve
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from
from tests.localcloud.gce import until
from tests.localcloud.test_gke_workloads import deployment

boto3 = pytest.importorskip("boto3")

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def world():
    with running_world(WorldSpec(members=members_from("eks-us,eks-ap"))) as running:
        yield running


def test_amazons_clients_find_their_services_by_the_variables(world):
    """boto3 needs nothing but the variables; writes are counted and leftovers told."""
    code = (
        "import boto3\n"
        "client = boto3.client('route53')\n"
        "zone = client.list_hosted_zones()['HostedZones'][0]\n"
        "record = {'Name': 'a.' + zone['Name'], 'Type': 'A', 'TTL': 1,"
        " 'ResourceRecords': [{'Value': '192.0.2.1'}]}\n"
        "for action in ('CREATE', 'DELETE'):\n"
        "    batch = {'Changes': [{'Action': action, 'ResourceRecordSet': record}]}\n"
        "    client.change_resource_record_sets(HostedZoneId=zone['Id'], ChangeBatch=batch)\n"
        "    print(len(client.list_resource_record_sets(HostedZoneId=zone['Id'])"
        "['ResourceRecordSets']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **world.env()},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.stdout.split() == ["3", "2"], done.stderr
    counted = world.world.aws.calls.list()
    assert [(call.resource, call.count) for call in counted] == [("ResourceRecordSets", 2)]
    assert not any(world.control.leftovers()["records"])


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")
def test_dig_is_answered_by_place(world):
    """A latency group of the hosted zone, asked for from two regions by dig, with and without."""
    place, port = world.env()["LOCALCLOUD_DNS"].split(":")
    clients = [world.env()[f"LOCALCLOUD_CLIENT_{r}"] for r in ("US_EAST_1", "AP_SOUTHEAST_1")]
    records = [
        {
            "Name": "l.aws.example.com",
            "Type": "A",
            "TTL": 1,
            "ResourceRecords": [{"Value": f"192.0.2.{number}"}],
            "SetIdentifier": region,
            "Region": region,
        }
        for number, region in enumerate(("us-west-2", "ap-northeast-1"), start=1)
    ]

    def create(inside):
        zones = inside.aws.route53.zones
        (zone,) = zones.zones.values()
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": r} for r in records]}
        zones.change(zone, batch, lambda *_: "", lambda _check: True)

    def dig(*words):
        command = ["dig", "+short", f"@{place}", "-p", port, "l.aws.example.com", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
        return done.stdout.strip()

    world.run(create)
    until(dig, "the change to be in sync")
    assert [dig("-b", client) for client in clients] == ["192.0.2.1", "192.0.2.2"]
    assert [dig(f"+subnet={client}/32") for client in clients] == ["192.0.2.1", "192.0.2.2"]


def test_answers_leave_a_dead_cluster_by_health_checks_alone(world, monkeypatch):
    """Nobody writes a record: the checkers find the pods dead, and the answers move; and back."""
    for name, value in world.env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("route53")
    zone = client.list_hosted_zones()["HostedZones"][0]["Id"]
    pods = {}
    for cluster in ("eks-us", "eks-ap"):
        world.run(lambda w, c=cluster: w.cluster(c).kube.put(deployment(1), manager="user"))
        pods[cluster] = until(lambda c=cluster: address_of_a_pod(world, c), "a pod")
    changes = []
    for cluster, address in pods.items():
        config = {
            "Type": "HTTP",
            "IPAddress": address,
            "Port": 8080,
            "ResourcePath": "/healthz",
            "RequestInterval": 10,
            "FailureThreshold": 1,
        }
        check = client.create_health_check(CallerReference=cluster, HealthCheckConfig=config)
        record = {
            "Name": "pods.aws.example.com",
            "Type": "A",
            "SetIdentifier": cluster,
            "Weight": 1,
            "TTL": 1,
            "ResourceRecords": [{"Value": address}],
            "HealthCheckId": check["HealthCheck"]["Id"],
        }
        changes.append({"Action": "CREATE", "ResourceRecordSet": record})
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    writes = world.world.aws.calls.total()

    until(lambda: answered(world) == set(pods.values()), "both clusters to be answered")
    world.control.kill("eks-us")
    until(lambda: answered(world) == {pods["eks-ap"]}, "the dead cluster to be left")
    check = changes[0]["ResourceRecordSet"]["HealthCheckId"]
    seen = client.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]
    assert len(seen) == 8
    assert sum("Failure" in each["StatusReport"]["Status"] for each in seen) >= 7
    world.control.kill("eks-ap")
    until(lambda: answered(world) == set(pods.values()), "the last resort")
    world.control.revive("eks-us")
    until(lambda: answered(world) == {pods["eks-us"]}, "the revived cluster")
    assert world.world.aws.calls.total() == writes
    client.close()


def address_of_a_pod(world, cluster):
    """The address of the first ready pod, or None."""
    (found,) = [each for each in world.control.state()["clusters"] if each["name"] == cluster]
    return next((pod["address"] for pod in found["pods"] if pod["ready"]), None)


def answered(world, draws=40):
    """The distinct answers of many questions."""
    server = world.env()["LOCALCLOUD_DNS"]
    with contextlib.suppress(NoAnswerError):
        return {resolve(server, "pods.aws.example.com")[0] for _ in range(draws)}
    return set()
