"""Copies of JSON, so that nobody shares an object with what is read or stored."""

from typing import TypeVar, cast

T = TypeVar("T")


def copied(value: T) -> T:
    """A deep copy of a JSON value; several times faster than copying any object there is."""
    if isinstance(value, dict):
        return cast("T", {key: copied(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return cast("T", [copied(inner) for inner in value])
    return value
