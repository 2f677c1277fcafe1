"""
The load balancers at work: one HAProxy for all of them, from the first one on.

Tells `Balancers` what its checks of the targets find.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from localcloud.aws.acm.certificates import Certificates
from localcloud.aws.elb.balancers import Balancers, LoadBalancer, Target, TargetGroup
from localcloud.aws.elb.pools import backend_of, server_of
from localcloud.aws.elb.program import compile_balancers
from localcloud.dataplane.follower import Follower

log = logging.getLogger(__name__)


class Balancing:
    """Serves what *balancers* hold until `close`."""

    def __init__(
        self,
        balancers: Balancers,
        certificates: Certificates,
        *,
        run_dir: Path,
        check_interval_factor: float,
        sixth: Callable[[str, int], int],
    ) -> None:
        """
        Serve *balancers*.

        Args:
            balancers: Of the account.
            certificates: What their listeners of HTTPS show.
            run_dir: A folder for HAProxy's files.
            check_interval_factor: Shortens check intervals and time limits.
            sixth: The port on ::1 that stands for an address of IPv6 and a port.
        """
        self.plane = Follower(
            run_dir=run_dir,
            compiled=lambda: compile_balancers(
                balancers.all.values(),
                check_interval_factor,
                pem=lambda arn: certificates.all[arn].pem if arn in certificates.all else "",
                sixth=sixth,
            ),
        )
        self._balancers = balancers
        certificates.subscribe(lambda: self._balancers.changed() if balancers.all else None)
        self._starting: asyncio.Task[None] | None = None
        balancers.changed = self._changed
        balancers.states = self._states

    async def close(self) -> None:
        """End HAProxy; nothing is followed any more."""
        self._balancers.changed = lambda: None
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self.plane.close()

    def _changed(self) -> None:
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        self.plane.changed()

    async def _start(self) -> None:
        try:
            await self.plane.start()
        except (OSError, RuntimeError):
            log.exception("the load balancers are not served")

    def _states(self, balancer: LoadBalancer, group: TargetGroup) -> Mapping[Target, bool]:
        backend, up = backend_of(balancer, group), self.plane.up()
        return {
            target: up[backend, server_of(target)]
            for target in group.targets
            if (backend, server_of(target)) in up
        }
