"""Named ports of instance groups: ours beside those of others."""

from fedingress.domain.graph import GlobalResource, Kind
from fedingress.planning import named_ports
from tests.planning.nodes import entry, group, instances, ref
from tests.planning.test_backends import PORTS, wish

A, B = ref("a").path, ref("b").path
THEIRS = ("theirs", 8080)


def ports(update):
    """What an update writes, as pairs."""
    return [(port["name"], port["port"]) for port in update.desired.spec["namedPorts"]]


def service(*backends, port="port31000"):
    """A backend service, of whomever."""
    spec = {"portName": port, "backends": list(backends)}
    return GlobalResource(kind=Kind.BACKEND_SERVICE, project="p", name="bs", spec=spec)


def test_only_instance_groups_need_names():
    """A NEG has its ports itself."""
    groups = (*wish(1).groups, group("a"), group("a", PORTS[1]))
    assert named_ports.wanted(groups) == {(A, 31000), (A, 31001)}


def test_names_are_added_to_those_of_others():
    """One update for each group that lacks some; what stands is written again as it is."""
    uses = frozenset({(A, 31000), (A, 31001), (B, 31000)})
    seen = [instances("a", THEIRS, 31001), instances("b", 31000), instances("c")]
    (update,) = named_ports.additions(uses, seen)

    assert ports(update) == [THEIRS, ("port31001", 31001), ("port31000", 31000)]
    assert (update.fields, update.why) == (("namedPorts",), "names 31000")
    assert update.observed == seen[0]


def test_our_number_under_another_name_is_named_by_us_too():
    """A backend service asks for the name, not for the number."""
    (update,) = named_ports.additions(frozenset({(A, 31000)}), [instances("a", ("web", 31000))])
    assert ports(update) == [("web", 31000), ("port31000", 31000)]


NOTED = frozenset({(A, 31000), (A, 31001)})


def test_a_name_goes_when_nobody_uses_it():
    """Those of others and those in use stay."""
    seen = [instances("a", THEIRS, 31000, 31001, 31002)]
    (update,) = named_ports.removals(NOTED, frozenset({(A, 31001)}), seen, [])

    assert ports(update) == [THEIRS, ("port31001", 31001), ("port31002", 31002)]
    assert update.why == "no longer names 31000"


def test_a_name_that_some_backend_service_still_uses_stays():
    """Whosever it is; one of another group or another port does not hold it."""
    seen, nobody = [instances("a", 31000)], frozenset()
    assert named_ports.removals(NOTED, nobody, seen, [service(entry("a"))]) == ()
    for other in (service(entry("b")), service(entry("a"), port="port31009"), service(), seen[0]):
        assert named_ports.removals(NOTED, nobody, seen, [other])


def test_nothing_goes_that_was_not_noted_or_is_gone():
    """A group that no longer stands, and a name that is not ours."""
    nobody = frozenset()
    assert named_ports.removals(NOTED, nobody, [], []) == ()
    assert named_ports.removals(NOTED, nobody, [instances("a", 31009)], []) == ()
    assert named_ports.removals(nobody, nobody, [instances("a", 31000)], []) == ()


def test_what_is_remembered():
    """What is wanted, and of what was noted the part that still stands."""
    seen, uses = [instances("a", 31000)], frozenset({(B, 31000)})
    assert named_ports.standing(NOTED, uses, seen) == {(A, 31000), (B, 31000)}


def test_a_name_of_ours_for_another_port_is_told():
    """Requests would go to both; the sentence names the group and the port."""
    uses = frozenset({(A, 31000)})
    seen = [instances("a", THEIRS, 31000, ("port31000", 8080)), instances("b", ("port31000", 1))]
    ((reason, text),) = named_ports.conflicts(uses, seen)

    assert reason == "NamedPortConflict"
    assert text == "p: instanceGroups a-1/k8s-ig--a names port 8080 port31000, which is not ours"
