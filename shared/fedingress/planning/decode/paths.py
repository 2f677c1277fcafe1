"""
What may stand in a path of an Ingress rule.

Called by the Ingress decoder. Stricter than an API server where a character would mean something
else to a load balancer's URL map or to a proxy's configuration.

Source: validation of networking.k8s.io/v1 HTTPIngressPath; RFC 3986 section 3.3; compute v1
PathRule (`*` only at the end, no `?` or `#`).
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

PATH_TYPES: Final = ("Exact", "Prefix", "ImplementationSpecific")
EVERYTHING: Final = "/*"
"""What an ImplementationSpecific rule without a path means to GKE's controller."""

_LIMIT: Final = 1024
_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9/._~!$&()*+,;=:@-]|%[0-9A-Fa-f]{2})*")
_ENCODED_SLASH: Final = re.compile(r"%2f|%5c", re.IGNORECASE)
_ENCODED_CONTROL: Final = re.compile(r"%[01][0-9a-f]|%7f", re.IGNORECASE)
_DOT_SEGMENT: Final = re.compile(r"/\.\.?(?:/|\Z)")
_ENCODED_DOT: Final = re.compile(r"%2e", re.IGNORECASE)


_REFUSALS: Final[Sequence[tuple[Callable[[str], object], str]]] = (
    (lambda path: not path.startswith("/"), "is not absolute: it must begin with `/`"),
    (lambda path: len(path) > _LIMIT, f"is longer than {_LIMIT} characters"),
    (
        lambda path: not _CHARACTERS.fullmatch(path),
        (
            "has a character that may not stand in a path (spaces, quotes, backslashes, `?`, `#`, "
            "braces, control and non-ASCII characters); percent-encode it"
        ),
    ),
    (lambda path: "//" in path, "has `//`, an empty segment"),
    (_ENCODED_SLASH.search, "has an encoded slash or backslash (`%2f`, `%5c`)"),
    (_ENCODED_CONTROL.search, "has an encoded control character"),
    (
        lambda path: _DOT_SEGMENT.search(_ENCODED_DOT.sub(".", path)),
        "has a `.` or `..` segment",
    ),
)


def problem(path: str, path_type: str) -> str:
    """Why *path* cannot stand with *path_type*; empty when it can."""
    for refused, reason in _REFUSALS:
        if refused(path):
            return reason
    if "*" in path and (path_type != "ImplementationSpecific" or not _final_star(path)):
        return "has a `*`; only an ImplementationSpecific path may end with `/*`"
    return ""


def _final_star(path: str) -> bool:
    return path.endswith("/*") and path.count("*") == 1


def same_requests(path: str, path_type: str) -> str:
    """A key that is equal for paths of one type that match the same requests (`/a`, `/a/`)."""
    return (path.rstrip("/") or "/") if path_type == "Prefix" else path
