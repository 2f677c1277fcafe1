"""Events besides conditions that turn: one for each cause, one for each wait, none for a pass."""

import pytest

from fedingress.planning import news, status
from tests.planning.test_status import AWAY, NOW, PLACED, built, fanned, said, standing, written

WAITING = {"state": "placed", "reason": "Waiting", "message": "waiting for groups"}


def after(*stands):
    """The causes told at the last of these standings, each written before the next is looked at."""
    source = stands[0].source
    wish = None
    for each in stands:
        found = status.Standing(
            **{
                name: getattr(each, name)
                for name in ("fanout", "backends", "hosts", "retired", "faults", "closed")
            },
            source=source,
        )
        wish = status.decide(found, now=NOW)
        source = written(found, wish).source
    return [(cause.reason, cause.sentence, cause.warning) for cause in wish.causes]


def members(**rows):
    """A standing with these rows."""
    return standing(fanout=fanned(clusters=rows))


def closed(sentence):
    """A firewall that we may not open."""
    return "FirewallForbidden", sentence


def problem(*sentences):
    """A standing with these problems of the graph."""
    return standing(backends=built(problems=tuple(("NameTaken", text) for text in sentences)))


TOLD = {
    "the first cause turns the condition, which tells it": (
        [standing(), members(a=PLACED, b=AWAY)],
        [],
    ),
    "a second member with the same reason": (
        [members(a=PLACED, b=AWAY), members(a=PLACED, b=AWAY, c=AWAY)],
        [("Unreachable", "c: no answer", True)],
    ),
    "the same again": ([members(a=PLACED, b=AWAY), members(a=PLACED, b=AWAY)], []),
    "a second problem": ([problem("x"), problem("x", "y")], [("NameTaken", "y", True)]),
    "a problem less": ([problem("x", "y"), problem("x")], []),
    "problems that may have been cut": ([problem("x" * 2000), problem("x" * 2000, "y")], []),
    "a wait": (
        [standing(), members(a=PLACED, b=WAITING)],
        [("Waiting", "b: waiting for groups", False)],
    ),
    "the same wait": ([members(b=WAITING), members(b=WAITING)], []),
    "what is well": ([members(b=WAITING), members(b=PLACED)], []),
    "of one that leaves, only what holds it": (
        [
            standing(retired=True, closed=(closed("a is closed"),)),
            standing(
                retired=True, closed=(closed("a is closed"), closed("b is closed")), fanout=fanned()
            ),
        ],
        [("FirewallForbidden", "b is closed", True)],
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_each_cause_is_told_once(case):
    """By the condition that turns, or else by itself."""
    stands, expected = TOLD[case]

    assert after(*stands) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"a": 1}'])
def test_a_table_that_others_wrote_counts_as_nothing(text):
    """It is an annotation that anybody may write."""
    found = standing()
    meta = {**found.source.manifest["metadata"], "annotations": {}}
    meta["annotations"]["fedingress.dev/cluster-status"] = text
    from dataclasses import replace

    source = replace(found.source, manifest={**found.source.manifest, "metadata": meta})
    assert news.observed_table(source) == {}


def test_a_closed_firewall_shows_while_the_ingress_leaves():
    """It says what holds the deletion, and nothing of members that are left anyway."""
    found = standing(retired=True, closed=(closed("a is closed; run: gcloud"),), fanout=fanned())
    wish = status.decide(found, now=NOW)
    degraded = next(each for each in wish.conditions if each.type == "Degraded")

    assert (degraded.status, degraded.reason) == ("True", "FirewallForbidden")
    assert degraded.message == "a is closed; run: gcloud"


def test_what_holds_a_deletion_shows_instead_of_the_leaving():
    """The cloud's words; without any the graph is simply being removed."""
    held = built(programmed=False, observed=False, reason="InUse", message="theirs refers to it")

    assert said(standing(retired=True, backends=held), "Programmed") == (
        "False",
        "InUse",
        "theirs refers to it",
    )
    assert said(standing(retired=True), "Programmed")[1] == "Leaving"
