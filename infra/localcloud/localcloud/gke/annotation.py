"""
What a Service asks of the NEG controller, and the name and status it gets; pure.

Source: GKE documentation, "Container-native load balancing through standalone zonal NEGs"; names as
the open-source controller makes them (``k8s1-<cluster>-<namespace>-<service>-<port>-<hash>``).
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

NEG = "cloud.google.com/neg"
NEG_STATUS = "cloud.google.com/neg-status"

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST = 63
_HASH_LENGTH = 8


class AnnotationRefusedError(ValueError):
    """The annotation cannot be obeyed; the text says why."""


def exposed(service: Mapping[str, Any], cluster_uid: str) -> dict[int, str]:
    """
    Give the NEG name of each exposed Service port; empty without the annotation.

    Raises:
        AnnotationRefusedError: No JSON object, a port that the Service does not have, a bad name,
            or one name for two ports.
    """
    meta = service["metadata"]
    text = (meta.get("annotations") or {}).get(NEG)
    if text is None or meta.get("deletionTimestamp"):
        return {}
    ports = {int(port["port"]) for port in service["spec"].get("ports") or ()}
    names: dict[int, str] = {}
    for number, attributes in _exposed_ports(text).items():
        if not number.isdigit() or int(number) not in ports:
            raise AnnotationRefusedError(
                f"port {number} specified in {NEG!r} doesn't exist in the service"
            )
        name = str((attributes or {}).get("name") or "")
        if name and _NAME.fullmatch(name) is None:
            raise AnnotationRefusedError(f"invalid NEG name {name!r}")
        names[int(number)] = name or auto_name(
            cluster_uid, meta["namespace"], meta["name"], int(number)
        )
    if len(set(names.values())) < len(names):
        raise AnnotationRefusedError("duplicate NEG name for different ports")
    return names


def auto_name(cluster_uid: str, namespace: str, service: str, port: int) -> str:
    """Give the name of a NEG that was not given one; never longer than 63 characters."""
    digest = hashlib.sha256(
        ";".join((cluster_uid, namespace, service, str(port))).encode()
    ).hexdigest()[:_HASH_LENGTH]
    prefix = f"k8s1-{cluster_uid.replace('-', '')[:8]}"
    fixed = len(prefix) + len(str(port)) + _HASH_LENGTH + 4
    room = (_LONGEST - fixed) // 2
    return f"{prefix}-{namespace[:room]}-{service[:room]}-{port}-{digest}"


def status(names: Mapping[int, str], zones: Sequence[str]) -> str:
    """Give the text of the status annotation."""
    groups = {str(port): name for port, name in sorted(names.items())}
    return json.dumps({"network_endpoint_groups": groups, "zones": sorted(zones)})


def description(cluster_uid: str, namespace: str, service: str, port: int) -> str:
    """Give the text by which the controller knows its own NEGs again."""
    words = {
        "cluster-uid": cluster_uid,
        "namespace": namespace,
        "service-name": service,
        "port": str(port),
    }
    return json.dumps(words)


def _exposed_ports(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise AnnotationRefusedError(f"{NEG!r} is no JSON: {error}") from error
    ports = document.get("exposed_ports") if isinstance(document, dict) else None
    if ports is None:
        return {}
    if not isinstance(ports, dict):
        raise AnnotationRefusedError(f"{NEG!r}: exposed_ports is no object")
    return ports
