"""What the concerns need from the world, as small protocols, and `Ports`, which holds them."""

from dataclasses import dataclass

from fedingress.ports.accelerators import Accelerators
from fedingress.ports.bus import Bus
from fedingress.ports.clock import Clock
from fedingress.ports.clusters import MemberClusters
from fedingress.ports.guard import Guard
from fedingress.ports.health_checks import HealthChecks, ZoneHealthChecks
from fedingress.ports.ledger import Ledger
from fedingress.ports.load_balancers import LoadBalancers
from fedingress.ports.parallel import Parallel
from fedingress.ports.record_sets import RecordSets
from fedingress.ports.regional_balancers import RegionalBalancers
from fedingress.ports.sources import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """
    Everything a concern may touch; built once per cold start by `runtime.wire`.

    owner: the name of this installation, which stands in every ownership mark.
    """

    owner: str
    sources: Sources
    clusters: MemberClusters
    load_balancers: LoadBalancers
    record_sets: RecordSets
    health_checks: ZoneHealthChecks
    balancers: RegionalBalancers
    accelerators: Accelerators
    ledger: Ledger
    bus: Bus
    clock: Clock
    parallel: Parallel


__all__ = [
    "Accelerators",
    "Bus",
    "Clock",
    "Guard",
    "HealthChecks",
    "Ledger",
    "LoadBalancers",
    "MemberClusters",
    "Parallel",
    "Ports",
    "RecordSets",
    "RegionalBalancers",
    "Sources",
    "ZoneHealthChecks",
]
