import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.errors import Invalid
from fedingress.domain.placement import Requirement, Selector
from fedingress.planning.selectors import matches, parse_v1

LABELS = {"location": "europe", "environment": "prod", "version": "15"}


def need(key, operator, *values):
    return {"key": key, "operator": operator, "values": list(values)}


V1_CASES = {
    "B1 in": ([need("location", "in", "europe")], True),
    "B2 in and ==": (
        [need("location", "in", "europe"), need("environment", "==", "prod")],
        True,
    ),
    "B3 == another": (
        [need("location", "in", "europe"), need("environment", "==", "test")],
        False,
    ),
    "B4 != and in": (
        [need("location", "!=", "usa"), need("environment", "in", "prod")],
        True,
    ),
    "B5 > 14": ([need("version", ">", "14")], True),
    "B6 > 15": ([need("version", ">", "15")], False),
    "B8 nothing asked": ([], True),
    "< 16": ([need("version", "<", "16")], True),
    "lt 15": ([need("version", "lt", "15")], False),
    "notin": ([need("location", "notin", "usa", "asia")], True),
    "NotIn in capitals": ([need("location", "NOTIN", "europe")], False),
    "= one": ([need("location", "=", "europe")], True),
    "exists": ([need("version", "exists")], True),
    "! of a present key": ([need("version", "!")], False),
    "DoesNotExist of an absent key": ([need("gpu", "DoesNotExist")], True),
    "!= holds for an absent key": ([need("gpu", "!=", "yes")], True),
    "in fails for an absent key": ([need("gpu", "in", "yes")], False),
    "> fails for a label that is no number": ([need("location", ">", "1")], False),
    "> fails for an absent key": ([need("gpu", "Gt", "1")], False),
}


@pytest.mark.parametrize("name", V1_CASES)
def test_v1_annotations_select(name):
    """Every operator of federation v1 selects as it did there."""
    listed, expected = V1_CASES[name]
    assert matches(parse_v1(json.dumps(listed)), LABELS) is expected


REFUSED = {
    "B7 not JSON": ('[{"not able to parse",}]', "is not JSON"),
    "no list": ('{"key": "a"}', "is not a JSON list"),
    "an item that is no object": ('["a"]', "requirement 1 is not an object"),
    "unknown operator": ('[{"key": "a", "operator": "like", "values": ["x"]}]', "unknown operator"),
    "missing operator": ('[{"key": "a"}]', "unknown operator nothing"),
    "a list for a key": ('[{"key": ["a"], "operator": "exists"}]', "key a list is not a label key"),
    "bad key": ('[{"key": "a b", "operator": "exists"}]', "key 'a b' is not a label key"),
    "in without values": ('[{"key": "a", "operator": "in"}]', "needs at least one value"),
    "exists with values": (
        '[{"key": "a", "operator": "exists", "values": ["x"]}]',
        "takes no values",
    ),
    "= with two": ('[{"key": "a", "operator": "=", "values": ["x", "y"]}]', "exactly one value"),
    "> no integer": ('[{"key": "a", "operator": ">", "values": ["x"]}]', "exactly one integer"),
    "> two": ('[{"key": "a", "operator": "gt", "values": ["1", "2"]}]', "exactly one integer"),
    "> beyond 64 bits": (
        '[{"key": "a", "operator": "<", "values": ["9223372036854775808"]}]',
        "exactly one integer",
    ),
    "values no list": ('[{"key": "a", "operator": "in", "values": "x"}]', "values is not a list"),
    "value no text": ('[{"key": "a", "operator": "in", "values": [1]}]', "value 1 is not a label"),
    "mistyped field": ('[{"key": "a", "operater": "in"}]', "did you mean operator?"),
    "deep": ("[" * 5000, "is not JSON"),
    "long": ("[" + " " * 20000 + "]", "longer than"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_v1_annotations_are_refused_with_reasons(name):
    """What does not parse is refused with a sentence, never skipped."""
    text, reason = REFUSED[name]
    with pytest.raises(Invalid) as raised:
        parse_v1(text)
    assert any(reason in each for each in raised.value.reasons), raised.value.reasons


def test_every_reason_is_given_at_once():
    """Two wrong requirements give two reasons, each with its number."""
    with pytest.raises(Invalid) as raised:
        parse_v1('[{"key": "a", "operator": "in"}, {"key": "b", "operator": "?"}]')
    assert [reason[:13] for reason in raised.value.reasons] == ["requirement 1", "requirement 2"]


def test_hostile_text_is_escaped():
    """Control characters of a selector do not reach the sentence."""
    with pytest.raises(Invalid) as raised:
        parse_v1('[{"key": "\\u001b[31m\\n", "operator": "exists"}]')
    assert str(raised.value).isprintable()


def test_an_unknown_operator_of_a_selector_is_refused():
    """A selector made by hand with a wrong operator never selects silently."""
    with pytest.raises(Invalid):
        matches(Selector(requirements=(Requirement(key="a", operator="Like"),)), {})


KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["1", "2", "15", "x"])
LABELS_DRAWN = st.dictionaries(KEYS, VALUES)
REQUIREMENTS = st.one_of(
    st.builds(
        lambda key, operator, values: Requirement(key=key, operator=operator, values=tuple(values)),
        KEYS,
        st.sampled_from(["In", "NotIn"]),
        st.lists(VALUES, min_size=1, max_size=3),
    ),
    st.builds(
        lambda key, operator: Requirement(key=key, operator=operator),
        KEYS,
        st.sampled_from(["Exists", "DoesNotExist"]),
    ),
    st.builds(
        lambda key, operator, value: Requirement(key=key, operator=operator, values=(str(value),)),
        KEYS,
        st.sampled_from(["Gt", "Lt"]),
        st.integers(-20, 20),
    ),
)


@given(st.lists(REQUIREMENTS, max_size=4), LABELS_DRAWN)
def test_requirements_are_anded_in_any_order(listed, labels):
    """A selector holds exactly when each of its requirements holds, whatever their order."""
    whole = matches(Selector(requirements=tuple(listed)), labels)
    alone = [matches(Selector(requirements=(each,)), labels) for each in listed]
    assert whole == all(alone)
    assert whole == matches(Selector(requirements=tuple(reversed(listed))), labels)


@given(KEYS, st.lists(VALUES, min_size=1, max_size=3), LABELS_DRAWN)
def test_in_and_not_in_are_opposites(key, values, labels):
    """So are Exists and DoesNotExist."""

    def holds(operator, *listed):
        requirement = Requirement(key=key, operator=operator, values=listed)
        return matches(Selector(requirements=(requirement,)), labels)

    assert holds("In", *values) != holds("NotIn", *values)
    assert holds("Exists") != holds("DoesNotExist")
    assert holds("Exists") == (key in labels)


@given(st.lists(REQUIREMENTS, max_size=4), LABELS_DRAWN)
def test_v1_form_and_ours_agree(listed, labels):
    """A selector written as a v1 annotation in any letter case means the same."""
    text = json.dumps([need(each.key, each.operator.upper(), *each.values) for each in listed])
    selector = Selector(requirements=tuple(listed))
    assert parse_v1(text) == selector
    assert matches(parse_v1(text), labels) == matches(selector, labels)


def reasons_of(text):
    try:
        parse_v1(text)
    except Invalid as error:
        return error.reasons
    return None


@given(st.text())
def test_any_text_gives_a_selector_or_reasons(text):
    """No annotation makes the parser fail in another way, and reasons are printable."""
    reasons = reasons_of(text)
    assert reasons is None or (reasons and all(reason.isprintable() for reason in reasons))
