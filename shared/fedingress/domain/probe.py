"""What the pods behind a Service port say of how they are asked whether they are ready."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """
    A readiness probe by HTTP on the served port; without a path, that there is none.

    host: the Host header; empty for the address asked.   scheme: HTTP or HTTPS.
    interval_seconds, timeout_seconds: 1 to 300, as GCE's health checks have them.
    """

    path: str = ""
    host: str = ""
    scheme: str = "HTTP"
    interval_seconds: int = 0
    timeout_seconds: int = 0

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> Self:
        """From JSON as `encode` wrote it; fields of a newer version are left out."""
        names = {item.name for item in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in body.items() if name in names})
