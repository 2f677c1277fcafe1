"""What each implementation of the port `LoadBalancers` must do; for `test_load_balancers`."""

from dataclasses import replace

import pytest

from fedingress.domain.errors import Conflict, Invalid, LeaseLost, Unavailable, Unsupported
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.planning.diff import differing
from fedingress.ports.load_balancers import GroupHealth
from tests.contract.load_balancers_lab import (
    GUARD,
    MARK,
    PREFIX,
    PROJECT,
    ZONES,
    Fenced,
    Lab,
    address,
    backend,
    changed,
    firewall,
    health_check,
    names,
    neg,
    proxy,
    rule,
    service,
    url_map,
)


class LoadBalancersContract:
    """Inherited once per implementation; `lab` is its fixture."""

    @pytest.fixture
    def built(self, lab: Lab) -> dict[Kind, GlobalResource]:
        lab.cloud.add_neg(ZONES[0], "n-1", endpoints=2, healthy=2)
        return lab.build(neg("n-1"))

    def test_what_was_created_contains_what_was_desired(self, lab, built):
        """A whole graph is observed with all fields, marks and outputs, and differs in nothing."""
        vip = built[Kind.ADDRESS].output["address"]
        wanted = [address(), health_check(), service(neg("n-1")), url_map(), proxy(), rule(vip)]

        for item in (*wanted, firewall()):
            found = built[item.kind]
            assert not differing(found.spec, item.spec), item.label
            assert found.mark == MARK
            assert found.output["id"]
            assert found.output["selfLink"].endswith(found.path)
            assert not {"name", "description", "fingerprint", "id", "kind"} & found.spec.keys()
        assert built[Kind.FORWARDING_RULE].output["IPAddress"] == vip

    def test_rates_and_scalers_survive_the_round_trip(self, lab):
        """Numbers that GCE keeps with single precision come back equal to what was sent."""
        lab.cloud.add_neg(ZONES[0], "n-1", endpoints=2, healthy=2)
        lab.create(health_check())
        wanted = service(
            backends=[backend(neg("n-1"), maxRatePerEndpoint=12.3, capacityScaler=0.7)]
        )

        assert not differing(lab.create(wanted).spec, wanted.spec)

    def test_observing_is_by_prefix_and_kind(self, lab):
        """Others' resources are not seen, except under our prefix, and then without a mark."""
        lab.create(health_check())
        lab.create(address())
        lab.cloud.put(Kind.HEALTH_CHECK, "theirs", health_check().spec)
        lab.cloud.put(Kind.HEALTH_CHECK, PREFIX + "odd", health_check().spec)

        found = lab.port.observe(PROJECT, [Kind.HEALTH_CHECK, Kind.FIREWALL], PREFIX)

        assert names(found) == [PREFIX + "hc", PREFIX + "odd"]
        assert [item.mark for item in found if item.name.endswith("odd")] == [None]

    def test_a_taken_name_is_a_conflict(self, lab):
        """Creating what exists with another spec says so, and changes nothing."""
        lab.create(health_check())

        with pytest.raises(Conflict):
            lab.port.create(health_check(checkIntervalSec=60), GUARD)

        assert lab.see(health_check()).spec["checkIntervalSec"] == 15

    def test_an_unknown_reference_is_invalid(self, lab):
        """A NEG that is not there is refused with the cloud's words."""
        lab.create(health_check())

        with pytest.raises(Invalid, match="nowhere"):
            lab.port.create(service(neg("nowhere")), GUARD)

        assert lab.find(service()) is None

    def test_a_bad_value_is_invalid(self, lab):
        """A field that the API does not know is refused."""
        with pytest.raises(Invalid):
            lab.port.create(health_check(checkIntervalSec=0), GUARD)

    def test_one_address_and_port_takes_one_rule(self, lab, built):
        """A second forwarding rule on the same address and port is refused."""
        second = rule(built[Kind.ADDRESS].output["address"], name="fr-2")

        with pytest.raises(Invalid):
            lab.port.create(second, GUARD)

    def test_it_can_be_created_again_after_it_was_deleted(self, lab):
        """The same spec under the same name exists again, and is another resource."""
        first = lab.create(address())
        lab.delete(first)

        second = lab.create(address())

        assert second.output["id"] != first.output["id"]

    def test_an_update_keeps_what_is_not_named(self, lab, built):
        """Attaching a NEG leaves the timeout alone that desired does not speak of."""
        lab.cloud.add_neg(ZONES[1], "n-2", endpoints=2, healthy=2)
        wanted = service(neg("n-1"), neg("n-2", ZONES[1]))
        less = replace(wanted, spec={k: v for k, v in wanted.spec.items() if k != "timeoutSec"})

        found = lab.update(built[Kind.BACKEND_SERVICE], less)

        assert not differing(found.spec, wanted.spec)
        assert found.mark == MARK
        assert found.version != built[Kind.BACKEND_SERVICE].version

    def test_a_list_can_be_emptied(self, lab, built):
        """A backend service can lose its last backend."""
        found = lab.update(built[Kind.BACKEND_SERVICE], service())

        assert not found.spec.get("backends")
        assert found.spec["timeoutSec"] == 30

    def test_a_field_can_be_taken_away(self, lab, built):
        """None means that the field must be absent, at the top as well as within a list."""
        matcher = {**url_map().spec["pathMatchers"][0], "defaultRouteAction": None}
        wanted = url_map(defaultRouteAction=None, pathMatchers=[matcher])

        found = lab.update(built[Kind.URL_MAP], wanted)

        assert "defaultRouteAction" not in found.spec
        assert "defaultRouteAction" not in found.spec["pathMatchers"][0]
        assert found.spec["hostRules"] == url_map().spec["hostRules"]

    def test_none_is_left_out_of_what_is_created(self, lab):
        """A field that must be absent is not sent."""
        lab.create(health_check())
        lab.create(service())

        found = lab.create(url_map(defaultRouteAction=None))

        assert "defaultRouteAction" not in found.spec

    def test_equal_specs_write_nothing(self, lab, built):
        """An update without a difference is no operation and no call."""
        before = lab.cloud.writes()

        assert lab.port.update(built[Kind.URL_MAP], url_map(), GUARD) is None
        assert lab.cloud.writes() == before

    def test_a_stale_fingerprint_is_a_conflict(self, lab, built):
        """Whoever changes second without looking again is refused."""
        seen = built[Kind.BACKEND_SERVICE]
        lab.update(seen, changed(service(neg("n-1")), timeoutSec=40))

        with pytest.raises(Conflict):
            lab.port.update(seen, changed(service(neg("n-1")), timeoutSec=50), GUARD)

        assert lab.see(seen).spec["timeoutSec"] == 40

    def test_a_stale_url_map_is_a_conflict(self, lab, built):
        """URL maps are guarded too, though they are written as a whole."""
        seen = built[Kind.URL_MAP]
        lab.update(seen, url_map("a.example.com"))

        with pytest.raises(Conflict):
            lab.port.update(seen, url_map("b.example.com"), GUARD)

        assert lab.see(seen).spec["hostRules"][0]["hosts"] == ["a.example.com"]

    def test_updating_what_is_gone_is_a_conflict(self, lab):
        """The resource vanished since it was observed."""
        seen = lab.create(health_check())
        lab.delete(seen)

        with pytest.raises(Conflict):
            lab.port.update(seen, health_check(checkIntervalSec=60), GUARD)

    def test_health_checks_and_firewalls_change(self, lab, built):
        """Kinds without a fingerprint take changes of nested fields and of lists."""
        probe = {"requestPath": "/ready", "portSpecification": "USE_SERVING_PORT"}
        check = lab.update(built[Kind.HEALTH_CHECK], health_check(httpHealthCheck=probe))
        wall = lab.update(built[Kind.FIREWALL], firewall(sourceRanges=["10.0.0.0/8"]))

        assert check.spec["httpHealthCheck"]["requestPath"] == "/ready"
        assert check.spec["checkIntervalSec"] == 15
        assert wall.spec["sourceRanges"] == ["10.0.0.0/8"]

    def test_a_security_policy_is_put_on_and_taken_off_by_a_call_of_its_own(self, lab: Lab) -> None:
        """After all other fields; a backend service is not born with one."""
        lab.cloud.put(Kind.SECURITY_POLICY, "armor", {"type": "CLOUD_ARMOR"})
        armor = f"projects/{PROJECT}/global/securityPolicies/armor"
        lab.create(health_check())
        made = lab.create(service())
        first = lab.update(made, changed(service(), timeoutSec=20, securityPolicy=armor))
        worn = lab.update(first, changed(service(), timeoutSec=20, securityPolicy=armor))
        later = lab.update(worn, changed(service(), timeoutSec=25))
        bare = lab.update(later, changed(service(), timeoutSec=25, securityPolicy=None))

        assert (first.spec["timeoutSec"], "securityPolicy" in first.spec) == (20, False)
        assert worn.spec["securityPolicy"] == later.spec["securityPolicy"] == armor
        assert (bare.spec["timeoutSec"], "securityPolicy" in bare.spec) == (25, False)

    def test_a_security_policy_that_does_not_exist_is_refused(self, lab: Lab) -> None:
        """In the cloud's words."""
        lab.create(health_check())
        made = lab.create(service())
        missing = f"projects/{PROJECT}/global/securityPolicies/nobody"
        with pytest.raises(Invalid, match="cannot be found"):
            lab.port.update(made, changed(service(), securityPolicy=missing), GUARD)

    def test_a_mark_can_change(self, lab, built):
        """A resource is handed over by its mark alone."""
        other = replace(MARK, uid="u-2")

        found = lab.update(built[Kind.BACKEND_SERVICE], replace(service(neg("n-1")), mark=other))

        assert found.mark == other
        assert not differing(found.spec, service(neg("n-1")).spec)

    def test_a_proxy_and_a_rule_change_their_target(self, lab, built):
        """The two kinds with setters of their own point elsewhere afterwards."""
        lab.create(url_map(name="um-2"))
        lab.create(proxy("um-2", name="tp-2"))
        vip = built[Kind.ADDRESS].output["address"]

        tp = lab.update(built[Kind.TARGET_HTTP_PROXY], proxy("um-2"))
        fr = lab.update(built[Kind.FORWARDING_RULE], rule(vip, "tp-2"))

        assert tp.spec["urlMap"] == url_map(name="um-2").path
        assert fr.spec["target"] == proxy(name="tp-2").path

    def test_a_rule_without_a_mark_takes_it_as_labels_and_its_target_next(self, lab, built):
        """One setter at a time; the same mark comes back, though the description is theirs."""
        lab.create(proxy("um", name="tp-2"))
        wish = changed(rule(built[Kind.ADDRESS].output["address"], "tp-2"), portRange="8080-8080")
        wish = replace(wish, name=f"{wish.name}-2")
        lab.cloud.put(Kind.FORWARDING_RULE, wish.name, {**wish.spec, "target": proxy().path})

        marked = lab.update(lab.see(wish), wish)
        led = lab.update(marked, wish)

        assert (marked.mark, marked.spec["target"]) == (MARK, proxy().path)
        assert (led.mark, led.spec["target"]) == (MARK, wish.spec["target"])

    def test_what_cannot_change_is_unsupported(self, lab, built):
        """Nothing is sent where GCE has no way to change a field."""
        before = lab.cloud.writes()
        vip = built[Kind.ADDRESS].output["address"]
        wishes = [
            changed(address(), ipVersion="IPV6"),
            changed(service(neg("n-1")), loadBalancingScheme="EXTERNAL"),
            firewall(network=f"projects/{PROJECT}/global/networks/other"),
            changed(rule(vip), portRange="8080-8080"),
        ]

        for wish in wishes:
            with pytest.raises(Unsupported):
                lab.port.update(built[wish.kind], wish, GUARD)

        assert lab.cloud.writes() == before

    def test_what_is_in_use_stays(self, lab, built):
        """A delete in the wrong order is put off, with the name of the user."""
        for kind, user in (
            (Kind.ADDRESS, "forwardingRules"),
            (Kind.HEALTH_CHECK, "backendServices"),
            (Kind.BACKEND_SERVICE, "urlMaps"),
            (Kind.URL_MAP, "targetHttpProxies"),
            (Kind.TARGET_HTTP_PROXY, "forwardingRules"),
        ):
            with pytest.raises(Unavailable, match=user):
                lab.port.delete(built[kind], GUARD)

        assert len(lab.port.observe(PROJECT, list(Kind), PREFIX)) == len(built)

    def test_teardown_backwards_leaves_nothing(self, lab, built):
        """Deleting by stage downwards succeeds at once."""
        for item in sorted(built.values(), key=lambda each: -each.kind.stage):
            lab.delete(item)

        assert not lab.port.observe(PROJECT, list(Kind), PREFIX)

    def test_deleting_twice_is_fine(self, lab):
        """What is gone already is no error and no operation."""
        seen = lab.create(address())
        lab.delete(seen)

        assert lab.port.delete(seen, GUARD) is None

    def test_only_the_observed_one_is_deleted(self, lab):
        """A resource of the same name that came later is not touched."""
        seen = lab.create(address())
        lab.delete(seen)
        again = lab.create(address())

        with pytest.raises(Conflict):
            lab.port.delete(seen, GUARD)

        assert lab.see(address()).output["id"] == again.output["id"]

    def test_a_resource_that_changed_hands_is_not_deleted(self, lab):
        """The mark is read again right before the delete."""
        seen = lab.create(health_check())
        lab.update(seen, replace(health_check(), mark=replace(MARK, owner="other")))

        with pytest.raises(Conflict):
            lab.port.delete(seen, GUARD)

        assert lab.find(health_check()) is not None

    def test_a_slow_operation_is_pending_and_then_done(self, lab):
        """Waiting ends with the budget; the operation can be waited for again."""
        lab.cloud.slow_down(0.5)
        operation = lab.port.create(health_check(), GUARD)
        assert operation is not None

        pending, errors = lab.port.wait([operation], seconds=0.05)
        assert (list(pending), list(errors)) == ([operation], [])

        pending, errors = lab.port.wait([operation], seconds=10)
        assert (list(pending), list(errors)) == ([], [])

    def test_what_is_not_ready_cannot_be_referred_to(self, lab):
        """A reference to a resource whose operation runs is put off for a second."""
        lab.cloud.slow_down(0.5)
        operation = lab.port.create(health_check(), GUARD)

        with pytest.raises(Unavailable) as caught:
            lab.port.create(service(), GUARD)

        assert caught.value.after_seconds <= 2
        lab.finish(operation)
        lab.create(service())

    def test_waiting_for_nothing_returns_at_once(self, lab):
        """No operations: nothing pending, no errors."""
        pending, errors = lab.port.wait([], seconds=10)

        assert not pending
        assert not errors

    def test_health_is_told_by_neg(self, lab):
        """Each attached NEG has its numbers; one that is not attached is left out."""
        lab.cloud.add_neg(ZONES[0], "n-1", endpoints=3, healthy=2)
        lab.cloud.add_neg(ZONES[1], "n-1", endpoints=1, healthy=0)
        lab.cloud.add_neg(ZONES[0], "n-2", endpoints=5, healthy=5)
        here, there, other = neg("n-1"), neg("n-1", ZONES[1]), neg("n-2")
        lab.create(health_check())
        seen = lab.create(service(here, there))

        found = lab.port.health(seen, [here, there, other])

        assert sorted(found, key=lambda each: each.neg) == [
            GroupHealth(neg=here, endpoints=3, healthy=2),
            GroupHealth(neg=there, endpoints=1, healthy=0),
        ]

    def test_without_a_lease_nothing_is_written(self, lab):
        """The guard is asked before each write."""
        seen = lab.create(health_check())
        before = lab.cloud.writes()

        with pytest.raises(LeaseLost):
            lab.port.create(address(), Fenced())
        with pytest.raises(LeaseLost):
            lab.port.update(seen, health_check(checkIntervalSec=60), Fenced())
        with pytest.raises(LeaseLost):
            lab.port.delete(seen, Fenced())

        assert lab.cloud.writes() == before

    def test_the_groups_that_stand_are_listed_by_project_and_prefix(self, lab):
        """Every zone is looked at; groups of other names or projects are not told."""
        for zone, name in ((ZONES[1], "n-1"), (ZONES[0], "n-1"), (ZONES[0], "n-2")):
            lab.cloud.add_neg(zone, name, endpoints=1, healthy=1)
        lab.cloud.add_neg(ZONES[0], "other", endpoints=1, healthy=1)

        wanted = [neg("n-1"), neg("n-1", ZONES[1]), neg("n-2")]
        assert list(lab.port.groups(PROJECT, "n-")) == sorted(wanted)
        assert list(lab.port.groups("elsewhere-1", "n-")) == []
