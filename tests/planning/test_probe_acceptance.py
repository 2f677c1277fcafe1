"""
E1, the probe table of ingress-gce, from a pod's words to the health check, for nodes and for pods.

An API server fills in a period of 10 and a timeout of 1 second, and GCE takes no timeout beyond the
interval, so that of 1234 seconds ends there.
"""

import pytest

from fedingress.domain.graph import InstanceGroupRef, NegRef
from fedingress.domain.policy import HealthCheckPolicy
from fedingress.planning import health_checks
from fedingress.planning.groups import Group
from fedingress.planning.health_checks import Question
from tests.planning.test_backends import PORTS
from tests.planning.test_probes import asking, container, pod, said

HOST = {"httpHeaders": [{"name": "Host", "value": "foo.com"}]}
TABLE = {
    "no probe": (None, ("/", None, 60, 60), ("/", None, 15, 15)),
    "a path and timeout 1234": (
        asking("/override", timeoutSeconds=1234),
        ("/override", None, 70, 70),
        ("/override", None, 10, 10),
    ),
    "a host": (
        asking("", get={"host": "foo.com"}),
        ("/", "foo.com", 1, 70),
        ("/", "foo.com", 1, 10),
    ),
    "a Host header": (asking("", get=HOST), ("/", "foo.com", 1, 70), ("/", "foo.com", 1, 10)),
    "port 3000": (asking("/override", 3000), ("/", None, 60, 60), ("/", None, 15, 15)),
    "timeout 50, period 100": (
        asking("/", timeoutSeconds=50, periodSeconds=100),
        ("/", None, 50, 160),
        ("/", None, 50, 100),
    ),
}
NODES = InstanceGroupRef(project="p", zone="z", name="ig")
PODS = NegRef(project="p", zone="z", name="neg")


@pytest.mark.parametrize("case", TABLE)
@pytest.mark.parametrize("grouped", [True, False])
def test_what_a_pod_says_is_what_is_checked(case, grouped):
    """(path, host, timeout, interval), on the node port for nodes, on the pods' own otherwise."""
    probe, nodes, pods = TABLE[case]
    found, left_out = said(pod(container(probe)))
    port = 32211 if grouped else 0
    group = Group(
        cluster="a",
        backend=PORTS[0],
        neg=NODES if grouped else PODS,
        node_port=port,
        probe=found,
    )
    spec = health_checks.decide(
        Question(
            policy=HealthCheckPolicy(),
            own=(group,),
            protocol="HTTP",
            standing={},
            grouped=grouped,
            node_port=port,
        )
    )
    block = spec["httpHealthCheck"]
    times = spec["timeoutSec"], spec["checkIntervalSec"]

    assert (block["requestPath"], block["host"], *times) == (nodes if grouped else pods)
    assert ("3000" in left_out) == (case == "port 3000")
    assert block.get("port") == (32211 if grouped else None)
