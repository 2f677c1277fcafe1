"""The graph of one Ingress: what is wanted, and the plan from what is observed."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.change import Create, Delete, Update, as_json
from fedingress.domain.graph import GlobalResource, Kind, Mark, NegRef
from fedingress.domain.ingress import Ingress, Path, Rule, ServiceBackend
from fedingress.domain.options import BackendOptions
from fedingress.domain.policy import BackendPolicy, HealthCheckPolicy
from fedingress.planning import backends, options
from fedingress.planning.backends import GraphWish
from fedingress.planning.groups import Group

MARK = Mark(owner="test", uid="u-1", source="shop/shop")
PORTS = tuple(ServiceBackend(service=name, number=80) for name in ("api", "web", "img"))


def wish(services: int = 2, clusters: tuple[str, ...] = ("a", "b"), **more) -> GraphWish:
    """A wish over some Service ports and members."""
    used = PORTS[:services]
    paths = tuple(Path(path=f"/{b.service}", path_type="Prefix", backend=b) for b in used)
    groups = tuple(
        Group(
            cluster=cluster,
            backend=backend,
            neg=NegRef(project="p", zone=f"{cluster}-1", name=f"{cluster}-{backend.service}"),
        )
        for cluster in clusters
        for backend in used
    )
    fields = {
        "project": "p",
        "mark": MARK,
        "ingress": Ingress(class_name="f", rules=(Rule(host="a.com", paths=paths),)),
        "policy": BackendPolicy(),
        "groups": groups,
    }
    return GraphWish(**(fields | more))


def applied(plan, observed):
    """The resources after *plan*, as the cloud would have them."""
    have = {item.path: item for item in observed}
    for change in plan:
        match change:
            case Create(desired=item) | Update(desired=item):
                output = {"address": "203.0.113.1"} if item.kind is Kind.ADDRESS else {}
                have[item.path] = dataclasses.replace(item, output=output)
            case Delete(observed=item):
                del have[item.path]
    return tuple(have.values())


def converge(wanted: GraphWish, observed=()):
    """Plan and apply until nothing is left to do; gives the resources and the rounds."""
    for rounds in range(4):
        plan = backends.plan(backends.desired(wanted, observed), observed, MARK)
        if not plan:
            return observed, rounds
        observed = applied(plan, observed)
    raise AssertionError("the plan never becomes empty")


wishes = st.builds(
    wish,
    services=st.integers(1, 3),
    clusters=st.lists(st.sampled_from("abcd"), min_size=1, unique=True).map(tuple),
)


@given(wishes, wishes)
def test_plans_converge_from_any_graph_to_any_other(first, second):
    """Applying plans ends, at the latest in the third round, with an empty one."""
    observed, _ = converge(first)
    after, rounds = converge(second, observed)

    assert rounds <= 3
    assert {item.path for item in after} == {item.path for item in backends.desired(second, after)}


@given(wishes, st.randoms())
def test_the_order_of_what_is_observed_does_not_matter(wanted, random):
    """Shuffled input, equal plan."""
    observed, _ = converge(wish(services=3))
    shuffled = list(observed)
    random.shuffle(shuffled)
    plan = backends.plan(backends.desired(wanted, observed), observed, MARK)
    again = backends.plan(backends.desired(wanted, shuffled), shuffled, MARK)

    assert plan == again


@given(wishes)
def test_foreign_resources_are_never_touched(wanted):
    """Whatever carries another mark, or none, is in no change."""
    observed, _ = converge(wish(services=3))
    for mark in (
        None,
        dataclasses.replace(MARK, owner="other"),
        dataclasses.replace(MARK, uid="x"),
    ):
        foreign = tuple(dataclasses.replace(item, mark=mark) for item in observed)
        plan = backends.plan(backends.desired(wanted, foreign), foreign, MARK)
        touched = {
            (change.observed if isinstance(change, Delete) else change.desired).path
            for change in plan
        }

        assert not touched & {item.path for item in foreign}
        assert plan.held


def test_a_resource_under_our_name_without_our_mark_is_left_alone_and_told():
    """Even where it is exactly as desired; the rest of the graph is built beside it."""
    observed, _ = converge(wish())
    theirs = dataclasses.replace(observed[0], mark=None)
    plan = backends.plan(backends.desired(wish(), (theirs,)), (theirs,), MARK)

    start = f"{theirs.label} exists and does not carry our mark; it is left alone"
    assert [text.startswith(start) for text in plan.held] == [True]
    assert plan.counts() == {"create": len(observed) - 1, "update": 0, "delete": 0}


def test_creates_go_up_the_stages_and_deletes_come_down_last():
    """Nothing is made before what it refers to, nothing goes while something refers to it."""
    observed, _ = converge(wish(services=3))
    plan = backends.plan(backends.desired(wish(services=1), observed), observed, MARK)
    kinds = [type(change).__name__ for change in plan]
    stages = [change.observed.kind.stage for change in plan if isinstance(change, Delete)]

    assert kinds == sorted(kinds, key=lambda kind: kind == "Delete")
    assert stages == sorted(stages, reverse=True)
    assert [len(group) for group in backends.stages(plan)] == [1, 2, 2]


def test_teardown_is_the_plan_for_nothing():
    """Every resource with the mark goes, in reverse order of creation."""
    observed, _ = converge(wish())
    plan = backends.plan((), observed, MARK)

    assert plan.counts() == {"create": 0, "update": 0, "delete": len(observed)}
    assert plan.changes[0].observed.kind is Kind.FORWARDING_RULE


def test_a_backend_service_never_loses_its_last_backend():
    """An observation without groups is held, not followed."""
    observed, _ = converge(wish())
    plan = backends.plan(backends.desired(wish(groups=()), observed), observed, MARK)

    assert not plan
    assert all("last backend" in text for text in plan.held)
    assert len(plan.held) == 2


def test_backends_of_a_silent_member_stay_as_they_are_observed():
    """Frozen names are taken over from the observation, others go."""
    observed, _ = converge(wish())
    silent = frozenset({"b-api", "b-web"})
    wanted = wish(clusters=("a",), frozen=silent)

    assert not backends.plan(backends.desired(wanted, observed), observed, MARK)
    assert backends.attached(observed) == {"a-api", "a-web", "b-api", "b-web"}


def test_the_policys_health_check_and_rate_are_in_the_graph():
    """Host, path, thresholds and rate go to GCE's fields."""
    policy = BackendPolicy(
        max_rate_per_endpoint=7.5,
        health_check=HealthCheckPolicy(path="/ok", host="h.com", interval_seconds=3),
    )
    found = {item.kind: item.spec for item in backends.desired(wish(policy=policy), ())}

    assert found[Kind.HEALTH_CHECK]["httpHealthCheck"]["host"] == "h.com"
    assert found[Kind.HEALTH_CHECK]["checkIntervalSec"] == 3
    assert {e["maxRatePerEndpoint"] for e in found[Kind.BACKEND_SERVICE]["backends"]} == {7.5}


def test_a_change_can_be_printed_and_kept_as_json():
    """The plan is data."""
    observed, _ = converge(wish(services=2))
    plan = backends.plan(backends.desired(wish(services=1), observed), observed, MARK)
    actions = [as_json(change)["action"] for change in plan]
    created = as_json(Create(desired=observed[0], why="x"))

    assert set(actions) == {"update", "delete"}
    assert created["desired"] == observed[0].spec


def test_a_mark_survives_its_encoding_and_strangers_have_none():
    """Descriptions of others are no marks."""
    assert Mark.decode(MARK.encode()) == MARK
    for text in (
        "",
        "hello",
        "{}",
        '{"fedingress.dev":[]}',
        '{"fedingress.dev":{"owner":"x"}}',
        "7",
    ):
        assert Mark.decode(text) is None


def test_names_fit_gce_whatever_the_user_calls_his_services():
    """At most 63 characters, and letters, digits and dashes."""
    long = ServiceBackend(service="s" * 63, port_name="p" * 15)
    paths = (Path(path="/", path_type="Prefix", backend=long),)
    wanted = wish(ingress=Ingress(class_name="f", rules=(Rule(host="h" * 200, paths=paths),)))
    for item in backends.desired(wanted, ()):
        assert isinstance(item, GlobalResource)
        assert len(item.name) <= 63
        assert item.name.replace("-", "").isalnum()


def test_options_of_the_policy_are_fields_of_every_backend_service():
    """Those that are written, in GCE's words."""
    given = BackendOptions(
        affinity="GENERATED_COOKIE",
        cookie_seconds=60,
        cdn=True,
        iap=False,
        request_headers=("X-A:b",),
        log_share=0.5,
    )
    wanted = wish(policy=BackendPolicy(options=given))
    (spec, _) = [
        item.spec for item in backends.desired(wanted, ()) if item.kind is Kind.BACKEND_SERVICE
    ]

    assert (spec["sessionAffinity"], spec["affinityCookieTtlSec"]) == ("GENERATED_COOKIE", 60)
    assert (spec["enableCDN"], spec["iap"]) == (True, {"enabled": False})
    assert spec["customRequestHeaders"] == ["X-A:b"]
    assert spec["logConfig"] == {"enable": True, "sampleRate": 0.5}
    assert options.fields(BackendOptions(log_share=0.0)) == {"logConfig": {"enable": False}}
    assert options.fields(BackendOptions()) == {}
