"""
YAML as Kubernetes reads it, from a source that is not trusted.

Called by `documents`. PyYAML's safe loader is not strict enough for objects that decide what a
load balancer does: it takes the last of two equal keys, makes dates of texts and minutes of
`22:22`, and follows every alias. Here a value is JSON, or there is an error with line and column.

Source: YAML 1.1 core types as sigs.k8s.io/yaml reads them.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

_CLASS: Final[Any] = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_TAG: Final = "tag:yaml.org,2002:"
_DEPTH: Final = 64
_NODES: Final = 200_000
"""How many values a document may come to once its aliases are written out."""
_SHOWN: Final = 80
_BOOLS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class SyntaxFault(Exception):  # noqa: N818  the word of the field: a fault has a place
    """A text that is no document. *line* and *column* count from 1."""

    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


_FLOAT: Final = (
    r"[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+"
    r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_BOOL: Final = "|".join(
    spelling for word in _BOOLS for spelling in (word, word.capitalize(), word.upper())
)


class _Loader(_CLASS):  # type: ignore[misc]  # chosen at run time
    """Knows null, bool, int, float, merge; all else is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  PyYAML's own shape


for _name, _pattern, _first in (
    ("bool", _BOOL, tuple("yYnNtTfFoO")),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("merge", r"<<", ("<",)),
    ("int", r"[-+]?(?:0b[01]+|0o?[0-7]+|0x[0-9a-fA-F]+|0|[1-9][0-9]*)", tuple("-+0123456789")),
    ("float", _FLOAT, tuple("-+0123456789.")),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), list(_first))


def parse(text: str) -> Any:
    """
    The value of the one document in *text*; None when it is empty.

    Raises:
        SyntaxFault: Not YAML, a key twice, an alias bomb, too deep, or values that JSON lacks.
    """
    try:
        _check_depth(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _placed(error) from error
    return None if node is None else _Values().value(node, 0)


def _check_depth(text: str) -> None:
    """Before anything recursive reads *text*: libyaml's composer would end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_CLASS):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEPTH:
                raise _at(event, f"nested deeper than {_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _placed(error: yaml.YAMLError) -> SyntaxFault:
    """PyYAML's error with its place; a character that may stand nowhere has only a number."""
    parts = [getattr(error, name, None) for name in ("context", "problem")]
    problem = " ".join(filter(None, parts)) or " ".join(str(error).split())[:200]
    mark = getattr(error, "problem_mark", None)
    return SyntaxFault(problem, mark.line + 1, mark.column + 1) if mark else SyntaxFault(problem)


def _at(part: Any, reason: str) -> SyntaxFault:
    return SyntaxFault(reason, part.start_mark.line + 1, part.start_mark.column + 1)


def _shown(text: str) -> str:
    return repr(text[:_SHOWN])


@dataclass(slots=True)
class _Values:
    """Values of nodes, with a budget that aliases spend each time they are written out."""

    spent: int = 0

    def value(self, node: Any, depth: int) -> Any:
        self.spent += 1
        if self.spent > _NODES or depth > _DEPTH:
            raise _at(node, "its aliases expand to too much")
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        raise _at(node, f"the tag {_shown(node.tag)} is refused")

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                merged = {**self._merge(value_node, depth), **merged}
                continue
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _TAG + "str":
                raise _at(key_node, "a key is not text; write it in quotes")
            if key_node.value in found:
                raise _at(key_node, f"the key {_shown(key_node.value)} stands twice")
            found[key_node.value] = self.value(value_node, depth + 1)
        return {**merged, **found}

    def _merge(self, node: Any, depth: int) -> dict[str, Any]:
        value = self.value(node, depth + 1)
        found: dict[str, Any] = {}
        for each in reversed(value if isinstance(value, list) else [value]):
            if not isinstance(each, dict):
                raise _at(node, "`<<` merges an object or a list of objects")
            found.update(each)
        return found


def _scalar(node: Any) -> Any:
    text = node.value
    match node.tag.removeprefix(_TAG):
        case "str" | "merge":
            return text
        case "null":
            return None
        case "bool" if text.lower() in _BOOLS:
            return _BOOLS[text.lower()]
        case "int" | "float" as kind:
            number = _number(text) if kind == "int" else _float(text)
            if number is None:
                raise _at(node, f"{_shown(text)} is not a number that JSON has")
            return number
    raise _at(node, f"the tag {_shown(node.tag)} is refused")


def _number(text: str) -> int | None:
    digits = text.lstrip("+-")
    octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
    try:
        number = int(digits, 8 if octal else 0)
    except ValueError:
        return None
    return -number if text.startswith("-") else number


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
