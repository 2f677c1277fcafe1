"""
What a document may be: the rules that every store shares, checked before anything is written.

Called by the stores. They are as strict as the strictest real one, so that a document which one
home accepts is accepted on all.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from fedingress.domain.errors import Conflict, Invalid
from fedingress.ports.store import Body, Key

MAX_BODY_BYTES: Final = 400_000
"""DynamoDB's limit on an item is 400 KB of 1024; Firestore's on a document is 1 MiB."""
MAX_NAME_BYTES: Final = 1024
"""DynamoDB's limit on a sort key; Firestore's on an id is 1500 and on an indexed text as well."""


def encode(key: Key, body: Body | object) -> str:
    """
    The body as compact JSON text.

    Raises:
        Invalid: The key is empty or unprintable, the body holds what JSON has not, or is too large.
    """
    check_key(key)
    reasons = _faults(body, "body")
    if not isinstance(body, Mapping):
        reasons = ["body: not an object"]
    if reasons:
        raise Invalid(f"{key.family} {key.name}: {reason}" for reason in reasons)
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False, default=dict)
    size = len(text.encode())
    if size > MAX_BODY_BYTES:
        raise Invalid(f"{key.family} {key.name}: {size} bytes, at most {MAX_BODY_BYTES} are kept")
    return text


def decode(text: str) -> dict[str, Any]:
    """A fresh body from its text; changing it changes nothing stored."""
    body: dict[str, Any] = json.loads(text)
    return body


def check_key(key: Key) -> None:
    """
    Refuse keys that some store cannot hold or order.

    Raises:
        Invalid: Family or name is empty or too long, or holds a control character or a lone
            surrogate.
    """
    for part in (key.family, key.name):
        if not part or not part.isprintable():
            raise Invalid(f"{part!r} is no key of a document")
        if len(part.encode()) > MAX_NAME_BYTES:
            raise Invalid(f"{part[:64]!r}... is longer than {MAX_NAME_BYTES} bytes")


def check_version(key: Key, *, stored: str, expected: str | None) -> None:
    """
    Compare the version that is there (`ABSENT` for none) with the one that must be.

    Raises:
        Conflict: They differ.
    """
    if expected is not None and expected != stored:
        raise Conflict(
            f"{key.family} {key.name} is at version {stored or 'none'}, not {expected or 'none'}"
        )


def next_version(*, last: int, unix_seconds: float) -> int:
    """
    The next version: above *last*, and above any of a store that was wiped in the past.

    Versions count for the whole store, so a document that is deleted and created again never gets
    an old one back.
    """
    return max(last + 1, int(unix_seconds * 1_000_000))


def _faults(value: Any, path: str) -> list[str]:
    """One sentence for everything in *value* that JSON does not have."""
    match value:
        case None | bool() | int():
            return []
        case str():
            return [] if _encodable(value) else [f"{path}: a lone surrogate"]
        case float():
            return [] if value - value == 0 else [f"{path}: {value} is not a JSON number"]
        case Mapping():
            found = [
                f"{path}: key {key!r} is no string of JSON"
                for key in value
                if not isinstance(key, str) or not _encodable(key)
            ]
            return found + [fault for k, v in value.items() for fault in _faults(v, f"{path}.{k}")]
        case list() | tuple():
            return [fault for n, v in enumerate(value) for fault in _faults(v, f"{path}[{n}]")]
        case _:
            return [f"{path}: {type(value).__name__} is not JSON"]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
