"""Hosts in the zones of two AWS accounts: served, told apart, mended, and gone without a trace."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fedingress.domain.work import REPAIR, Work
from infra.demo import manifests as demo
from localcloud.iam.identities import role_arn
from localcloud.world.amazon import DNS_ROLE
from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.manifests import ingress, namespace, path, workloads
from tests.e2e.regional import HOST, NEAR, Regions, policy
from tests.e2e.site import CONFIG, open_site
from tests.e2e.waiting import holds, until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

THEIRS = "222222222222"
THEIR_HOST = "shop.net.example.com"
ROLE = role_arn(DNS_ROLE, THEIRS)


class Accounts(Regions):
    """The site; what the other account has is read as someone of that account."""

    def theirs(self):
        """A client of the other account's Route 53."""
        key = self.world.run(lambda world: world.identities.key(role_arn("reader", THEIRS)))
        return self.aws("route53", key=(key.key_id, key.secret))

    def their_zone(self):
        """The id of its one zone."""
        (found,) = self.theirs().list_hosted_zones()["HostedZones"]
        return found["Id"].removeprefix("/hostedzone/")

    def checks(self, client):
        """Ids of an account's health checks."""
        return {each["Id"] for each in client.list_health_checks()["HealthChecks"]}

    def named(self, client, zone):
        """Ids of the health checks that a zone's records name."""
        found = client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return {each["HealthCheckId"] for each in found if "HealthCheckId" in each}

    def answers(self, host):
        """Addresses that a client in Virginia gets."""
        return self.asked(host, self.client("us-east-1"))


@pytest.fixture(scope="module")
def site():
    """Two members, a zone in our account and one in another's, and a policy that names both."""
    spec = WorldSpec(
        members=members_from("eks-us,eks-ap"),
        operation_seconds=0.05,
        accounts=((THEIRS, "net.example.com."),),
    )
    with open_site(spec, kind=Accounts) as made, pytest.MonkeyPatch.context() as patch:
        for variable in (name for name in made.env if name.startswith("AWS_")):
            patch.setenv(variable, made.env[variable])
        for member in made.members:
            made.apply(member, *workloads())
        wanted = policy(made.hosted_zone())
        wanted["spec"]["dns"]["healthCheck"] = {"protocol": "TCP", "intervalSeconds": 10}
        wanted["spec"]["dns"]["zones"].append(
            {
                "provider": "route53",
                "account": THEIRS,
                "name": made.their_zone(),
                "domain": "net.example.com",
            }
        )
        made.apply(CONFIG, namespace(), wanted, demo.ingress_class())
        yield made


def shop(*more):
    """The shop under a host of each zone."""
    made = ingress(host=HOST)
    for host in (THEIR_HOST, *more):
        made["spec"]["rules"].append({"host": host, "http": {"paths": [path("/", "web")]}})
    return made


def trust(site, *callers):
    """Let these assume the role in the other account, and nobody else."""

    def change(world):
        world.identities.trust[ROLE] = frozenset(callers)
        world.identities.revoke(ROLE)

    site.world.run(change)


def why(site, host, **settings):
    """What `fedingress why` prints."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "fedingress"), "why", host],
        env={**os.environ, **site.env, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def until_repaired(home, site, what, look):
    """Wait for *look*, with a repair of the other account's zone each second: none backs off."""
    unit, due = f"route53:{THEIRS}/{site.their_zone()}", [0.0]

    def looked():
        if time.monotonic() >= due[0]:
            due[0] = time.monotonic() + 1.0
            home.home.bus.publish([Work(concern="dns", unit=unit, cause=REPAIR)])
        return look()

    until(what, looked, say=site.conditions)


def test_two_accounts_are_served_told_apart_and_left_clean(site, tmp_path):
    """Checks in each, the trust withdrawn and given back, and a deletion that leaves nothing."""
    ours, theirs, zone = site.aws("route53"), site.theirs(), site.their_zone()
    (caller,) = site.world.run(lambda world: world.identities.trust[ROLE])
    with embedded(site, tmp_path / "store.sqlite") as home:
        site.apply(CONFIG, shop())
        for host in (HOST, THEIR_HOST):
            until(
                f"an answer for {host}", lambda host=host: site.answers(host), say=site.conditions
            )
        until(
            "everything to be published",
            lambda: site.verdicts().get("Published") == "True",
            say=site.conditions,
        )

        def apart():
            here, there = site.checks(ours), site.checks(theirs)
            return (
                len(here) == len(there) == len(NEAR)
                and site.named(ours, site.hosted_zone()) == here
                and site.named(theirs, zone) == there
            )

        until(
            "health checks in each account, named by its own records",
            apart,
            say=lambda: (site.checks(ours), site.checks(theirs)),
        )
        assert site.checks(ours).isdisjoint(site.checks(theirs))
        assert why(site, THEIR_HOST).startswith(f"route53:{THEIRS}/{zone}\n  {THEIR_HOST} ")

        trust(site)  # withdrawn
        second, lost = "second.aws.example.com", "second.net.example.com"
        site.apply(CONFIG, shop(second, lost))
        until("the new host of our zone", lambda: site.answers(second), say=site.conditions)
        until_repaired(
            home,
            site,
            "the condition to say which trust is missing",
            lambda: all(
                word in site.conditions()["Published"]["message"]
                for word in (lost, "trust policy", ROLE)
            ),
        )
        assert "lab-external-id" not in str(site.conditions())
        until("the old host of their zone", lambda: site.answers(THEIR_HOST))
        assert not site.answers(lost)

        trust(site, caller)  # given back
        until_repaired(home, site, "the host that waited", lambda: site.answers(lost))
        until_repaired(
            home,
            site,
            "everything to be published again",
            lambda: site.verdicts().get("Published") == "True",
        )

        site.delete()
        until_repaired(home, site, "nothing to be left", lambda: not site.leftovers())
    assert holds(lambda: not site.checks(ours) | site.checks(theirs), seconds=1)


def test_an_account_without_a_role_is_told_and_keeps_nobody_waiting(site, tmp_path):
    """Its hosts name the zone, the account and the setting; our own zone is served."""
    ours = site.aws("route53")
    with embedded(site, tmp_path / "store.sqlite", aws_roles=""):
        site.apply(CONFIG, shop())
        until("an answer in our zone", lambda: site.answers(HOST), say=site.conditions)
        until(
            "the condition to say which setting is missing",
            lambda: all(
                word in site.conditions()["Published"]["message"]
                for word in (THEIRS, site.their_zone(), "FEDINGRESS_AWS_ROLES")
            ),
            say=site.conditions,
        )
        assert site.checks(ours)
        assert not site.answers(THEIR_HOST)
        told = why(site, THEIR_HOST, FEDINGRESS_AWS_ROLES="")
        assert told.startswith(f"route53:{THEIRS}/{site.their_zone()}\n  not to be seen: ")
        assert f"{THEIRS}={ROLE.rpartition('/')[0]}/NAME" in told
    with embedded(site, tmp_path / "store.sqlite") as home:
        site.delete()
        until_repaired(home, site, "nothing to be left", lambda: not site.leftovers())
    assert site.checks(ours) == set()
