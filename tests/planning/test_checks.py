"""Health checks: shared, replaced in the right order, none dangling and none leaked."""

import dataclasses
import itertools

import pytest

from fedingress.domain.change import Create, Delete, Update
from fedingress.domain.check import Check
from fedingress.domain.policy import DnsHealthCheck
from fedingress.planning import checks
from tests.planning.answers.zones import START, Zone, intent, target

TWO = DnsHealthCheck(kind="HTTP", paths=("/a", "/b"))
PREFIX = checks.prefix("me", "route53:self/Z1")
US, AP = target("us"), target("ap")


def wanted(*intents, zone=None):
    """The checks these intents need."""
    return checks.wanted((zone or Zone(*intents)).weigh(*intents))


class Provider:
    """Keeps checks, as the plan says."""

    def __init__(self):
        self.checks: list[Check] = []
        self.doomed: tuple[str, ...] = ()
        self.numbers = itertools.count()

    def look(self, desired, referenced=(), **more):
        found = checks.plan(
            desired,
            self.checks,
            prefix=PREFIX,
            nonce=str(next(self.numbers)),
            referenced=referenced,
            doomed=self.doomed,
            **more,
        )
        for change in found.plan:
            if not isinstance(change, Create):
                self.checks.remove(change.observed)
            if not isinstance(change, Delete):
                made = change.desired
                self.checks.append(
                    dataclasses.replace(made, id=made.id or f"id-{next(self.numbers)}")
                )
        self.doomed = found.doomed
        return found


def test_one_check_per_load_balancer_and_path_whoever_needs_it():
    """Several pools of one address share it."""
    one = intent("u1", target("us", shared=True), target("ap", shared=True))
    other = intent("u2", target("us", shared=True), routing="weighted")

    assert [*wanted(one, other)] == ["tcp://ap.elb.test:80", "tcp://us.elb.test:80"]
    assert not wanted(intent("u1", US, AP))


def test_several_paths_are_children_of_one():
    """All of them have to answer; it is made once they stand."""
    desired = wanted(intent("u1", US, health_check=TWO))
    provider = Provider()
    first = provider.look(desired)
    assert [change.desired.config.path for change in first.plan] == ["/a", "/b"]
    second = provider.look(desired)
    (change,) = second.plan
    assert change.desired.config.kind == "CALCULATED"
    assert change.desired.config.threshold == 2
    assert change.desired.config.children == tuple(
        sorted(second.ids[f"http://us.elb.test:80{path}"] for path in ("/a", "/b"))
    )
    third = provider.look(desired)
    assert not third.plan
    assert "http://us.elb.test:80/a&/b" in third.ids
    provider.look({}, settled=True)
    last = provider.look({})
    assert [change.observed.config.kind for change in last.plan] == ["CALCULATED", "HTTP", "HTTP"]


@pytest.mark.parametrize("paths", [(), ("/",)])
def test_http_has_one_path_at_least(paths):
    """The root, when none is said."""
    (want,) = wanted(
        intent("u1", US, health_check=DnsHealthCheck(kind="HTTPS", port=443, paths=paths))
    ).values()

    assert (want.config.kind, want.config.path) == ("HTTPS", "/")


def test_a_check_goes_only_when_nothing_refers_to_it_and_everybody_knows():
    """Needless; then unreferenced, seen twice, and no change on its way any more."""
    desired = wanted(intent("u1", US, health_check=DnsHealthCheck()))
    provider = Provider()
    (made,) = [provider.look(desired) and provider.checks[0]]
    assert not provider.look({}, referenced={made.id}).plan
    assert provider.doomed == ()
    assert not provider.look({}).plan
    assert provider.doomed == (made.id,)
    assert not provider.look({}, settled=False).plan
    (change,) = provider.look({}).plan
    assert change.observed == made
    assert provider.doomed == ()


def test_a_check_that_is_needed_again_is_kept():
    """Doomed in one look, wanted in the next."""
    desired = wanted(intent("u1", US, health_check=DnsHealthCheck()))
    provider = Provider()
    provider.look(desired)
    provider.look({})
    assert provider.doomed
    assert not provider.look(desired).plan
    assert provider.doomed == ()


def test_what_can_be_changed_is_and_what_cannot_is_replaced():
    """A threshold is updated; another interval is another check, and the old one goes after."""
    provider = Provider()
    provider.look(wanted(intent("u1", US, health_check=DnsHealthCheck())))
    old = provider.checks[0]
    slower = wanted(intent("u1", US, health_check=DnsHealthCheck(threshold=5)))
    (change,) = provider.look(slower).plan
    assert isinstance(change, Update)
    assert change.fields == ("threshold",)
    faster = wanted(intent("u1", US, health_check=DnsHealthCheck(interval_seconds=10)))
    found = provider.look(faster, referenced={old.id})
    assert [type(each) for each in found.plan] == [Create]
    assert provider.look(faster).ids["tcp://us.elb.test:80"] != old.id
    assert provider.doomed == (old.id,)


def test_of_two_the_one_that_is_referred_to_serves():
    """After a crash between making one and remembering it; the other one goes."""
    desired = wanted(intent("u1", US, health_check=DnsHealthCheck()))
    provider = Provider()
    provider.look(desired)
    first = provider.checks[0]
    twin = dataclasses.replace(first, id="twin", reference=first.reference + "9")
    provider.checks.append(twin)
    assert provider.look(desired, referenced={"twin"}).ids == {"tcp://us.elb.test:80": "twin"}
    assert provider.doomed == (first.id,)


def test_references_are_short_and_say_whose_and_what_for():
    """At most 64 characters, with room for a nonce."""
    provider = Provider()
    provider.look(wanted(intent("u1", US, health_check=DnsHealthCheck())))
    reference = provider.checks[0].reference

    assert reference.startswith(PREFIX)
    assert len(reference) <= 64 - 20
    assert checks.prefix("me", "a") != checks.prefix("me", "b") != checks.prefix("you", "b")


def test_a_drained_member_is_forced_down_when_weights_cannot_keep_clients_away():
    """Its region has nobody else who can serve, another region has."""
    check = {"health_check": DnsHealthCheck()}
    well = intent("u1", US, AP, target("eu"), **check)
    sick = {"ready": 0.0, "balancer": False}
    zone = Zone(well)
    # The next region of ap is us: with us drained and ap's own member sick nobody deserves ap.
    drained = intent(
        "u1", target("us", multiplier=0.0), target("ap", **sick), target("eu"), **check
    )
    zone.now = START + 60
    zone.probes = {"ap.elb.test": False}
    zone.windows(1, drained)
    forced = {key for key, want in wanted(drained, zone=zone).items() if want.config.forced_down}

    assert forced == {"tcp://us.elb.test:80"}
    assert not any(want.config.forced_down for want in wanted(well).values())


def test_nobody_is_forced_down_when_nobody_else_could_serve():
    """All drained: the last weights stay, and so do the checks."""
    check = {"health_check": DnsHealthCheck()}
    zone = Zone(intent("u1", US, AP, **check))
    none = {"multiplier": 0.0}
    drained = intent("u1", target("us", **none), target("ap", **none), **check)
    zone.windows(1, drained)

    assert not any(want.config.forced_down for want in wanted(drained, zone=zone).values())
