r"""
Domain names as Route 53 keeps them: lower case, with a final dot, odd characters as octal escapes.

``*`` and ``\052`` are the same character, and come back as ``\052``.

Source: Route 53 Developer Guide, "DNS domain name format"; RFC 1035 §2.3.4 for lengths.
"""

import re

_ESCAPE = re.compile(r"\\([0-3][0-7]{2})")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_LABEL_OCTETS = 63
_NAME_OCTETS = 255


class BadName(ValueError):  # noqa: N818  the words of the field read better
    """The text is no domain name; the message is Route 53's."""


def canonical(text: str) -> str:
    """
    Give the name as Route 53 stores and lists it.

    Raises:
        BadName: Empty or long labels, characters outside ASCII.
    """
    plain = unescaped(text).lower()
    absolute = plain if plain.endswith(".") else plain + "."
    labels = absolute[:-1].split(".")
    if not all(labels):
        raise BadName(_problem("DomainLabelEmpty", "Domain label is empty", text))
    if any(len(label) > _LABEL_OCTETS for label in labels):
        raise BadName(_problem("DomainLabelTooLong", "Domain label is too long", text))
    if len(absolute) > _NAME_OCTETS:
        raise BadName(_problem("DomainNameTooLong", "Domain name is too long", text))
    if not absolute.isascii():
        raise BadName(
            _problem("UnsupportedCharacter", "Value contains unsupported characters", text)
        )
    return "".join(each if each in _PLAIN else f"\\{ord(each):03o}" for each in absolute)


def unescaped(text: str) -> str:
    r"""Give the name with its characters in place of escapes, ``*`` for ``\052``."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def listing_order(name: str) -> str:
    """Give what sorts names as Route 53 lists them: the labels from the last to the first."""
    return ".".join(reversed(name[:-1].split("."))) + "."


def within(name: str, apex: str) -> bool:
    """Say whether a canonical name is the zone's own or below it."""
    return name == apex or name.endswith("." + apex)


def _problem(kind: str, words: str, value: str) -> str:
    return f"FATAL problem: {kind} ({words}) encountered with '{value}'"
