"""Fan-out: what each member should hold of one Ingress, and the changes that bring it there."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonpatch

from fedingress.domain import names
from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.ingress import Ingress, Manifest, ServiceBackend, Source
from fedingress.domain.member import INGRESS, SERVICE, MemberObject, ObjectRef
from fedingress.domain.policy import FederationPolicy, Override
from fedingress.planning.companions import Owner, companion, problem
from fedingress.planning.decode import source as decode_source
from fedingress.planning.diff import contains, differing, fingerprint
from fedingress.planning.protocols import said
from fedingress.planning.selectors import matches

_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "kubernetes.io/ingress.class",
        names.GLOBAL_STATIC_IP,
        names.V1_CLUSTER_SELECTOR,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """What was observed in one member, in the source's namespace and under our label."""

    ingresses: Mapping[str, MemberObject]
    services: Mapping[str, MemberObject]
    owned: tuple[MemberObject, ...]

    def find(self, ref: ObjectRef) -> MemberObject | None:
        """The observed object with that reference."""
        return (self.ingresses if ref.kind == INGRESS else self.services).get(ref.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberWish:
    """
    What one member should hold; problems are (reason, sentence) of what it cannot.

    protocols: what its Services say that the pods behind a port speak.
    """

    objects: tuple[MemberObject, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    protocols: Mapping[ServiceBackend, str] = field(default_factory=dict)


def view(
    ingresses: Sequence[MemberObject], services: Sequence[MemberObject], owner: Owner
) -> MemberView:
    """Index the two lists; both are of the source's namespace."""
    found = sorted((*ingresses, *services), key=lambda item: item.ref)
    return MemberView(
        ingresses={item.ref.name: item for item in ingresses},
        services={item.ref.name: item for item in services},
        owned=tuple(item for item in found if owner.owns(item.manifest)),
    )


def desired(
    source: Source,
    policy: FederationPolicy,
    member: MemberCluster,
    observed: MemberView,
    owner: Owner,
    *,
    config_identity: str,
) -> MemberWish:
    """
    The member Ingress and the companions.

    A missing Service costs its own companion only. *config_identity* is the kube-system uid of the
    config cluster: when that is the member itself, the copy takes another name than the source.
    """
    ingress = source.ingress
    if ingress is None:
        return MemberWish()
    problems: list[tuple[str, str]] = []
    objects: list[MemberObject] = []
    try:
        same = bool(config_identity) and member.uid == config_identity
        objects.append(_marked(member, _copy(source, policy, member, owner, renamed=same)))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        problems.append(("OverrideFailed", f"an override does not apply: {str(error)[:200]}"))
    except OverrideInvalidError as error:
        problems.append(("OverrideFailed", str(error)))
    spoken: dict[ServiceBackend, str] = {}
    for backend in ingress.backends:
        service = observed.services.get(backend.service)
        manifest = service.manifest if service else {}
        if found := problem(manifest, backend):
            problems.append(found)
            continue
        spoken[backend], fault = said(manifest, backend)
        if fault and policy.backends.options.protocol is None:
            problems.append(("AppProtocolInvalid", fault))
        objects.append(_marked(member, companion(manifest, backend, owner, member.name)))
    return MemberWish(
        objects=tuple(objects), problems=tuple(dict.fromkeys(problems)), protocols=spoken
    )


class OverrideInvalidError(Exception):
    """The member Ingress is no longer valid after an override."""


def copy_name(source: Source) -> str:
    """The name of the copy in the config cluster itself, where the source has its own."""
    name = f"{source.key.name}-fed-{names.short_hash(source.uid)}"
    return name if len(name) <= 253 else f"fed-{names.short_hash(source.uid)}"  # noqa: PLR2004


def _copy(
    source: Source, policy: FederationPolicy, member: MemberCluster, owner: Owner, *, renamed: bool
) -> Manifest:
    meta = source.manifest.get("metadata", {})
    annotations = {
        key: value
        for key, value in (meta.get("annotations") or {}).items()
        if key not in _NOT_COPIED and not key.startswith(names.PREFIX)
    }
    spec = copy.deepcopy(dict(source.manifest.get("spec") or {}))
    spec["ingressClassName"] = names.MEMBER_CLASS
    manifest: dict[str, Any] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": INGRESS,
        "metadata": {
            "name": copy_name(source) if renamed else source.key.name,
            "namespace": source.key.namespace,
            "labels": dict(meta.get("labels") or {}),
            "annotations": annotations,
        },
        "spec": spec,
    }
    identity = (manifest["metadata"]["name"], manifest["metadata"]["namespace"])
    patched = _overridden(manifest, policy.overrides, member)
    patched["metadata"].update(name=identity[0], namespace=identity[1])
    patched["spec"]["ingressClassName"] = names.MEMBER_CLASS
    held = patched["metadata"]  # whose labels and annotations an override may take away, or null
    held["labels"] = {**(held.get("labels") or {}), **owner.labels()}
    held["annotations"] = {**(held.get("annotations") or {}), names.SOURCE: str(source.key)}
    return patched


def _overridden(
    manifest: dict[str, Any], overrides: Sequence[Override], member: MemberCluster
) -> dict[str, Any]:
    patched = manifest
    for override in overrides:
        if override.clusters is not None and member.name not in override.clusters:
            continue
        if override.selector is not None and not matches(override.selector, member.labels):
            continue
        patched = jsonpatch.apply_patch(patched, [dict(step) for step in override.patch])
    if patched is not manifest:
        decoded = decode_source(patched, where=f"the Ingress for {member.name} after overrides")
        if decoded.faults:
            raise OverrideInvalidError("; ".join(str(fault) for fault in decoded.faults))
    return patched


def _marked(member: MemberCluster, manifest: Manifest) -> MemberObject:
    """Add the hash by which the next look knows that nothing has to be pruned."""
    marked = copy.deepcopy(dict(manifest))
    marked["metadata"]["annotations"][names.APPLIED] = fingerprint(manifest)
    return MemberObject(cluster=member.name, manifest=marked)


def plan(
    wish: MemberWish, observed: MemberView, owner: Owner, *, in_use: frozenset[str]
) -> Plan[MemberObject]:
    """
    The changes for one member: applies first, deletes last.

    Args:
        wish: What it should hold; empty to take everything away.
        observed: What it holds.
        owner: Nothing without these labels is updated or deleted.
        in_use: Names of companions whose NEG a backend service still refers to; those stay until
            it does not, or traffic would meet an empty group.

    Returns:
        Foreign objects under our names stand in `held`.
    """
    changes: list[Change[MemberObject]] = []
    held: list[str] = []
    wanted = {item.ref for item in wish.objects}
    for item in wish.objects:
        have = observed.find(item.ref)
        if have is None:
            changes.append(Create(desired=item, why="is missing"))
        elif not owner.owns(have.manifest) and not owner.succeeds(have.manifest):
            held.append(
                f"{item.ref.kind} {item.ref.namespace}/{item.ref.name} exists in {item.cluster} "
                "and is not ours; rename it, or delete it there"
            )
        elif fields := drift(have.manifest, item.manifest):
            changes.append(Update(observed=have, desired=item, fields=fields, why=_why(fields)))
    for have in observed.owned:
        if have.ref in wanted or have.manifest["metadata"].get("deletionTimestamp"):
            continue
        if have.ref.kind == SERVICE and have.ref.name in in_use:
            held.append(f"{have.label} stays until the load balancer has let go of its endpoints")
        else:
            changes.append(Delete(observed=have, why="is no longer wanted there"))
    return Plan(changes=tuple(changes), held=tuple(held))


def drift(have: Manifest, want: Manifest) -> tuple[str, ...]:
    """
    The fields in which an object of ours is not as desired; empty when nothing is to be written.

    Fields of other managers never count. A changed hash means that we once applied something else,
    which an apply prunes.
    """
    fields = [f"spec.{name}" for name in differing(have.get("spec") or {}, want["spec"])]
    have_meta, want_meta = have["metadata"], want["metadata"]
    for part in ("labels", "annotations"):
        if not contains(have_meta.get(part) or {}, want_meta[part]):
            fields.append(f"metadata.{part}")
    return tuple(fields)


def _why(fields: Sequence[str]) -> str:
    return "differs in " + ", ".join(fields)


def addresses(copies: Sequence[MemberObject]) -> tuple[str, ...]:
    """The addresses in the status of a member's copies, deduplicated and sorted."""
    listed: set[str] = set()
    for item in copies:
        status = (item.manifest.get("status") or {}).get("loadBalancer") or {}
        for entry in status.get("ingress") or ():
            listed.add(str(entry.get("ip") or entry.get("hostname") or ""))
    return tuple(sorted(listed - {""}))


def hosts_of(ingress: Ingress, lost: Mapping[str, str]) -> tuple[str, ...]:
    """The hosts that the Ingress may use, after older Ingresses kept theirs."""
    return tuple(host for host in ingress.hosts if host not in lost)
