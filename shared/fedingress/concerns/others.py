"""Backend services that are not of this installation, as far as they bear on ours."""

from fedingress.domain.graph import Kind
from fedingress.planning import balancing
from fedingress.planning.backends import GraphWish
from fedingress.ports import Ports


def bound(wish: GraphWish, ports: Ports) -> frozenset[str]:
    """Members whose instance groups others hold in another balancing mode than *wish* wants."""
    found = ports.load_balancers.observe(wish.project, (Kind.BACKEND_SERVICE,), "")
    theirs = [
        entry
        for item in found
        if item.mark is None or item.mark.owner != wish.mark.owner
        for entry in item.spec.get("backends") or ()
    ]
    return balancing.bound(wish.groups, theirs, balancing.measure(wish.policy)["balancingMode"])
