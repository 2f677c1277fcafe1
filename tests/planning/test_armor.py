"""Security policies: marked, put on, led to, taken off, and left alone where they are another's."""

import dataclasses

import pytest

from fedingress.domain.change import Delete
from fedingress.domain.graph import GlobalResource, Kind, Mark
from fedingress.domain.options import BackendOptions
from fedingress.domain.policy import BackendPolicy
from fedingress.planning import armor, backends
from tests.planning.test_backends import MARK, applied, converge, wish

LED = {Kind.URL_MAP, Kind.TARGET_HTTP_PROXY, Kind.FORWARDING_RULE}


def kept(name="armor", kind="CLOUD_ARMOR"):
    """A security policy that others keep."""
    return GlobalResource(
        kind=Kind.SECURITY_POLICY, project="p", name=name, spec={"type": kind} if kind else {}
    )


def armed(services=1, name="armor", **more):
    """A wish with that security policy."""
    return wish(
        services, policy=BackendPolicy(options=BackendOptions(security_policy=name)), **more
    )


def plan(wanted, observed):
    """The next plan."""
    named = wanted.policy.options.security_policy
    return backends.plan(backends.desired(wanted, observed), observed, MARK, security_policy=named)


def rounds(wanted, observed):
    """Every plan until nothing is left to do, and what stands then."""
    plans = []
    while found := plan(wanted, observed):
        plans.append(found)
        before = {item.path: item.spec for item in observed}
        observed = tuple(
            dataclasses.replace(item, spec=_merged(before.get(item.path, {}), item.spec))
            for item in applied(found, observed)
        )
        assert len(plans) < 9
    return plans, observed


def _merged(old, new):
    """As the cloud keeps it: what is not named stays, what is None goes."""
    return {key: value for key, value in {**old, **new}.items() if value is not None}


def services(observed):
    """The backend services."""
    return [item for item in observed if item.kind is Kind.BACKEND_SERVICE]


def kinds(found):
    """The kinds that a plan changes."""
    return {
        (change.observed if isinstance(change, Delete) else change.desired).kind for change in found
    }


def test_a_new_backend_service_is_led_to_only_with_its_security_policy():
    """First it is created with a mark, then armed, then everything else comes."""
    plans, observed = rounds(armed(2), (kept(),))
    first, second, *later = plans

    assert not kinds(first) & LED
    assert [change.fields for change in second] == [("securityPolicy",)] * 2
    assert kinds(later[0]) & LED
    for item in services(observed):
        assert item.spec["securityPolicy"] == "projects/p/global/securityPolicies/armor"
        assert item.mark.security_policy == "armor"


def test_one_that_stands_is_marked_before_it_is_armed():
    """So that a crash between both never leaves one of ours that nobody knows of."""
    stands, _ = converge(wish(1))
    plans, observed = rounds(armed(1), (*stands, kept()))

    assert [[change.fields for change in each] for each in plans] == [
        [("description",)],
        [("securityPolicy",)],
    ]
    assert services(observed)[0].spec["securityPolicy"].endswith("/armor")


def test_another_name_is_another_security_policy():
    """Marked, then put in place of the earlier one."""
    _, observed = rounds(armed(1), (kept(),))
    _, after = rounds(armed(1, "other"), (*observed, kept("other")))

    assert services(after)[0].spec["securityPolicy"].endswith("/other")
    assert services(after)[0].mark.security_policy == "other"


def test_ours_goes_with_the_policys_word():
    """Taken off first, then the mark."""
    _, observed = rounds(armed(1), (kept(),))
    plans, _ = rounds(wish(1), observed)
    (taken,), (unmarked,) = plans

    assert taken.desired.spec["securityPolicy"] is None
    assert taken.fields == ("securityPolicy",)
    assert unmarked.fields == ("description",)
    assert unmarked.desired.mark == MARK


def test_what_somebody_else_has_put_there_stays():
    """Without a word of the policy it is none of ours, with one it is replaced."""
    _, observed = rounds(armed(1), (kept(),))
    others = armor.path("p", "others")
    changed = tuple(
        dataclasses.replace(item, spec={**item.spec, "securityPolicy": others})
        if item.kind is Kind.BACKEND_SERVICE
        else item
        for item in observed
    )
    _, without = rounds(wish(1), changed)
    _, again = rounds(armed(1), changed)

    assert services(without)[0].spec["securityPolicy"] == others
    assert services(without)[0].mark == MARK
    assert services(again)[0].spec["securityPolicy"] == armor.path("p", "armor")


PROBLEMS = {
    "none is named": ("", (), []),
    "it exists": ("armor", (kept(),), []),
    "without a type": ("armor", (kept(kind=""),), []),
    "it is missing": ("armor", (kept("other"),), ["no global security policy armor"]),
    "of the edge": ("armor", (kept(kind="CLOUD_ARMOR_EDGE"),), ["type CLOUD_ARMOR_EDGE"]),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_one_that_cannot_be_put_on_is_told(case):
    """It does not exist, or is for something else."""
    name, observed, words = PROBLEMS[case]
    found = armor.problem("p", name, observed)

    assert [reason for reason, _ in found] == ["SecurityPolicyMissing"] * len(words)
    assert all(word in text for word, (_, text) in zip(words, found, strict=True))


def test_a_missing_one_takes_nothing_away_and_lets_nothing_new_in():
    """What stands serves on as it is; a new Ingress waits; a new path is held."""
    stands, _ = converge(wish(1))
    new, _ = rounds(armed(1), ())
    held = plan(armed(1), applied(new[0], ()))
    more, after = rounds(armed(2), stands)

    assert not plan(armed(1), stands)
    assert not plan(armed(1), stands).held
    assert len(new) == 1
    assert not held
    assert ["gets no requests before it has its security policy" in text for text in held.held]
    assert not any(kinds(each) & LED for each in more)
    assert "gets no requests" in plan(armed(2), after).held[0]


def test_a_missing_one_keeps_the_mark_of_what_was_put_there():
    """It may come back, or go by the policy's word."""
    _, observed = rounds(armed(1), (kept(),))
    without = tuple(item for item in observed if item.kind is not Kind.SECURITY_POLICY)

    assert not plan(armed(1), without)


def test_it_is_looked_for_by_its_name():
    """Only where one is named."""
    assert backends.adopted(armed(1)) == ((Kind.SECURITY_POLICY, "armor"),)
    assert backends.adopted(wish(1)) == ()


def test_a_resource_without_a_mark_is_none_of_ours():
    """It is given back as it is."""
    stands, _ = converge(wish(1))
    (service,) = services(stands)
    bare = dataclasses.replace(service, mark=None)

    assert armor.armed(bare, bare, "armor", (kept(),)) is bare


def test_a_mark_says_which_security_policy_is_ours():
    """As JSON in the description, and only if there is one."""
    mark = Mark(owner="o", uid="u", source="s")
    put = dataclasses.replace(mark, security_policy="armor")

    assert "securityPolicy" not in mark.encode()
    assert Mark.decode(put.encode()) == put
    assert Mark.decode(mark.encode()) == mark
    assert Mark.decode('{"fedingress.dev": []}') is None
