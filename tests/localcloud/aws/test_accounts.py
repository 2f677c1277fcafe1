"""
Several accounts behind one URL, by boto3: each has zones, checks, metrics and an allowance.

Sources: Route 53 Developer Guide, "Quotas" (per account); API reference, GetHostedZone
(NoSuchHostedZone for a zone of another account), ChangeResourceRecordSets.
"""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.aws.route53.health_checks import MOST_CHECKS
from localcloud.aws.wire.errors import AwsError
from localcloud.iam.errors import StsError
from localcloud.iam.identities import Identities, role_arn
from tests.localcloud.aws.lab import running_lab

pytestmark = pytest.mark.wire

OURS, THEIRS = "000000000000", "222222222222"
CHECK = {"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80}


class Accounts:
    """A lab whose keys lead to accounts, and boto3 in front of it."""

    def __init__(self, lab):
        self.lab, self.identities = lab, Identities()
        lab.cloud.who = self._who
        self._clients = []

    def _who(self, key_id, token):
        try:
            return self.identities.account(key_id, token)
        except StsError as refused:
            raise AwsError(refused.code, refused.message, refused.status) from refused

    def client(self, service, account, lifetime_seconds=0.0):
        key = self.identities.key(role_arn("r", account), lifetime_seconds=lifetime_seconds)
        found = boto3.Session(key.key_id, key.secret, key.session_token or None).client(
            service,
            endpoint_url=self.lab.url,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )
        self._clients.append(found)
        return found

    def close(self):
        for each in self._clients:
            each.close()


@pytest.fixture(params=[{}])
def accounts(request):
    """Accounts without a limit, unless a test asks for one."""
    with running_lab(**request.param) as lab:
        made = Accounts(lab)
        yield made
        made.close()


def refusal(call):
    """Code of a refusal."""
    with pytest.raises(ClientError) as refused:
        call()
    return refused.value.response["Error"]["Code"]


def test_zones_and_checks_of_one_account_are_unknown_in_another(accounts):
    """By id and in lists; names and references may be used in both."""
    ours, theirs = (accounts.client("route53", each) for each in (OURS, THEIRS))
    zones = [
        each.create_hosted_zone(Name="example.com", CallerReference="z")["HostedZone"]["Id"]
        for each in (ours, theirs)
    ]
    checks = [
        each.create_health_check(CallerReference="c", HealthCheckConfig=CHECK)["HealthCheck"]["Id"]
        for each in (ours, theirs)
    ]

    assert [len(each.list_hosted_zones()["HostedZones"]) for each in (ours, theirs)] == [1, 1]
    assert refusal(lambda: ours.get_hosted_zone(Id=zones[1])) == "NoSuchHostedZone"
    assert refusal(lambda: ours.get_health_check(HealthCheckId=checks[1])) == "NoSuchHealthCheck"
    assert refusal(lambda: ours.delete_health_check(HealthCheckId=checks[1])) == "NoSuchHealthCheck"
    theirs.get_health_check(HealthCheckId=checks[1])


@pytest.mark.parametrize("accounts", [{"requests_per_second": 5.0}], indirect=True)
def test_each_account_has_an_allowance_of_its_own(accounts):
    """Five requests a second; a throttled account throttles no other one."""
    ours, theirs = (accounts.client("route53", each) for each in (OURS, THEIRS))

    def until_throttled():
        for _ in range(50):
            ours.get_hosted_zone_count()

    assert refusal(until_throttled) == "Throttling"
    assert theirs.get_hosted_zone_count()["HostedZoneCount"] == 0


def test_each_account_has_a_quota_of_its_own(accounts):
    """Health checks of one do not count in the other."""
    for number in range(MOST_CHECKS):
        given = {"CallerReference": str(number), "HealthCheckConfig": CHECK}
        accounts.lab.run(lambda given=given: accounts.lab.cloud.route53.checks.create(given))
    asked = {"CallerReference": "more", "HealthCheckConfig": CHECK}

    ours, theirs = (accounts.client("route53", each) for each in (OURS, THEIRS))
    assert refusal(lambda: ours.create_health_check(**asked)) == "TooManyHealthChecks"
    theirs.create_health_check(**asked)


def test_a_revoked_session_is_refused_by_every_service(accounts):
    """Route 53 and CloudWatch alike; a session that comes later is good."""
    role = role_arn("r", THEIRS)
    old = accounts.client("route53", THEIRS, lifetime_seconds=900.0)
    assert old.list_hosted_zones()["HostedZones"] == []

    metrics = accounts.client("cloudwatch", THEIRS, lifetime_seconds=900.0)
    asked = {"MetricDataQueries": [], "StartTime": 0, "EndTime": 60}
    assert metrics.get_metric_data(**asked)["MetricDataResults"] == []

    accounts.identities.revoke(role)
    assert refusal(lambda: metrics.get_metric_data(**asked)) == "AccessDenied"
    assert refusal(old.list_hosted_zones) == "AccessDenied"
    assert accounts.client("route53", THEIRS, lifetime_seconds=900.0).list_hosted_zones()
