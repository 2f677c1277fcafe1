"""Comparing what is desired with what is observed: desired must be contained, no more."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def contains(observed: Any, desired: Any) -> bool:
    """
    Whether everything *desired* says holds in *observed*.

    Objects may have more keys than desired (defaults, other managers' fields); lists must have the
    same length and each item must contain its counterpart. An absent key equals an empty object,
    list or string, because API servers drop those.
    """
    if observed == desired:  # compared in C, and true of nearly all that is asked
        return True
    if isinstance(desired, Mapping):
        if not desired:
            return observed is None or isinstance(observed, Mapping)
        return isinstance(observed, Mapping) and all(
            contains(observed.get(key), value) for key, value in desired.items()
        )
    if isinstance(desired, Sequence) and not isinstance(desired, str):
        found = [] if observed is None else observed
        return (
            isinstance(found, Sequence)
            and not isinstance(found, str)
            and len(found) == len(desired)
            and all(contains(have, want) for have, want in zip(found, desired, strict=True))
        )
    return observed is None and bool(desired == "")


def differing(observed: Mapping[str, Any], desired: Mapping[str, Any]) -> tuple[str, ...]:
    """The top-level keys of *desired* that *observed* does not contain, sorted."""
    return tuple(
        sorted(key for key, value in desired.items() if not contains(observed.get(key), value))
    )


def fingerprint(value: Any) -> str:
    """A short digest of a JSON value; equal values in any key order give the same."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
