"""Conditions, as the Kubernetes API conventions have them, and one member's row of the table."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """
    status: `True`, `False` or `Unknown`.   since: RFC 3339, when *status* last changed.

    observed_generation: of the source that the statement is about.
    """

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    since: str = ""

    def encode(self) -> dict[str, Any]:
        """As a Kubernetes condition."""
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "observedGeneration": self.observed_generation,
            "lastTransitionTime": self.since,
        }

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> "Condition":
        """
        From a Kubernetes condition.

        Raises:
            KeyError, ValueError, TypeError, OverflowError: It is none.
        """
        return cls(
            type=str(body["type"]),
            status=str(body["status"]),
            reason=str(body["reason"]),
            message=str(body.get("message", "")),
            observed_generation=int(body["observedGeneration"]),
            since=str(body.get("lastTransitionTime", "")),
        )

    def says(self) -> tuple[str, str, str]:
        """What an Event is worth for: type, status and reason."""
        return (self.type, self.status, self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRow:
    """
    One member in the table. endpoints and healthy count pods as the load balancer sees them.

    capacity: the share of its rate that the load balancer uses, 0 to 1.
    drained: it gets no new requests.
    share, deserved: where records choose among members, the part of traffic that is published for
        it and the part that it deserves.   weight: of its record.
    """

    cluster: str
    state: str
    reason: str
    message: str
    endpoints: int = 0
    healthy: int = 0
    capacity: float = 0.0
    drained: bool = False
    addresses: tuple[str, ...] = ()
    share: float | None = None
    deserved: float | None = None
    weight: int | None = None

    def encode(self) -> dict[str, Any]:
        """As JSON, without the name."""
        body = asdict(self)
        del body["cluster"]
        body["addresses"] = list(self.addresses)
        return {name: value for name, value in body.items() if value is not None}
