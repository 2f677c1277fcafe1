"""
Whose an Ingress is: its class, and the policy behind the class.

Called by every implementation of the port `Sources`.

Source: networking.k8s.io/v1 IngressClass; the order of the DefaultIngressClass admission plugin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.ingress import Fault, Manifest
from fedingress.domain.policy import FederationPolicy
from fedingress.planning.decode.ingresses import LEGACY_CLASS
from fedingress.planning.decode.policies import policy as decode_policy
from fedingress.planning.decode.reading import Cell, named
from fedingress.planning.decode.words import DNS_1123_SUBDOMAIN, quoted

DEFAULT_CLASS: Final = "ingressclass.kubernetes.io/is-default-class"
_GROUP: Final = "fedingress.dev"
_KIND: Final = "FederationPolicy"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressClass:
    """
    One IngressClass.

    federated: its controller is ours.   policy: the FederationPolicy it names; empty with *faults*.
    default: Ingresses without a class are of this one.   created: RFC 3339.
    """

    name: str
    federated: bool
    policy: str = ""
    default: bool = False
    created: str = ""
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAnswer:
    """
    What an Ingress is under.

    federated: an Ingress of another class is not our business.
    policy: None when *faults* says why, one sentence each.
    """

    federated: bool
    policy: FederationPolicy | None = None
    faults: tuple[str, ...] = ()


def ingress_class(manifest: Manifest, where: str = "") -> IngressClass:
    """Decode an IngressClass; one of another controller has no faults for us."""
    faults: list[Fault] = []
    whole = Cell(
        value=manifest, at="", where=where or named(manifest, "IngressClass"), faults=faults
    )
    meta = whole.child("metadata")
    annotations = meta.child("annotations").value
    found = IngressClass(
        name=str(meta.child("name").value or ""),
        federated=whole.child("spec").child("controller").value == names.CONTROLLER,
        default=isinstance(annotations, Mapping) and annotations.get(DEFAULT_CLASS) == "true",
        created=str(meta.child("creationTimestamp").value or ""),
    )
    if not found.federated:
        return found
    policy = _parameters(whole.child("spec").child("parameters"))
    return IngressClass(
        name=found.name,
        federated=True,
        policy="" if faults else policy,
        default=found.default,
        created=found.created,
        faults=tuple(faults),
    )


def _parameters(cell: Cell) -> str:
    if not cell.given:
        cell.fault(f"is required: apiGroup {_GROUP}, kind {_KIND} and the name of the policy")
        return ""
    cell.fields("apiGroup", "kind", "name", "scope", "namespace")
    for name, wanted in (("apiGroup", _GROUP), ("kind", _KIND)):
        told = cell.child(name)
        if told.value != wanted:
            told.fault(f"{quoted(told.value)} is not {wanted}")
    scope = cell.child("scope")
    if scope.text("Cluster") != "Cluster":
        scope.fault(f"{quoted(scope.value)} is not Cluster: a {_KIND} has no namespace")
    if cell.child("namespace").given:
        cell.child("namespace").fault(f"must be absent: a {_KIND} has no namespace")
    return cell.child("name").required(like=DNS_1123_SUBDOMAIN, noun=f"the name of a {_KIND}")


def class_name(manifest: Manifest, classes: Sequence[IngressClass]) -> str:
    """
    The name of the class that the Ingress *manifest* is of; empty when it is of none.

    `spec.ingressClassName`, else the annotation of old, else the default class: of several the
    one created last, then the first by name.
    """
    written = _held(manifest, "spec").get("ingressClassName")
    if written is None:
        written = _held(_held(manifest, "metadata"), "annotations").get(LEGACY_CLASS)
    if written is not None:
        return written if isinstance(written, str) else ""
    defaults = sorted((each for each in classes if each.default), key=lambda each: each.name)
    newest = max((each.created for each in defaults), default="")
    return next((each.name for each in defaults if each.created == newest), "")


def answer(
    source_manifest: Manifest, classes: Sequence[Manifest], policies: Mapping[str, Manifest]
) -> ClassAnswer:
    """
    The class and policy that an Ingress is under.

    Args:
        source_manifest: The Ingress.
        classes: Every IngressClass.
        policies: Every FederationPolicy by name.

    Returns:
        An Ingress that carries a finalizer of ours stays federated while its class is missing: a
        class deleted by mistake must not look like an Ingress that was taken from us.
    """
    decoded = [ingress_class(each) for each in classes]
    name = class_name(source_manifest, decoded)
    found = next((each for each in decoded if each.name == name), None)
    if found is None:
        if not name or not _ours(source_manifest):
            return ClassAnswer(federated=False)
        return ClassAnswer(federated=True, faults=(f"IngressClass {quoted(name)} does not exist",))
    return _behind(found, policies) if found.federated else ClassAnswer(federated=False)


def _behind(found: IngressClass, policies: Mapping[str, Manifest]) -> ClassAnswer:
    """The policy that a class of ours names."""
    if found.faults:
        return ClassAnswer(federated=True, faults=tuple(str(fault) for fault in found.faults))
    if found.policy not in policies:
        reason = f"IngressClass {found.name}: {_KIND} {found.policy} does not exist"
        return ClassAnswer(federated=True, faults=(reason,))
    policy = decode_policy(policies[found.policy])
    if isinstance(policy, FederationPolicy):
        return ClassAnswer(federated=True, policy=policy)
    return ClassAnswer(federated=True, faults=tuple(str(fault) for fault in policy))


def _held(manifest: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = manifest.get(name)
    return found if isinstance(found, Mapping) else {}


def _ours(manifest: Manifest) -> bool:
    carried = _held(manifest, "metadata").get("finalizers")
    return isinstance(carried, list) and any(each in carried for each in names.FINALIZERS.values())
