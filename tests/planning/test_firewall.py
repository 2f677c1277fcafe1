"""The one rule of a network."""

import dataclasses
import shlex

import pytest

from fedingress.domain.change import Create, Delete, Plan, Update
from fedingress.domain.graph import Mark
from fedingress.domain.report import NetworkIntent
from fedingress.planning import firewall


def intent(state="present", uid="u1"):
    """One Ingress in network n of project p."""
    return NetworkIntent(
        uid=uid, generation=1, source=f"ns/{uid}", state=state, project="p", network="n"
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
    }


def test_what_we_may_not_do_is_a_command_for_somebody_who_may():
    """The rule that it makes carries our mark, so that it counts as ours afterwards."""
    create, update, delete = (
        firewall.command("p", "n", "me", change)
        for change in (
            None,
            Update(observed=WANTED, desired=WANTED, fields=(), why=""),
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
    assert delete == f"gcloud compute firewall-rules delete {WANTED.name} --project=p"


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
    """Without our mark it is neither mended nor deleted, and that is told."""
    foreign = dataclasses.replace(NARROWED, mark=mark)
    found = plan([intent(state)], (foreign,))

    assert not found
    assert "does not carry our mark" in found.held[0]


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
