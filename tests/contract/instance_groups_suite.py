"""What each implementation of `LoadBalancers` must do with instance groups."""

from dataclasses import replace

import pytest

from fedingress.domain.errors import Conflict, InUse, Invalid, Unsupported
from fedingress.domain.graph import GlobalResource, InstanceGroupRef, Kind
from tests.contract.load_balancers_lab import (
    GUARD,
    PROJECT,
    ZONES,
    Fenced,
    Lab,
    backend,
    health_check,
    neg,
    service,
)

REF = InstanceGroupRef(project=PROJECT, zone=ZONES[0], name="k8s-ig--0123456789abcdef")
PORT = 31234
OURS = {"name": f"port{PORT}", "port": PORT}
THEIRS = {"name": "theirs", "port": 8080}


def by_rate(ref=REF, **fields):
    """A backend of that group by requests."""
    entry = {"group": ref.path, "balancingMode": "RATE", "maxRatePerInstance": 1e14}
    return {**entry, "capacityScaler": 1, **fields}


def by_use(ref=REF):
    """A backend of that group by utilisation."""
    entry = {"group": ref.path, "balancingMode": "UTILIZATION", "maxUtilization": 0.8}
    return {**entry, "capacityScaler": 1}


def leading(*backends, name="bs"):
    """A backend service of instance groups."""
    return service(name=name, portName=OURS["name"], backends=list(backends))


class InstanceGroupsContract:
    """Inherited beside the rest of the contract; `lab` is a fixture of the implementation."""

    @pytest.fixture
    def group(self, lab: Lab) -> GlobalResource:
        """An instance group of two nodes."""
        lab.cloud.add_instance_group(REF.zone, REF.name, PORT, nodes=2, healthy=1)
        return seen(lab)

    def test_a_group_is_observed_with_its_zone_and_nothing_but_its_ports(self, group):
        """Whatever zone it is in; it carries no mark."""
        assert (group.path, group.zone, group.mark) == (REF.path, REF.zone, None)
        assert dict(group.spec) == {"namedPorts": []}
        assert group.version

    def test_groups_are_found_by_the_beginning_of_their_names(self, lab, group):
        """As other resources are."""
        see = lab.port.observe
        assert see(PROJECT, [Kind.INSTANCE_GROUP], "k8s-ig--0123") == [group]
        assert see(PROJECT, [Kind.INSTANCE_GROUP], "k8s-ig--9") == []

    def test_named_ports_are_written_as_a_whole(self, lab, group):
        """Those that are left out are gone; the last one can go, too."""
        now = named(lab, group, THEIRS, OURS)
        assert list(now.spec["namedPorts"]) == [THEIRS, OURS]
        now = named(lab, now, THEIRS)
        assert list(now.spec["namedPorts"]) == [THEIRS]
        assert list(named(lab, now).spec["namedPorts"]) == []

    def test_what_changed_meanwhile_is_not_written_over(self, lab, group):
        """Somebody else has named a port since."""
        named(lab, group, THEIRS)
        with pytest.raises(Conflict):
            lab.port.update(group, respecified(group, OURS), GUARD)
        assert list(seen(lab).spec["namedPorts"]) == [THEIRS]

    def test_nothing_is_written_where_nothing_differs(self, lab, group):
        """The second time costs no call."""
        now, writes = named(lab, group, OURS), lab.cloud.writes()
        assert lab.port.update(now, respecified(now, OURS), GUARD) is None
        assert lab.cloud.writes() == writes

    def test_a_lost_lease_writes_nothing(self, lab, group):
        """The guard is asked before."""
        with pytest.raises(Exception, match="left"):
            lab.port.update(group, respecified(group, OURS), Fenced())
        assert seen(lab) == group

    def test_a_group_is_neither_made_nor_deleted(self, lab, group):
        """It belongs to its cluster."""
        with pytest.raises(Unsupported):
            lab.port.create(replace(group, name="k8s-ig--new"), GUARD)
        with pytest.raises(Unsupported):
            lab.port.delete(group, GUARD)
        assert seen(lab) == group

    def test_a_backend_service_leads_to_its_nodes(self, lab, group):
        """Each node is asked at the named port."""
        named(lab, group, OURS)
        lab.create(health_check())
        made = lab.create(leading(by_rate()))
        assert made.spec["portName"] == OURS["name"]
        (found,) = lab.port.health(made, [REF])
        assert (found.neg, found.endpoints, found.healthy) == (REF, 2, 1)

    def test_groups_of_both_kinds_do_not_go_together(self, lab, group):
        """Nor does a rate of the other kind."""
        lab.cloud.add_neg(ZONES[0], "n-1", 1, 1)
        lab.create(health_check())
        rate = {"maxRatePerInstance": None, "maxRatePerEndpoint": 5}
        wrong = {k: v for k, v in {**by_rate(), **rate}.items() if v is not None}
        for backends in ((by_rate(), backend(neg("n-1"))), (wrong,)):
            with pytest.raises(Invalid):
                lab.create(leading(*backends))

    def test_a_group_has_one_balancing_mode(self, lab, group):
        """Whatever backend service refers to it; it passes when the other one lets go."""
        for item in (health_check(), leading(by_rate())):
            lab.create(item)
        other = leading(by_use(), name="bs-2")
        with pytest.raises(InUse, match="incompatible balancing_mode"):
            lab.create(other)
        lab.update(lab.see(leading()), leading())
        lab.create(other)


def seen(lab: Lab) -> GlobalResource:
    """The group as it is observed."""
    (found,) = lab.port.observe(PROJECT, [Kind.INSTANCE_GROUP], REF.name)
    return found


def respecified(group: GlobalResource, *ports: dict[str, object]) -> GlobalResource:
    """*group* with these named ports."""
    return replace(group, spec={"namedPorts": list(ports)})


def named(lab: Lab, group: GlobalResource, *ports: dict[str, object]) -> GlobalResource:
    """Give a group these named ports; as observed afterwards."""
    operation = lab.port.update(group, respecified(group, *ports), GUARD)
    lab.finish(operation)
    return seen(lab)
