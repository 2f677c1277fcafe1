"""
The label selectors of Kubernetes, as a FederationPolicy writes them.

Called by the policy decoder; `planning.selectors` shares the rules on operators and values.

Source: Kubernetes meta/v1 LabelSelector; Gt and Lt as in core/v1 NodeSelectorRequirement.
"""

import re
from typing import Final

from fedingress.domain.placement import Requirement, Selector
from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.words import LABEL_VALUE, QUALIFIED_NAME, quoted

OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_INT64: Final = 2**63
_MOST_EXPRESSIONS: Final = 20
_MOST_VALUES: Final = 50


def integer(text: str) -> int | None:
    """The 64-bit integer that *text* spells in decimal; None when it does not."""
    if not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if -_INT64 <= number < _INT64 else None


def values_problem(operator: str, values: tuple[str, ...]) -> str:
    """Why *operator* (one of `Requirement`'s) cannot take *values*; empty when it can."""
    if operator in ("Exists", "DoesNotExist"):
        return "takes no values" if values else ""
    if operator in ("Gt", "Lt"):
        if len(values) != 1 or integer(values[0]) is None:
            return "takes exactly one integer, written as text"
        return ""
    return "" if values else "needs at least one value"


def selector(cell: Cell) -> Selector | None:
    """The label selector at *cell*, `matchLabels` and `matchExpressions` ANDed; None if absent."""
    if not cell.given:
        return None
    cell.fields("matchLabels", "matchExpressions")
    wanted = cell.child("matchLabels")
    found = []
    for key, value in sorted(wanted.texts().items()):
        if not QUALIFIED_NAME.fullmatch(key):
            wanted.fault(f"{quoted(key)} is not a label key")
        if not LABEL_VALUE.fullmatch(value):
            wanted.fault(f"{quoted(value)} is not a label value")
        found.append(Requirement(key=key, operator="In", values=(value,)))
    found += [
        _expression(item) for item in cell.child("matchExpressions").items(most=_MOST_EXPRESSIONS)
    ]
    return Selector(requirements=tuple(found))


def _expression(cell: Cell) -> Requirement:
    cell.fields("key", "operator", "values")
    key = cell.child("key").required(like=QUALIFIED_NAME, noun="a label key")
    told = cell.child("operator")
    if not told.given:
        told.fault(f"is required: one of {', '.join(OPERATORS)}")
    operator = told.choice(OPERATORS, noun="operator")
    listed = cell.child("values")
    # An integer bound may be negative, which no label value is.
    like = None if operator in ("Gt", "Lt") else LABEL_VALUE
    values = tuple(
        item.text(like=like, noun="a label value") for item in listed.items(most=_MOST_VALUES)
    )
    if operator and (problem := values_problem(operator, values)):
        listed.fault(f"operator {operator} {problem}")
    return Requirement(key=key, operator=operator or "Exists", values=values)
