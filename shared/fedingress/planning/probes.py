"""
The readiness probe of the pods that a Service port selects. Fan-out reads it in each member.

Pods are read and not the templates of Deployments: one right, `list` on pods, covers every kind of
workload, and a pod says what runs rather than what was asked for.

Source: ingress-gce, `pkg/translator` (which probes become health checks); core v1 Probe, defaults
of `periodSeconds` (10) and `timeoutSeconds` (1).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from fedingress.domain.ingress import Manifest, ServiceBackend
from fedingress.domain.probe import Probe
from fedingress.planning.companions import find_port
from fedingress.planning.decode.words import DNS_NAME, PROBE_PATH, quoted

_PERIOD_SECONDS: Final = 10
_TIMEOUT_SECONDS: Final = 1
_MOST_SECONDS: Final = 300
_ENDED: Final = frozenset({"Succeeded", "Failed"})
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,5}")

Container = Mapping[str, Any]


def said(
    pods: Iterable[Manifest], service: Manifest, backend: ServiceBackend, protocol: str
) -> tuple[Probe | None, str]:
    """
    What the pods behind *backend* say; the newest one speaks for all.

    Args:
        pods: Of the Service's namespace.
        service: It has the port; without a selector it has no pods.
        backend: The Service port.
        protocol: HTTP, HTTPS or HTTP2, as requests are sent; a probe has to fit it.

    Returns:
        The probe, `Probe()` where none can be used, or None where no pod stands; and why a probe
        that stands there is not used, a sentence or nothing.
    """
    selector = service["spec"].get("selector") or {}
    chosen = [pod for pod in pods if _stands(pod) and _selected(pod, selector)]
    if not chosen:
        return None, ""
    pod = max(chosen, key=_age)
    port = find_port(service, backend) or {}
    target = port.get("targetPort") or port.get("port")
    probe, why = _probe(_containers(pod), target, protocol)
    if why:
        why = f"the readiness probe behind {backend.service}:{backend.port} is not used: {why}"
    return probe, why


def _stands(pod: Manifest) -> bool:
    ended = (pod.get("status") or {}).get("phase") in _ENDED
    return not ended and not pod["metadata"].get("deletionTimestamp")


def _selected(pod: Manifest, selector: Mapping[str, str]) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())


def _age(pod: Manifest) -> tuple[str, str]:
    """Sorts pods, the newest last; a name decides within one second."""
    meta = pod["metadata"]
    return str(meta.get("creationTimestamp") or ""), str(meta.get("name", ""))


def _containers(pod: Manifest) -> Sequence[Container]:
    """Containers of the pod, and those that start before them and stay."""
    spec = pod.get("spec") or {}
    early = spec.get("initContainers") or ()
    stay = [each for each in early if each.get("restartPolicy") == "Always"]
    return [*(spec.get("containers") or ()), *stay]


def _probe(containers: Sequence[Container], target: object, protocol: str) -> tuple[Probe, str]:
    """The probe on *target* among *containers*, and why one of the serving container is not."""
    number = _resolved(target, [port for each in containers for port in _ports(each)])
    serving = [
        each for each in containers if number in {p.get("containerPort") for p in _ports(each)}
    ]
    whys: list[str] = []
    # A port need not be declared: then any container may be the one that serves it.
    for container in serving or containers:
        probe = container.get("readinessProbe") or {}
        if not probe:
            continue
        get = probe.get("httpGet")
        if not isinstance(get, Mapping):
            whys.append(f"{', '.join(_kinds(probe))} cannot be asked from outside")
        elif reasons := list(_unfit(get, container, number, protocol)):
            whys += reasons
        else:
            return _decoded(get, probe), ""
    return Probe(), "; ".join(whys)


def _ports(container: Container) -> Iterable[Mapping[str, Any]]:
    return container.get("ports") or ()


def _kinds(probe: Mapping[str, Any]) -> list[str]:
    kinds = ("exec", "grpc", "tcpSocket")
    return [kind for kind in kinds if kind in probe] or ["its kind"]


def _resolved(port: object, named: Iterable[Mapping[str, Any]]) -> int | None:
    """A port as a number; None where no container port has that name."""
    if isinstance(port, int):
        return port
    if _WHOLE_NUMBER.fullmatch(str(port)):
        return int(str(port))
    numbers = (each.get("containerPort") for each in named if each.get("name") == port)
    return next((number for number in numbers if isinstance(number, int)), None)


def _unfit(
    get: Mapping[str, Any], container: Container, number: int | None, protocol: str
) -> Iterator[str]:
    asked = _resolved(get.get("port"), _ports(container))
    if asked is None or asked != number:
        yield f"it asks port {quoted(get.get('port'))}, and requests go to {number or 'no port'}"
    scheme = get.get("scheme") or "HTTP"
    if scheme != _scheme(protocol):
        yield f"it speaks {quoted(scheme)}, and requests speak {protocol}"
    others = sorted(name for name in _headers(get) if name != "host")
    if others:
        yield f"health checks cannot send its header {', '.join(map(quoted, others))}"
    if not PROBE_PATH.fullmatch(_path(get)):
        yield f"its path {quoted(get.get('path'))} is none for a health check"
    host = _host(get)
    if host and not DNS_NAME.fullmatch(host):
        yield f"its host {quoted(host)} is no DNS name"


def _scheme(protocol: str) -> str:
    return "HTTP" if protocol == "HTTP" else "HTTPS"


def _headers(get: Mapping[str, Any]) -> dict[str, str]:
    """By name in lower case."""
    listed = get.get("httpHeaders") or ()
    return {str(each.get("name", "")).lower(): str(each.get("value", "")) for each in listed}


def _host(get: Mapping[str, Any]) -> str:
    """The header wins, as it does for the kubelet."""
    return (_headers(get).get("host") or str(get.get("host") or "")).lower()


def _path(get: Mapping[str, Any]) -> str:
    text = str(get.get("path") or "/")
    return text if text.startswith("/") else f"/{text}"


def _decoded(get: Mapping[str, Any], probe: Mapping[str, Any]) -> Probe:
    return Probe(
        path=_path(get),
        host=_host(get),
        scheme=str(get.get("scheme") or "HTTP"),
        interval_seconds=_seconds(probe.get("periodSeconds"), _PERIOD_SECONDS),
        timeout_seconds=_seconds(probe.get("timeoutSeconds"), _TIMEOUT_SECONDS),
    )


def _seconds(value: object, default: int) -> int:
    """What GCE can take of it; an API server stores whole numbers above 0 only."""
    return min(value, _MOST_SECONDS) if isinstance(value, int) and value > 0 else default
