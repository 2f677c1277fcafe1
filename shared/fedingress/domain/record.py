"""Record sets of a hosted zone."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSet:
    """
    All records of one name and type.

    name: without the final dot, lower case; a wildcard begins with `*.`.
    type: A, AAAA, CNAME, TXT ...
    values: sorted; TXT values without quotes.
    policy: the provider's routing policy as JSON text when there is one (then *values* is empty);
        never ours in a zone with simple routing, and read without harm.
    """

    name: str
    type: str
    ttl_seconds: int
    values: tuple[str, ...]
    policy: str = ""

    @property
    def label(self) -> str:
        return f"{self.type} {self.name}"

    def as_json(self) -> Any:
        return {
            "name": self.name,
            "type": self.type,
            "ttl_seconds": self.ttl_seconds,
            "values": list(self.values),
        }
