"""
The data plane of a world's virtual addresses: follows the load balancing objects, tells health.

The world starts one beside its clouds, calls `changed` whenever an object or endpoint changed, and
hands `health` to the clouds, so that getHealth says what HAProxy's checks really found.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from localcloud.dataplane.follower import Follower
from localcloud.dataplane.haproxy.program import compile_program
from localcloud.dataplane.haproxy.regions import ClientRegion
from localcloud.dataplane.haproxy.snapshot import Snapshot, path_of


class DataPlane(Follower):
    """
    HAProxy kept equal to what *snapshot* gives.

    Args:
        regions: Where clients are; a client of no region counts as one of the first.
        run_dir: A directory of our own for programs and HAProxy's log; made if absent.
        snapshot: Called in the loop whenever something changed.
        check_interval_factor: Shortens check intervals and timeouts for labs in a hurry, down to
            0.1 s; 1.0 is as the health checks say.
    """

    def __init__(
        self,
        *,
        regions: Sequence[ClientRegion],
        run_dir: Path,
        snapshot: Callable[[], Snapshot],
        check_interval_factor: float = 1.0,
    ) -> None:
        if not regions:
            raise ValueError("a data plane needs one client region at least")
        everywhere = tuple(regions)
        super().__init__(
            run_dir=run_dir,
            compiled=lambda: compile_program(snapshot(), everywhere, check_interval_factor),
        )

    def health(self, backend_service: str, group: str) -> dict[tuple[str, int], str]:
        """
        HEALTHY or UNHEALTHY by (10.x address, port) of a group's endpoints in a backend service.

        At most 0.3 s old. Empty when the pair is not served: like Google, only services that a
        forwarding rule leads to are checked.
        """
        program, haproxy = self._program, self._haproxy
        if program is None or haproxy is None:
            return {}
        pool = program.pools.get((path_of(backend_service), path_of(group)))
        up = self.up()
        found = {}
        for name, server in program.servers:
            if name == pool:
                ip, _, port = server.rpartition(":")
                healthy = up.get((name, server), False)
                found[ip, int(port)] = "HEALTHY" if healthy else "UNHEALTHY"
        return found
