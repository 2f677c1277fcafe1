"""
What is particular to each built-in kind: defaults, first status, validation.

Kinds that are not named here are stored as they are decoded. There are no controllers: a Deployment
makes no Pods, a Pod is not scheduled; whoever plays kubelet or controller writes their status.

Source: kubernetes ``pkg/registry/*/strategy.go`` and ``pkg/apis/*/v1/defaults.go``.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.kube.endpoints import endpoint_slice_causes, endpoints_causes
from localcloud.kube.errors import Causes, value_invalid, value_required
from localcloud.kube.fields import clone
from localcloud.kube.ingress import ingress_causes, ingress_class_causes, ingress_class_defaults
from localcloud.kube.service import service_causes, service_defaults

Old = Mapping[str, Any] | None
Defaults = Callable[[dict[str, Any], Old], None]
Validate = Callable[[Mapping[str, Any], Old], Causes]


def _no_defaults(_obj: dict[str, Any], _old: Old) -> None:
    return


def _no_causes(_obj: Mapping[str, Any], _old: Old) -> Causes:
    yield from ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """
    How one built-in kind differs from all others.

    Attributes:
        defaults: Fills in what a new or changed object leaves open.
        causes: Gives what is wrong with it, given the object it replaces.
        status: Status of a new object; None takes none.
        keeps_status: A create may bring its own status (nodes register so).
        needs_version: An update must say which resourceVersion it replaces.
    """

    defaults: Defaults = _no_defaults
    causes: Validate = _no_causes
    status: Mapping[str, Any] | None = None
    keeps_status: bool = False
    needs_version: bool = False

    def first_status(self) -> dict[str, Any] | None:
        """Give the status of a new object."""
        return None if self.status is None else dict(clone(dict(self.status)))


def _namespace_defaults(obj: dict[str, Any], _old: Old) -> None:
    if not obj["metadata"].get("deletionTimestamp"):
        obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    labels = obj["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")


def _secret_defaults(obj: dict[str, Any], _old: Old) -> None:
    plain = obj.pop("stringData", None) or {}
    for key, value in plain.items():
        obj.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()
    obj.setdefault("type", "Opaque")


def _secret_causes(obj: Mapping[str, Any], old: Old) -> Causes:
    for key, value in (obj.get("data") or {}).items():
        try:
            base64.b64decode(value, validate=True)
        except ValueError:
            yield value_invalid(f"data[{key}]", value, "illegal base64 data")
    if obj.get("type") == "kubernetes.io/tls":
        for key in ("tls.crt", "tls.key"):
            if key not in (obj.get("data") or {}):
                yield value_required(f"data[{key}]")
    if old is not None and old.get("type") != obj.get("type"):
        yield value_invalid("type", obj.get("type"), "field is immutable")
    yield from _frozen_causes(obj, old)


def _frozen_causes(obj: Mapping[str, Any], old: Old) -> Causes:
    """ConfigMaps and Secrets marked immutable stay as they are."""
    if old is None or not old.get("immutable"):
        return
    for key in ("data", "binaryData", "immutable"):
        if old.get(key) != obj.get(key):
            why = "field is immutable when `immutable` is set"
            yield value_invalid(key, obj.get(key), why)


def _container_defaults(container: dict[str, Any]) -> None:
    image = container.get("image", "")
    untagged = ":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest")
    container.setdefault("imagePullPolicy", "Always" if untagged else "IfNotPresent")
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")


def _pod_spec_defaults(spec: dict[str, Any]) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        _container_defaults(container)


def _pod_defaults(obj: dict[str, Any], _old: Old) -> None:
    spec = obj.setdefault("spec", {})
    _pod_spec_defaults(spec)
    spec.setdefault("enableServiceLinks", True)


def _pod_causes(obj: Mapping[str, Any], _old: Old) -> Causes:
    spec = obj.get("spec") or {}
    if not spec.get("containers"):
        yield value_required("spec.containers")
    for index, container in enumerate(spec.get("containers") or ()):
        for key in ("name", "image"):
            if not container.get(key):
                yield value_required(f"spec.containers[{index}].{key}")


def _deployment_defaults(obj: dict[str, Any], _old: Old) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    pod = (spec.get("template") or {}).get("spec")
    if isinstance(pod, dict):
        _pod_spec_defaults(pod)


def _deployment_causes(obj: Mapping[str, Any], old: Old) -> Causes:
    spec = obj.get("spec") or {}
    selector = spec.get("selector") or {}
    template = spec.get("template") or {}
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield value_required("spec.selector")
    labels = (template.get("metadata") or {}).get("labels") or {}
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        why = "`selector` does not match template `labels`"
        yield value_invalid("spec.template.metadata.labels", labels, why)
    if not (template.get("spec") or {}).get("containers"):
        yield value_required("spec.template.spec.containers")
    if old is not None and (old.get("spec") or {}).get("selector") != selector:
        yield value_invalid("spec.selector", selector, "field is immutable")


def _policy_defaults(obj: dict[str, Any], _old: Old) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    match = spec.get("matchConstraints")
    if isinstance(match, dict):
        match.setdefault("matchPolicy", "Equivalent")
        match.setdefault("namespaceSelector", {})
        match.setdefault("objectSelector", {})
        for rule in match.get("resourceRules") or ():
            rule.setdefault("scope", "*")


def _policy_causes(obj: Mapping[str, Any], _old: Old) -> Causes:
    spec = obj.get("spec") or {}
    if not (spec.get("matchConstraints") or {}).get("resourceRules"):
        yield value_required("spec.matchConstraints.resourceRules")
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        yield value_required(
            "spec.validations", "validations or auditAnnotations must be specified"
        )


def _binding_causes(obj: Mapping[str, Any], _old: Old) -> Causes:
    spec = obj.get("spec") or {}
    for key in ("policyName", "validationActions"):
        if not spec.get(key):
            yield value_required(f"spec.{key}")


PLAIN = Kind()
CUSTOM = Kind(needs_version=True)

_LOAD_BALANCER: Mapping[str, Any] = {"loadBalancer": {}}

KINDS: Mapping[str, Kind] = {
    "ConfigMap": Kind(causes=_frozen_causes),
    "CustomResourceDefinition": Kind(needs_version=True),
    "Deployment": Kind(defaults=_deployment_defaults, causes=_deployment_causes, status={}),
    "Endpoints": Kind(causes=endpoints_causes),
    "EndpointSlice": Kind(causes=endpoint_slice_causes),
    "Ingress": Kind(causes=ingress_causes, status=_LOAD_BALANCER),
    "IngressClass": Kind(defaults=ingress_class_defaults, causes=ingress_class_causes),
    "Lease": Kind(needs_version=True),
    "Namespace": Kind(defaults=_namespace_defaults, status={"phase": "Active"}),
    "Node": Kind(keeps_status=True),
    "Pod": Kind(
        defaults=_pod_defaults,
        causes=_pod_causes,
        status={"phase": "Pending", "qosClass": "BestEffort"},
    ),
    "Secret": Kind(defaults=_secret_defaults, causes=_secret_causes),
    "Service": Kind(defaults=service_defaults, causes=service_causes, status=_LOAD_BALANCER),
    "ValidatingAdmissionPolicy": Kind(defaults=_policy_defaults, causes=_policy_causes),
    "ValidatingAdmissionPolicyBinding": Kind(causes=_binding_causes),
}
