"""
Selecting member clusters by their labels.

Called by placement and by overrides. Selectors come from a FederationPolicy (decoded in
`planning.decode`) or from the annotations of an Ingress, which use federation v1's form:
a JSON list such as `[{"key": "location", "operator": "in", "values": ["europe"]}]`.

Source: Kubernetes label selectors and node affinity (In, NotIn, Exists, DoesNotExist, Gt, Lt);
federation v1's clusterselector for the other spellings.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from fedingress.domain.errors import Invalid
from fedingress.domain.placement import Requirement, Selector
from fedingress.planning.decode.requirements import integer, values_problem
from fedingress.planning.decode.words import LABEL_VALUE, QUALIFIED_NAME, quoted, unknown_word

_SPELLINGS: Final = {
    "in": "In",
    "=": "In",
    "==": "In",
    "notin": "NotIn",
    "!=": "NotIn",
    "exists": "Exists",
    "!": "DoesNotExist",
    "doesnotexist": "DoesNotExist",
    "gt": "Gt",
    ">": "Gt",
    "lt": "Lt",
    "<": "Lt",
}
_KEYS: Final = ("key", "operator", "values")
_ONE_VALUE: Final = frozenset({"=", "==", "!="})
_TEXT_LIMIT: Final = 16 * 1024


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """
    Whether every requirement of *selector* holds for *labels*; an empty one always does.

    NotIn and DoesNotExist hold where the key is absent. Gt and Lt hold only where the label is an
    integer.
    """
    return all(_holds(requirement, labels) for requirement in selector.requirements)


def _holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return _compares(requirement, value)
    raise Invalid(f"operator {quoted(requirement.operator)} is none of In, NotIn, Exists, ...")


def _compares(requirement: Requirement, value: str | None) -> bool:
    held = integer(value or "")
    bounds = [integer(text) for text in requirement.values]
    if held is None or len(bounds) != 1 or bounds[0] is None:
        return False
    return held > bounds[0] if requirement.operator == "Gt" else held < bounds[0]


def parse_v1(text: str) -> Selector:
    """
    Decode the annotation `cluster-selector`, in federation v1's form or ours: they are one.

    Operators in any letter case: `in = ==`, `notin !=`, `exists`, `! doesnotexist`, `gt >`, `lt <`.

    Raises:
        Invalid: With every reason: not JSON, no list, unknown operators, keys that are no label
            keys, values that do not fit the operator.
    """
    if len(text) > _TEXT_LIMIT:
        raise Invalid(f"the selector is longer than {_TEXT_LIMIT} characters")
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{quoted(text)} is not JSON: {error}") from error
    if not isinstance(listed, list):
        raise Invalid(f"{quoted(text)} is not a JSON list of requirements")
    reasons: list[str] = []
    requirements = tuple(
        _requirement(entry, f"requirement {number}", reasons)
        for number, entry in enumerate(listed, start=1)
    )
    if reasons:
        raise Invalid(reasons)
    return Selector(requirements=requirements)


def _requirement(entry: Any, where: str, reasons: list[str]) -> Requirement:
    if not isinstance(entry, dict):
        reasons.append(f"{where} is not an object with key, operator and values")
        return Requirement(key="", operator="Exists")
    for name in entry:
        if name not in _KEYS:
            reasons.append(f"{where}: {unknown_word('field', name, _KEYS)}")
    key = entry.get("key")
    if not isinstance(key, str) or not QUALIFIED_NAME.fullmatch(key):
        reasons.append(f"{where}: key {quoted(key)} is not a label key")
    spelling = entry.get("operator")
    word = spelling.lower() if isinstance(spelling, str) else ""
    operator = _SPELLINGS.get(word, "")
    values = _values(entry.get("values"), where, reasons, integers=operator in ("Gt", "Lt"))
    if not operator:
        reasons.append(f"{where}: {unknown_word('operator', spelling, tuple(_SPELLINGS))}")
    elif word in _ONE_VALUE and len(values) != 1:
        reasons.append(f"{where}: operator {spelling} takes exactly one value")
    elif problem := values_problem(operator, values):
        reasons.append(f"{where}: operator {spelling} {problem}")
    return Requirement(key=str(key), operator=operator, values=values)


def _values(listed: Any, where: str, reasons: list[str], *, integers: bool) -> tuple[str, ...]:
    """The values as texts; *integers* are checked by `values_problem`, as -1 is no label value."""
    if listed is None:
        return ()
    if not isinstance(listed, list):
        reasons.append(f"{where}: values is not a list")
        return ()
    for value in listed:
        if not isinstance(value, str) or not (integers or LABEL_VALUE.fullmatch(value)):
            reasons.append(f"{where}: value {quoted(value)} is not a label value")
    return tuple(str(value) for value in listed)
