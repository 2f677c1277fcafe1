"""What is asked for: a concern to look at a unit. Events carry it; it never says what is true."""

from dataclasses import dataclass
from typing import Final, Literal

Concern = Literal["fanout", "backends", "dns", "status"]
CONCERNS: Final[tuple[Concern, ...]] = ("fanout", "backends", "dns", "status")

RESYNC: Final = "resync"
REPAIR: Final = "repair"
FORCE: Final = "force"
"""A repair that lifts the brakes, too."""
ROTATION: Final = "secret.changed"
"""A Secret that the Ingress names changed, which no report of fan-out's shows."""
DUE: Final = "due"
"""The cause of work that comes back by itself: continuations, ends of a back-off, ticks."""

WINDOW: Final = "window"
"""A tick: a zone whose records follow health takes one sample of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """
    One request to reconcile *unit* for *concern*.

    unit: `namespace/name` of a source Ingress for `fanout`, `backends` and `status`;
        `cloud-dns:PROJECT/ZONE` or `route53:ACCOUNT/ZONE` for `dns`; `firewall:PROJECT/NETWORK` for
        a network's firewall, which `backends` owns too.
    cause: why, in a word or two, for logs (`ingress.changed`, `resync`, `repair` ...).
    delay_seconds: not before that long from now; 0 is at once.
    """

    concern: Concern
    unit: str
    cause: str
    delay_seconds: float = 0.0

    @property
    def thorough(self) -> bool:
        """Whether to look at the clouds even when our own inputs did not change."""
        return self.cause in {RESYNC, REPAIR, FORCE, ROTATION}
