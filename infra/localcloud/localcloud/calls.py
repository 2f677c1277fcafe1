"""
Mutating requests, counted at the wire: who wrote what, how often.

Every wire server of the local cloud records here each write that it carried out, so that a test
or a user can ask "how many calls did one event cost?". Not counted: reads, dry runs, refused
requests, and what only says that somebody is alive or has something to tell (Kubernetes Events
and Leases); the servers leave those out. A write that changed nothing was still sent, and counts.
"""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    How often one caller sent one kind of write.

    Attributes:
        caller: First product token of the User-Agent, without its version.
        service: Kind of service that was called: ``kubernetes``, ``compute``, ``dns``.
        place: Cluster or project that was written to.
        verb: What was asked: ``create``, ``update``, ``patch``, ``apply``, ``delete``, ...
        resource: What was written, in the service's own words, with its subresource if any.
        count: Times, at least 1.
    """

    caller: str
    service: str
    place: str
    verb: str
    resource: str
    count: int


class Calls:
    """A counter of mutating requests, shared by as many servers as wanted."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str, str, str]] = Counter()

    def record(self, *, caller: str, service: str, place: str, verb: str, resource: str) -> None:
        """Count one write that took effect."""
        self._counts[caller, service, place, verb, resource] += 1

    def total(self, caller_prefix: str = "") -> int:
        """Give the number of writes by callers whose name starts with *caller_prefix*."""
        return sum(n for key, n in self._counts.items() if key[0].startswith(caller_prefix))

    def list(self) -> tuple[Call, ...]:
        """Give every counted kind of write, sorted by caller, service, place, verb, resource."""
        return tuple(
            Call(caller=k[0], service=k[1], place=k[2], verb=k[3], resource=k[4], count=n)
            for k, n in sorted(self._counts.items())
        )

    def clear(self) -> None:
        """Start again from nothing."""
        self._counts.clear()


def caller_of(user_agent: str | None) -> str:
    """
    Give the caller's name: the User-Agent's first token up to its ``/``.

    ``kubectl/v1.32.4 (linux/amd64)`` gives ``kubectl``; no User-Agent gives ``unknown``.
    """
    first = (user_agent or "").strip().split(" ", 1)[0]
    return first.split("/", 1)[0] or "unknown"
