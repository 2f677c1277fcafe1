"""Health checks that a DNS provider carries out from outside, whatever becomes of us."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckConfig:
    """
    What is checked, and how.

    kind: `HTTP`, `HTTPS`, `TCP`, or `CALCULATED` (as many of its children are healthy as
        *threshold* says).
    address: DNS name or IP address; empty with CALCULATED, and where the records that name it have
        the addresses (Cloud DNS).   port: 0 with CALCULATED.
    path: begins with `/`; empty with TCP and CALCULATED.
    interval_seconds: 10 or 30; Cloud DNS takes no less than 30.
    threshold: results in a row that turn it, 1 to 10.
    children: ids of health checks, sorted; with CALCULATED only.
    forced_down: told to fail whatever is found.
    """

    kind: str
    address: str = ""
    port: int = 0
    path: str = ""
    interval_seconds: int = 30
    threshold: int = 3
    children: tuple[str, ...] = field(default=())
    forced_down: bool = False

    @property
    def fixed(self) -> tuple[Any, ...]:
        """What cannot be changed once it exists: another one takes its place."""
        return (self.kind, self.address, self.interval_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """
    One health check that stands.

    reference: what its creator called it, unique for ever: see `planning.checks`.
    """

    id: str
    reference: str
    config: CheckConfig

    @property
    def label(self) -> str:
        """Kind and what it looks at."""
        return f"HealthCheck {self.config.kind} {self.config.address}{self.config.path}".rstrip()

    def as_json(self) -> Any:
        """For people."""
        return {
            "id": self.id,
            "kind": self.config.kind,
            "address": self.config.address,
            "port": self.config.port,
            "path": self.config.path,
            "interval_seconds": self.config.interval_seconds,
            "threshold": self.config.threshold,
            "children": list(self.config.children),
            "forced_down": self.config.forced_down,
        }
