"""Amazon's services in a world: found by the variables, counted, told when left over."""

import os
import subprocess
import sys

import pytest

from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from

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
