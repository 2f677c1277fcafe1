"""What stands under our names and is not ours: told with its diff, taken over by a word."""

import dataclasses

import pytest

from fedingress.domain.change import Update
from fedingress.domain.graph import GlobalResource, Kind, Mark
from fedingress.planning import adoption, backends
from tests.planning.test_backends import MARK, converge, wish


def standing(kind=Kind.BACKEND_SERVICE, mark=None, **fields):
    """A converged graph of one Service; the resource of *kind* has that mark and these fields."""
    observed, _ = converge(wish(1))
    return tuple(
        dataclasses.replace(item, mark=mark, spec={**item.spec, **fields})
        if item.kind is kind
        else item
        for item in observed
    )


def the(kind, observed):
    """The one resource of *kind*."""
    (found,) = [item for item in observed if item.kind is kind]
    return found


def planned(observed, *words):
    """The plan with these words of consent."""
    wanted = backends.desired(wish(1), observed)
    return backends.plan(wanted, observed, MARK, consents=frozenset(words))


def told(observed):
    """The word that the one refusal names."""
    (sentence,) = planned(observed).held
    return sentence.partition("annotate fedingress.dev/adopt: ")[2].partition(",")[0]


KINDS = [Kind.HEALTH_CHECK, Kind.BACKEND_SERVICE, Kind.URL_MAP]
FIELDS = {
    Kind.HEALTH_CHECK: {"timeoutSec": 3},
    Kind.BACKEND_SERVICE: {"timeoutSec": 3},
    Kind.URL_MAP: {"defaultService": "projects/p/global/backendServices/other"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_told_with_its_diff_and_taken_over_by_that_word(kind):
    """Fields and values, old and new; then it is updated and carries our mark."""
    observed = standing(kind, **FIELDS[kind])
    (field,) = FIELDS[kind]
    (sentence,) = planned(observed).held
    (change,) = planned(observed, told(observed))

    assert f"{field}: " in sentence
    assert " -> " in sentence
    assert isinstance(change, Update)
    assert change.desired.mark == MARK
    assert change.fields == (field, "description")


def test_one_that_differs_in_nothing_is_marked_only():
    """Somebody has written another description over our mark."""
    observed = standing()
    (sentence,) = planned(observed).held
    (change,) = planned(observed, told(observed))

    assert sentence.endswith("which changes its description only")
    assert change.fields == ("description",)


def test_a_word_is_for_the_diff_that_was_shown():
    """Another diff, another resource under the name, or a part of the word: no consent."""
    first, later = standing(timeoutSec=3), standing(timeoutSec=4)
    said = told(first)
    reborn = tuple(
        dataclasses.replace(item, output={"id": "2"}) if item.mark is None else item
        for item in first
    )

    assert not planned(later, said)
    assert not planned(reborn, said)
    assert not planned(first, said.partition("@")[0])
    assert planned(first, said)


REFUSED = {
    "of another installation": (
        standing(mark=Mark(owner="other", uid="u-1", source="team/site")),
        "carries the mark of team/site; it is left alone",
    ),
    "an address": (standing(Kind.ADDRESS), "to use it, annotate fedingress.dev/static-ip: "),
    "a proxy": (
        standing(Kind.TARGET_HTTP_PROXY),
        "gives it no labels, so it cannot take a mark: delete it (gcloud compute target-http-prox",
    ),
    "a rule at another address": (
        standing(Kind.FORWARDING_RULE, IPAddress="198.51.100.7", portRange="81"),
        "its IPAddress, portRange cannot be changed either: delete it (gcloud compute forwarding-r",
    ),
    "of another scheme": (
        standing(loadBalancingScheme="EXTERNAL"),
        "its loadBalancingScheme cannot be changed either: delete it",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_taken_over_says_what_else_to_do(case):
    """Whatever is said, it is left alone."""
    observed, sentence = REFUSED[case]
    wanted = backends.desired(wish(1), observed)
    (pair,) = adoption.foreign(wanted, observed, MARK)
    (held,) = planned(observed, adoption.word(*pair)).held

    assert sentence in held


def test_a_rule_takes_our_mark_as_labels():
    """Its target may change; a mark that labels cannot say is refused with the reason."""
    observed = standing(Kind.FORWARDING_RULE, target="projects/p/global/targetHttpProxies/theirs")
    (sentence,) = planned(observed).held
    (change,) = planned(observed, told(observed))
    unfit = dataclasses.replace(change.desired, mark=dataclasses.replace(MARK, source="a/b.c"))

    assert "which changes its labels and target: " in sentence
    assert isinstance(change, Update)
    assert change.fields == ("target", "labels")
    assert adoption.adopted(change.observed, unfit, {told(observed)}) is None
    assert "namespace and name do not fit into labels" in adoption.refusal(change.observed, unfit)


def test_a_certificate_serves_as_it_is_or_goes():
    """It can neither change nor take a mark."""
    ours = GlobalResource(kind=Kind.SSL_CERTIFICATE, project="p", name="n", spec={}, mark=MARK)
    text = adoption.refusal(dataclasses.replace(ours, mark=None), ours)

    assert "delete it (gcloud compute ssl-certificates delete n --project=p --global)" in text
    assert text.endswith("annotate ingress.gcp.kubernetes.io/pre-shared-cert: n")


def test_nothing_new_is_led_to_a_backend_service_of_others():
    """Where the URL map does not stand yet it is not made, nor what comes before it."""
    service = the(Kind.BACKEND_SERVICE, standing())
    plan = planned((service,))

    assert {change.desired.kind for change in plan} == {Kind.ADDRESS, Kind.HEALTH_CHECK}
    assert service.name in plan.held[0]


def test_a_foreign_url_map_is_told_and_the_services_behind_it_are_ours():
    """Requests go where its owner says; the rest of the graph is kept up."""
    observed = standing(Kind.URL_MAP)
    changed = tuple(
        dataclasses.replace(item, spec={**item.spec, "timeoutSec": 9})
        if item.kind is Kind.BACKEND_SERVICE
        else item
        for item in observed
    )

    assert [change.desired.kind for change in planned(changed)] == [Kind.BACKEND_SERVICE]


def test_long_values_are_cut_in_the_sentence_and_absent_ones_named():
    """A condition has room for a thousand characters."""
    observed = standing(backends=None, timeoutSec=None)
    (sentence,) = planned(observed).held

    assert "backends: nothing -> [" in sentence
    assert "timeoutSec: nothing -> 30" in sentence
    assert "..." in sentence


def test_the_words_stand_in_an_annotation():
    """Separated by commas; blanks do not matter."""
    assert adoption.consents({"fedingress.dev/adopt": " a/b@1 ,, c/d@2"}) == {"a/b@1", "c/d@2"}
    assert adoption.consents({}) == frozenset()


def test_problems_name_each_one_until_it_is_consented():
    """With a reason for the condition."""
    observed = standing()
    wanted = wish(1)
    ((reason, sentence),) = backends.problems(wanted, observed)
    agreed = dataclasses.replace(wanted, consents=frozenset({told(observed)}))

    assert reason == "NameTaken"
    assert "to adopt it, annotate" in sentence
    assert backends.problems(agreed, observed) == ()


def test_ours_is_what_carries_owner_and_uid():
    """Neither a missing mark nor another one."""
    item = GlobalResource(kind=Kind.URL_MAP, project="p", name="n", spec={}, mark=MARK)

    assert adoption.ours(item, MARK)
    assert not adoption.ours(dataclasses.replace(item, mark=None), MARK)
    assert not adoption.ours(item, dataclasses.replace(MARK, uid="x"))
    assert not adoption.ours(item, dataclasses.replace(MARK, owner="x"))
