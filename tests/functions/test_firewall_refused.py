"""A shared VPC whose host project does not let us open its firewall: told, with what to run."""

import pytest

from fedingress.domain.errors import Forbidden
from fedingress.domain.graph import Kind
from tests.functions.test_life import conditions
from tests.functions.world import World, ingress_manifest, member

SHARED = "projects/host-1/global/networks/shared"
UNIT = "firewall:host-1/shared"


@pytest.fixture
def world():
    """Two members, one in a network of the load balancer's project, one in a shared one."""
    made = World((member("gke-us"), member("gke-eu", region="europe-west1", network=SHARED)))

    def fault(moment, verb, label):
        if moment == "before" and label.startswith("host-1: firewalls") and made.closed:
            raise Forbidden("Required 'compute.firewalls.create' permission for host-1")

    made.closed = True
    made.load_balancers.fault = fault
    made.install()
    made.submit(ingress_manifest())
    made.settle()
    return made


def rules(world):
    """The projects in which there is a rule of ours."""
    found = (world.load_balancers.observe(name, (Kind.FIREWALL,), "") for name in ("lab", "host-1"))
    return [item.project for items in found for item in items]


def test_the_command_to_run_stands_in_the_condition(world):
    """The load balancer stands; Degraded names network, refusal and command."""
    degraded = conditions(world)["Degraded"]

    assert conditions(world)["Programmed"]["status"] == "True"
    assert (degraded["status"], degraded["reason"]) == ("True", "FirewallForbidden")
    assert "network shared" in degraded["message"]
    assert "compute.firewalls.create" in degraded["message"]
    assert "run: gcloud compute firewall-rules create fedingress-" in degraded["message"]
    assert "--project=host-1" in degraded["message"]
    assert rules(world) == ["lab"]


def test_the_condition_goes_once_the_firewall_is_open(world):
    """Granted or done by hand: the next look finds the rule, or makes it."""
    world.closed = False
    world.tell("backends", UNIT, "repair")
    world.settle()

    assert conditions(world)["Degraded"]["status"] == "False"
    assert rules(world) == ["lab", "host-1"]


def test_it_is_told_once(world):
    """Looking again and again says nothing new."""
    mark = world.mark()
    for _ in range(3):
        world.tell("backends", UNIT, "repair")
        world.settle()

    assert world.since(mark) == []
