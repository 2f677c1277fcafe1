"""
The JSON Patch of an override.

Called by the policy decoder. Only the form is checked here; whether a patch applies, and what it
makes of the member's Ingress, is checked where it is applied.

Source: RFC 6902 (operations), RFC 6901 (pointers).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.words import quoted

OPERATIONS: Final = ("add", "remove", "replace", "move", "copy", "test")
IDENTITY: Final = (
    *("", "/apiVersion", "/kind", "/status"),
    *("/metadata", "/metadata/name", "/metadata/namespace"),
)
"""What an override may test, but not write."""

_POINTER: Final = re.compile(r"(/([^~/]|~[01])*)*")
_MOST: Final = 50
_POINTER_LIMIT: Final = 1024


def patch(cell: Cell) -> tuple[Mapping[str, Any], ...]:
    """The operations at *cell*, as written."""
    if not cell.given:
        cell.fault("is required: a list of JSON Patch operations")
    return tuple(_operation(item) for item in cell.items(least=1 if cell.given else 0, most=_MOST))


def _operation(cell: Cell) -> Mapping[str, Any]:
    held = cell.mapping()
    cell.fields("op", "path", "value", "from")
    told = cell.child("op")
    if not told.given:
        told.fault(f"is required: one of {', '.join(OPERATIONS)}")
    name = told.choice(OPERATIONS, noun="operation")
    path = _pointer(cell.child("path"))
    origin = _pointer(cell.child("from")) if name in ("move", "copy") else None
    if name in ("add", "replace", "test") and "value" not in held:
        cell.child("value").fault(f"is required by operation {name}")
    written = [] if name in ("test", "") else [("path", path)]
    if name == "move":
        written.append(("from", origin))
    for where, pointer in written:
        if pointer in IDENTITY or (pointer or "").startswith("/status/"):
            cell.child(where).fault(
                f"{quoted(pointer)} is the object's identity or status; an override may not write "
                "it"
            )
    return dict(held)


def _pointer(cell: Cell) -> str | None:
    """The JSON pointer here; None, with a fault, when it is none."""
    if not isinstance(cell.value, str):
        cell.fault("is required: a JSON pointer")
        return None
    if not _POINTER.fullmatch(cell.value):
        cell.fault(f"{quoted(cell.value)} is not a JSON pointer: it begins with `/`, `~` is `~0`")
        return None
    if len(cell.value) > _POINTER_LIMIT:
        cell.fault(f"is longer than {_POINTER_LIMIT} characters")
    return cell.value
