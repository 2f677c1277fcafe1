"""The status of a Pod, as the kubelet writes it; pure."""

from collections.abc import Mapping
from typing import Any


def pod_status(
    pod: Mapping[str, Any], address: str | None, *, ready: bool, error: str = ""
) -> dict[str, Any]:
    """
    Give ``status`` of *pod*.

    Args:
        pod: Its object.
        address: Its address; None while it has none, which is ``Unschedulable``.
        ready: Whether it should get requests.
        error: Why its servers cannot run; empty when they do.
    """
    truth = "True" if ready else "False"
    conditions: list[dict[str, Any]] = [_condition("PodScheduled", "True" if address else "False")]
    if address is None:
        conditions[0] |= {"reason": "Unschedulable", "message": error}
        return {"phase": "Pending", "conditions": conditions}
    conditions += [_condition("Initialized", "True")]
    conditions += [_condition(name, truth) for name in ("ContainersReady", "Ready")]
    if error:
        for condition in conditions[2:]:
            condition |= {"reason": "CreateContainerError", "message": error}
    return {
        "phase": "Pending" if error else "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": conditions,
        "containerStatuses": [
            _container(container, ready=ready, error=error)
            for container in pod["spec"].get("containers") or ()
        ],
    }


def _condition(name: str, truth: str) -> dict[str, Any]:
    return {"type": name, "status": truth}


def _container(container: Mapping[str, Any], *, ready: bool, error: str) -> dict[str, Any]:
    waiting = {"waiting": {"reason": "CreateContainerError", "message": error}}
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        "started": not error,
        "state": waiting if error else {"running": {}},
    }
