"""The rules of a network."""

import dataclasses
import shlex

import pytest

from fedingress.domain.change import Create, Delete, Plan, Update
from fedingress.domain.graph import Mark
from fedingress.domain.report import NetworkIntent
from fedingress.planning import firewall


def intent(state="present", uid="u1", **more):
    """One Ingress in network n of project p."""
    return NetworkIntent(
        uid=uid, generation=1, source=f"ns/{uid}", state=state, project="p", network="n", **more
    )


def plan(intents, observed=(), *, complete=True):
    """Plan for network n."""
    return firewall.plan("p", "n", "me", intents, observed, complete=complete)


WANTED = plan([intent()]).changes[0].desired


def test_the_rule_opens_the_network_to_googles_probers_and_to_nobody_else():
    """Source: Google Cloud's ranges of health checks and proxies."""
    assert WANTED.project == "p"
    assert WANTED.mark == Mark(owner="me", uid="", source="n")
    assert WANTED.spec == {
        "network": "projects/p/global/networks/n",
        "direction": "INGRESS",
        "sourceRanges": ["130.211.0.0/22", "35.191.0.0/16"],
        "allowed": [{"IPProtocol": "tcp"}],
        "targetTags": None,
    }


def tagged(*tags):
    """The rule for nodes of these tags only."""
    return dataclasses.replace(WANTED, spec={**WANTED.spec, "targetTags": list(tags) or None})


MANY = tuple(f"tag-{number:02}" for number in range(71))

TAGS = {
    "one member's": ([intent(tags=("b", "a"))], (), ["a", "b"]),
    "those of several Ingresses": (
        [intent(tags=("b",)), intent(tags=("a",), uid="u2")],
        (),
        ["a", "b"],
    ),
    "one of them does not say": ([intent(tags=("a",)), intent(uid="u2")], (), None),
    "who leaves has no say": ([intent(tags=("a",)), intent("leaving", uid="u2")], (), ["a"]),
    "as many as a rule takes": ([intent(tags=MANY[:70])], (), list(MANY[:70])),
    "more than a rule takes": ([intent(tags=MANY)], (), None),
    "held, none there yet": ([intent(tags=("a",), held=True)], (), ["a"]),
    "held, and nothing known": ([intent(held=True)], (), None),
    "held, and there": ([intent(tags=("a",), held=True)], (tagged("b"),), ["a", "b"]),
    "held by one who knows nothing": (
        [intent(tags=("a",)), intent(held=True, uid="u2")],
        (tagged("b"),),
        ["a", "b"],
    ),
    "held, and there for every node": ([intent(tags=("a",), held=True)], (tagged(),), None),
    "held, and there as another's": (
        [intent(tags=("a",), held=True)],
        (dataclasses.replace(tagged("b"), mark=None),),
        ["a"],
    ),
    "not held any more": ([intent(tags=("a",))], (tagged("a", "b"),), ["a"]),
}


@pytest.mark.parametrize("name", TAGS)
def test_only_nodes_of_members_are_opened_where_all_say_their_tags(name):
    """A member that does not say opens the network; nothing is closed while it is held."""
    intents, observed, expected = TAGS[name]
    (rule,) = firewall.wanted("p", "n", "me", intents, observed)

    assert rule.spec["targetTags"] == expected


def test_ipv6_has_a_rule_of_its_own_while_any_asks():
    """A rule takes ranges of one family; the second comes, is held, and goes by itself."""
    first, second = firewall.wanted("p", "n", "me", [intent(), intent(ipv6=True, uid="u2")])

    assert first == WANTED
    assert second.name == f"{WANTED.name}6"
    assert second.spec["sourceRanges"] == ["2600:2d00:1:1::/64", "2600:2d00:1:b029::/64"]
    assert plan([intent()], (WANTED, second)).changes == (
        Delete(observed=second, why="no Ingress needs it in this network"),
    )
    assert not plan([intent(held=True)], (WANTED, second))
    assert [type(each) for each in plan([intent(ipv6=True)], (WANTED,))] == [Create]


def test_what_we_may_not_do_is_a_command_for_somebody_who_may():
    """The rule that it makes carries our mark, so that it counts as ours afterwards."""
    create, update, delete = (
        firewall.commands("firewall:p/n", "me", [], Plan(changes=(change,)))
        for change in (
            Create(desired=WANTED, why=""),
            Update(observed=WANTED, desired=tagged("a", "b"), fields=(), why=""),
            Delete(observed=WANTED, why=""),
        )
    )
    words = shlex.split(create)

    assert words[:5] == ["gcloud", "compute", "firewall-rules", "create", WANTED.name]
    assert {"--project=p", "--network=n", "--rules=tcp", "--direction=INGRESS"} < set(words)
    assert "--source-ranges=130.211.0.0/22,35.191.0.0/16" in words
    (mark,) = [word.removeprefix("--description=") for word in words if "description" in word]
    assert Mark.decode(mark) == WANTED.mark
    assert shlex.split(update)[3:5] == ["update", WANTED.name]
    assert "--target-tags=a,b" in shlex.split(update)
    assert "target-tags" not in create
    assert delete == f"gcloud compute firewall-rules delete {WANTED.name} --project=p"


def test_without_a_look_every_rule_that_is_needed_is_in_the_command():
    """One after the other, with the tags of the nodes; with nobody left, the rule goes."""
    both = firewall.commands("firewall:p/n", "me", [intent(ipv6=True, tags=("a", "b"))], None)
    words = [shlex.split(each) for each in both.split(" && ")]

    assert [each[4] for each in words] == [WANTED.name, f"{WANTED.name}6"]
    assert all("--target-tags=a,b" in each for each in words)
    assert firewall.commands("firewall:p/n", "me", [intent("leaving")], None) == (
        f"gcloud compute firewall-rules delete {WANTED.name} --project=p"
    )


NARROWED = dataclasses.replace(WANTED, spec={**WANTED.spec, "sourceRanges": []})
DEFAULTED = dataclasses.replace(WANTED, spec={**WANTED.spec, "priority": 1000})

CASES = {
    "needed and missing": (["present"], (), True, Create),
    "needed by one of two": (["deleting", "present"], (), True, Create),
    "needed, and there with defaults": (["present"], (DEFAULTED,), True, None),
    "needed, and narrowed by someone": (["present"], (NARROWED,), True, Update),
    "narrowed, before all were seen": (["present"], (NARROWED,), False, Update),
    "the last one leaves": (["deleting"], (WANTED,), True, Delete),
    "nobody was ever here": ([], (), True, None),
    "nobody is left, and it is gone already": (["deleting"], (), False, None),
    "nobody is known, of all": ([], (WANTED,), True, Delete),
}


@pytest.mark.parametrize("name", CASES)
def test_the_rule_stands_while_any_ingress_needs_it(name):
    """Created by the first, mended, deleted with the last."""
    states, observed, complete, expected = CASES[name]
    intents = [intent(state, uid=f"u{number}") for number, state in enumerate(states)]
    found = plan(iter(intents), observed, complete=complete)

    assert [type(change) for change in found] == ([expected] if expected else [])
    assert not found.held
    if expected is Update:
        assert found.changes[0].fields == ("sourceRanges",)


def test_an_empty_store_takes_no_rule_away():
    """Until every source has spoken, the rule stays and says so."""
    found = plan([], (WANTED,), complete=False)

    assert not found
    assert "stays until every Ingress was seen" in found.held[0]


def test_an_orphaned_graph_keeps_its_rule_for_good():
    """Marked so by the last that leaves as an orphan; whoever leaves later deletes nothing."""
    found = plan([intent("deleting"), intent("orphan", uid="u2")], (WANTED,))
    left = found.changes[0].desired

    assert [type(change) for change in found] == [Update]
    assert (left.spec, found.changes[0].fields) == (WANTED.spec, ("description",))
    for intents in ([], [intent("deleting")], [intent("orphan")]):
        assert plan(intents, (left,)) == Plan()


def test_an_orphan_does_not_take_the_rule_of_those_that_stay():
    """While any Ingress is present the rule is an ordinary one, and is mended as such."""
    both = [intent("orphan"), intent("present", uid="u2")]

    assert plan(both, (WANTED,)) == Plan()
    assert plan(both, (NARROWED,)).changes[0].desired.mark == WANTED.mark


@pytest.mark.parametrize("mark", [None, Mark(owner="other", uid="", source="n")])
@pytest.mark.parametrize("state", ["present", "deleting"])
def test_a_foreign_rule_under_our_name_is_left_alone(mark, state):
    """Without our mark it is neither mended nor deleted; that is told while it is needed."""
    foreign = dataclasses.replace(NARROWED, mark=mark)
    found = plan([intent(state)], (foreign,))
    told = firewall.problems("p", "n", "me", [intent(state)], (foreign,))

    assert not found
    assert [("NameTaken", text) for text in found.held] == list(told)
    if state == "present":
        assert ("carries the mark of" in found.held[0]) == (mark is not None)
    else:
        assert told == ()


def test_a_foreign_rule_is_taken_over_by_the_word_that_was_told():
    """The diff is told with it; another Ingress in the network may consent as well."""
    foreign = dataclasses.replace(NARROWED, mark=None)
    (text,) = plan([intent()], (foreign,)).held
    word = text.partition("annotate fedingress.dev/adopt: ")[2].partition(",")[0]
    agreed = [intent(), intent(uid="u2", consents=(word,))]
    (change,) = plan(agreed, (foreign,))

    assert "sourceRanges: [] -> " in text
    assert (change.observed, change.desired) == (foreign, WANTED)
    assert "description" in change.fields
    assert firewall.problems("p", "n", "me", agreed, (foreign,)) == ()


def test_a_foreign_rule_of_another_direction_cannot_be_taken_over():
    """Neither direction nor network of a rule can change."""
    foreign = dataclasses.replace(WANTED, mark=None, spec={**WANTED.spec, "direction": "EGRESS"})
    (text,) = plan([intent()], (foreign,)).held

    assert "its direction cannot be changed either: delete it" in text


def test_rules_of_other_names_are_not_looked_at():
    """Whatever else stands in the network, ours is created beside it."""
    other = dataclasses.replace(WANTED, name="theirs", mark=None)

    assert [type(change) for change in plan([intent()], (other,))] == [Create]


def test_each_installation_and_each_network_has_its_own_rule():
    """The name is a GCE name of at most 63 characters, and differs in both."""
    names = {firewall.prefix(who, where) for who in ("me", "you") for where in ("n", "m" * 63)}

    assert len(names) == 4
    assert all(len(name) <= 63 and name.startswith("fedingress-") for name in names)


def test_a_unit_reads_back():
    """Project and network come out of the unit as they went in."""
    assert firewall.parse(firewall.unit("p", "n")) == ("p", "n")


@pytest.mark.parametrize(
    "text", ["", "firewall:", "firewall:p", "firewall:p/", "firewall:/n", "cloud-dns:p/n", "p/n"]
)
def test_what_is_no_unit_of_a_network_is_refused(text):
    """A unit of another concern, or half of one, never becomes a firewall."""
    with pytest.raises(ValueError, match="is not firewall:PROJECT/NETWORK"):
        firewall.parse(text)
