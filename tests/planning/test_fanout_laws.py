"""The laws of fan-out, from what any Ingress left behind to any other."""

import json

from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.change import Create, Update
from fedingress.domain.policy import Override
from fedingress.planning.fanout import MemberWish
from tests.planning.fanned import applied, manifests, plan, refs, seen, wish
from tests.planning.shop import backend, held, service, source

ports = st.sampled_from([backend(name, 80) for name in ("web", "api", "img")])
sources = st.builds(
    source,
    ports,
    ports,
    hosts=st.lists(st.sampled_from(["a.com", "b.com"]), min_size=1, unique=True).map(tuple),
    annotations=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"])),
    labels=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"])),
)
overrides_of = st.lists(
    st.builds(
        Override,
        patch=st.sampled_from(
            [
                ({"op": "add", "path": "/metadata/annotations/z", "value": "3"},),
                ({"op": "add", "path": "/metadata/labels", "value": None},),
                ({"op": "remove", "path": "/spec/rules/0"},),
                ({"op": "replace", "path": "/spec/rules/0/host", "value": "c.com"},),
            ]
        ),
        clusters=st.sampled_from([None, ("a",), ("b",)]),
    ),
    max_size=2,
)
users = st.lists(st.sampled_from(["web", "api", "img"]), unique=True).map(
    lambda named: [service(name) for name in named]
)


@given(sources, overrides_of, sources, overrides_of, users)
def test_a_plan_applied_leaves_nothing_to_plan(first, some, second, others, theirs):
    """plan(x, plan applied) is empty, from what any wish left behind to any other."""
    view = seen(*theirs)
    view = applied(plan(wish(first, *some, observed=view), view), view)
    wanted = wish(second, *others, observed=view)
    after = applied(plan(wanted, view), view)
    again = plan(wish(second, *others, observed=after), after)

    assert not again
    assert not again.held
    assert refs(after.owned) == refs(wanted.objects)


@given(sources, sources, users, st.randoms())
def test_the_order_of_what_is_observed_does_not_matter(first, second, theirs, random):
    """Shuffled lists, equal wish and equal plan."""
    view = seen(*theirs)
    view = applied(plan(wish(first, observed=view), view), view)
    listed = manifests(view)
    random.shuffle(listed)
    shuffled = seen(*listed)
    wanted = wish(second, observed=view)

    assert wish(second, observed=shuffled) == wanted
    assert plan(wanted, shuffled) == plan(wanted, view)


@given(sources, users)
def test_the_next_source_of_a_name_takes_over_the_copy_of_the_one_that_is_gone(of, theirs):
    """A name has one source at a time, so another uid under the same name is an earlier one's."""
    view = seen(*theirs)
    copy = json.loads(json.dumps(wish(of, observed=view).objects[0].manifest))
    copy["metadata"]["labels"]["fedingress.dev/owner-uid"] = "earlier"
    earlier = seen(*theirs, copy)
    found = plan(wish(of, observed=earlier), earlier)
    copy["metadata"]["annotations"]["fedingress.dev/source"] = "other/name"
    another = seen(*theirs, copy)

    assert [change.desired.ref.kind for change in found if isinstance(change, Update)] == [
        "Ingress"
    ]
    assert not found.held
    assert plan(wish(of, observed=another), another).held


@given(sources, sources, users)
def test_foreign_objects_are_never_touched(first, second, theirs):
    """Under our names but with another mark, or none: held and told, in no change."""
    view = seen(*theirs)
    ours = wish(first, observed=view).objects
    foreign = []
    for number, item in enumerate(ours):
        manifest = json.loads(json.dumps(item.manifest))
        if number % 2:
            manifest["metadata"]["labels"]["fedingress.dev/owner"] = "other"
        else:
            del manifest["metadata"]["labels"]
        foreign.append(manifest)
    view = seen(*theirs, *foreign)
    there = refs([held("a", manifest) for manifest in [*theirs, *foreign]])
    wanted = wish(second, observed=view)
    found = plan(wanted, view)

    assert {type(change) for change in found} <= {Create}
    assert not refs(change.desired for change in found) & there
    assert len(found.held) == len(refs(wanted.objects) & there)
    assert not plan(MemberWish(), view)


@given(sources, users)
def test_teardown_takes_all_of_ours_and_only_that(of, theirs):
    """The plan for nothing deletes the copy and the companions; the users' Services stay."""
    before = seen(*theirs)
    view = applied(plan(wish(of, observed=before), before), before)
    after = applied(plan(MemberWish(), view), view)

    assert after == before
