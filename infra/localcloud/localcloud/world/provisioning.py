"""
When managed certificates are looked at: soon after anything changed in Google's stand-in.

Google looks again and again; here a change of an object or a zone is what makes a name lead
somewhere else.
"""

import asyncio
from collections.abc import Callable, Sequence

from localcloud.addresses import WorldBlock
from localcloud.dataplane.answers import Chooser, Unserved, ZoneView, resolve
from localcloud.gcp.managed_certificates import ManagedCertificates


class Provisioning:
    """Lets *certificates* look *seconds* after a change; changes meanwhile count as one."""

    def __init__(self, certificates: ManagedCertificates, seconds: float) -> None:
        self._certificates = certificates
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def changed(self, _path: str) -> None:
        """Hear of a change, in the loop."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._look)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        self._certificates.look()


def public_addresses(
    zones: Callable[[], Sequence[ZoneView]], block: WorldBlock, choose: Chooser
) -> Callable[[str], list[str]]:
    """Give what finds the addresses of a name as somebody outside of every network does."""

    def addresses(name: str) -> list[str]:
        try:
            answer = resolve(zones(), f"{name}.", "A", block.checker(1), choose)
        except Unserved:
            return []
        return [each for row in answer.answers if row.type == "A" for each in row.rdatas]

    return addresses
