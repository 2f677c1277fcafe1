"""Fan-out: what each member should hold of one Ingress, and the changes that bring it there."""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonpatch

from fedingress.domain import names
from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.ingress import Ingress, Manifest, ServiceBackend, Source
from fedingress.domain.member import INGRESS, SERVICE, MemberObject, ObjectRef
from fedingress.domain.policy import FederationPolicy, Override
from fedingress.domain.probe import Probe
from fedingress.planning import copies, probes, protocols
from fedingress.planning.companions import Owner, companion, find_port, node_companion, problem
from fedingress.planning.decode import source as decode_source
from fedingress.planning.diff import contains, differing
from fedingress.planning.json_values import copied
from fedingress.planning.node_copies import Target, classed, is_classed, led, marked
from fedingress.planning.node_ports import MemberPorts
from fedingress.planning.protocols import said

_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        names.CLASS_ANNOTATION,
        names.INSTANCE_GROUPS,
        names.GLOBAL_STATIC_IP,
        names.V1_CLUSTER_SELECTOR,
    }
)
_LET_GO = "the load balancer has let go of"
_MARKS = (names.OWNER, names.OWNER_UID, "app.kubernetes.io/managed-by")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """
    What was observed in one member, in the source's namespace and under our label.

    slices: EndpointSlices; None where nobody looked.
    pods: None where nobody looked, or could.   blind: why nobody could.
    """

    ingresses: Mapping[str, MemberObject]
    services: Mapping[str, MemberObject]
    owned: tuple[MemberObject, ...]
    slices: tuple[MemberObject, ...] | None = None
    pods: tuple[MemberObject, ...] | None = None
    blind: str = ""

    def find(self, ref: ObjectRef) -> MemberObject | None:
        """The observed object with that reference."""
        return (self.ingresses if ref.kind == INGRESS else self.services).get(ref.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberWish:
    """
    What one member should hold; problems are (reason, sentence) of what it cannot.

    answers: whether the member's own load balancer answers, so that its address is waited for.
    protocols: what its Services say that the pods behind a port speak.
    probes: how the pods behind a port are asked whether they are ready.
    notes: sentences on what is left out there, for whoever reads its row.
    changes: to what stands in the member beside its objects, as they are to be made.
    node_ports: through which its nodes serve a port; empty where its pods are reached.
    grouped: whether its own controller is to name the groups of its nodes.
    """

    objects: tuple[MemberObject, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    answers: bool = False
    protocols: Mapping[ServiceBackend, str] = field(default_factory=dict)
    probes: Mapping[ServiceBackend, Probe] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    changes: tuple[Change[MemberObject], ...] = ()
    node_ports: Mapping[ServiceBackend, int] = field(default_factory=dict)
    grouped: bool = False


def view(
    ingresses: Sequence[MemberObject],
    services: Sequence[MemberObject],
    owner: Owner,
    slices: Sequence[MemberObject] | None = None,
) -> MemberView:
    """Index the lists; all are of the source's namespace."""
    found = sorted((*ingresses, *services), key=lambda item: item.ref)
    return MemberView(
        ingresses={item.ref.name: item for item in ingresses},
        services={item.ref.name: item for item in services},
        owned=tuple(item for item in found if owner.owns(item.manifest)),
        slices=None if slices is None else tuple(slices),
    )


def desired(
    source: Source,
    policy: FederationPolicy,
    member: MemberCluster,
    observed: MemberView,
    owner: Owner,
    *,
    config_identity: str,
    lost: Collection[str] = (),
    node_ports: MemberPorts | None = None,
) -> MemberWish:
    """
    The member Ingress and, where the load balancer's groups are wanted, the companions.

    A missing Service costs its own companion only. *config_identity* is the kube-system uid of the
    config cluster: when that is the member itself, the copy takes another name than the source.
    *lost*: hosts that belong to older Ingresses.   *node_ports*: in mode instance-group.
    """
    ingress = source.ingress
    if ingress is None:
        return MemberWish()
    same = bool(config_identity) and member.uid == config_identity
    name = copy_name(source) if same else source.key.name
    if policy.topology == "aws":
        draft = _draft(source, owner, name)
        return _answering(draft, source, policy, member, observed, lost=lost)
    draft = _draft(source, owner, name)
    served = "" if node_ports else names.MEMBER_CLASS
    objects, problems = _patched(classed(draft, served), policy, member, class_name=served)
    spoken: dict[ServiceBackend, str] = {}
    companions: list[MemberObject] = []
    targets: dict[ServiceBackend, Target] = {}
    for backend in ingress.backends:
        service = observed.services.get(backend.service)
        manifest = service.manifest if service else {}
        unreached = node_ports.problems.get(backend) if node_ports else None
        followed = node_ports is None or not node_ports.own
        if found := problem(manifest, backend, followed=followed) or unreached:
            problems.append(found)
            continue
        spoken[backend], fault = said(manifest, backend)
        if fault and policy.backends.options.protocol is None:
            problems.append(("AppProtocolInvalid", fault))
        if node_ports is None:
            made = companion(manifest, backend, owner, member.name)
        else:
            made = node_companion(manifest, backend, owner, node_ports.of(backend))
        targets[backend] = (
            made["metadata"]["name"],
            int((find_port(manifest, backend) or {})["port"]),
        )
        if made is not manifest:
            companions.append(marked(member.name, made))
    if node_ports:  # its controller looks at it when it comes, and then its Services are there
        objects = [*companions, *(led(item, targets) for item in objects)]
    else:
        objects += companions
    asked, notes = _probed(policy, spoken, observed)
    return MemberWish(
        objects=tuple(objects),
        problems=tuple(dict.fromkeys(problems)),
        protocols=spoken,
        probes=asked,
        notes=notes,
        grouped=node_ports is not None,
        node_ports={each: node_ports.numbers[each] for each in spoken} if node_ports else {},
    )


def _probed(
    policy: FederationPolicy, spoken: Mapping[ServiceBackend, str], observed: MemberView
) -> tuple[Mapping[ServiceBackend, Probe], tuple[str, ...]]:
    """The probes of the pods behind each port, and why some are not used."""
    found: dict[ServiceBackend, Probe] = {}
    blind = f"its pods cannot be read for their readiness probes: {observed.blind}"
    notes = [blind] if observed.blind else []
    pods = [item.manifest for item in observed.pods or ()]
    for backend, protocol in spoken.items():
        manifest = observed.services[backend.service].manifest
        said_of = policy.backends.options.protocol or protocol or protocols.DEFAULT
        probe, why = probes.said(pods, manifest, backend, said_of)
        notes += [why] if why else []
        if probe is not None:
            found[backend] = probe
    return found, tuple(notes)


class OverrideInvalidError(Exception):
    """The member Ingress is no longer valid after an override."""


def copy_name(source: Source) -> str:
    """The name of the copy in the config cluster itself, where the source has its own."""
    name = f"{source.key.name}-fed-{names.short_hash(source.uid)}"
    return name if len(name) <= 253 else f"fed-{names.short_hash(source.uid)}"  # noqa: PLR2004


def _answering(
    draft: dict[str, Any],
    source: Source,
    policy: FederationPolicy,
    member: MemberCluster,
    observed: MemberView,
    *,
    lost: Collection[str],
) -> MemberWish:
    """The copy that the member's own ingress controller serves."""
    class_name = copies.class_of(policy, member)
    if source.ingress is None or class_name == source.ingress.class_name:
        text = f"class {class_name} of the members' Ingresses is the federated one itself"
        return MemberWish(problems=(("ClassFederated", text),))
    grouped = policy.aws.load_balancer == "group" and copies.by_controller(class_name)
    spec, told = copies.rules(draft["spec"], lost, grouped=grouped)
    if not spec:
        nothing = ("NothingToServe", "no rule is left that this Ingress may serve")
        return MemberWish(problems=(*told, nothing))
    meta = draft["metadata"]
    meta["annotations"] = copies.annotations(
        policy.aws, member.region, class_name, meta["annotations"]
    )
    draft["spec"] = {**spec, "ingressClassName": class_name}
    objects, problems = _patched(draft, policy, member, class_name=class_name)
    for backend in source.ingress.limited_to(set(source.ingress.hosts) - {*lost}).backends:
        service = observed.services.get(backend.service)
        manifest = service.manifest if service else {}
        found = copies.problem(manifest, backend, policy.aws, class_name)
        problems += [found] if found else []
    return MemberWish(
        objects=tuple(objects), problems=tuple(dict.fromkeys((*told, *problems))), answers=True
    )


def _draft(source: Source, owner: Owner, name: str) -> dict[str, Any]:
    """The source as it is copied everywhere."""
    meta = source.manifest.get("metadata", {})
    annotations = {
        key: value
        for key, value in (meta.get("annotations") or {}).items()
        if key not in _NOT_COPIED and not key.startswith(names.PREFIX)
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": INGRESS,
        "metadata": {
            "name": name,
            "namespace": source.key.namespace,
            "labels": {**(meta.get("labels") or {}), **owner.labels()},
            "annotations": {**annotations, names.SOURCE: str(source.key)},
        },
        "spec": copied(dict(source.manifest.get("spec") or {})),
    }


def _patched(
    draft: dict[str, Any], policy: FederationPolicy, member: MemberCluster, *, class_name: str
) -> tuple[list[MemberObject], list[tuple[str, str]]]:
    """*draft* after the overrides, with our marks as they were; or why there is none."""
    try:
        patched = _overridden(draft, policy.overrides, member)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        return [], [("OverrideFailed", f"an override does not apply: {str(error)[:200]}")]
    except OverrideInvalidError as error:
        return [], [("OverrideFailed", str(error))]
    before = draft["metadata"]
    patched["metadata"].update(name=before["name"], namespace=before["namespace"])
    held = patched["metadata"]  # whose labels and annotations an override may take away, or null
    ours = {name: before["labels"][name] for name in _MARKS}
    held["labels"] = {**(held.get("labels") or {}), **ours}
    source = {names.SOURCE: before["annotations"][names.SOURCE]}
    held["annotations"] = {**(held.get("annotations") or {}), **source}
    return [marked(member.name, classed(patched, class_name))], []


def _overridden(
    manifest: dict[str, Any], overrides: Sequence[Override], member: MemberCluster
) -> dict[str, Any]:
    patched = manifest
    for override in overrides:
        if copies.concerns(override, member):
            patched = jsonpatch.apply_patch(patched, [dict(step) for step in override.patch])
    if patched is not manifest:
        decoded = decode_source(patched, where=f"the Ingress for {member.name} after overrides")
        if decoded.faults:
            raise OverrideInvalidError("; ".join(str(fault) for fault in decoded.faults))
    return patched


def plan(
    wish: MemberWish,
    observed: MemberView,
    owner: Owner,
    *,
    in_use: frozenset[str],
    led: bool = False,
    grouped: bool = False,
) -> Plan[MemberObject]:
    """
    The changes for one member: applies first, deletes last.

    Args:
        wish: What it should hold; empty to take everything away.
        observed: What it holds.
        owner: Nothing without these labels is updated or deleted.
        in_use: Names of companions whose NEG a backend service still refers to; those stay until
            it does not, or traffic would meet an empty group.
        led: Whether clients may still be led to the member's own load balancer; then its copy
            stays, or they would meet nobody.
        grouped: Whether backend services refer to instance groups of this member; then its copy
            keeps its class, or its controller would take the nodes out.

    Returns:
        Foreign objects under our names stand in `held`.
    """
    changes: list[Change[MemberObject]] = [*wish.changes]
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
        elif grouped and is_classed(have) and not is_classed(item):
            held.append(f"{have.label} keeps its class until {_LET_GO} its instance groups")
        elif fields := drift(have.manifest, item.manifest):
            changes.append(Update(observed=have, desired=item, fields=fields, why=_why(fields)))
    for have in observed.owned:
        if have.ref in wanted or have.manifest["metadata"].get("deletionTimestamp"):
            continue
        if why := _needed(have, in_use, led=led, grouped=grouped):
            held.append(f"{have.label} stays until {why}")
        else:
            changes.append(Delete(observed=have, why="is no longer wanted there"))
    return Plan(changes=tuple(changes), held=tuple(held))


def _needed(have: MemberObject, in_use: frozenset[str], *, led: bool, grouped: bool) -> str:
    """What must happen before an object that nobody wants any more may go; empty when it may."""
    if have.ref.kind == SERVICE:
        return f"{_LET_GO} its endpoints" if have.ref.name in in_use else ""
    if grouped and is_classed(have):
        return f"{_LET_GO} its instance groups"
    return "no record leads to its load balancer" if led else ""


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
    """The addresses in the status of a member's copies, each in one spelling, sorted."""
    listed: set[str] = set()
    for item in copies:
        status = (item.manifest.get("status") or {}).get("loadBalancer") or {}
        for entry in status.get("ingress") or ():
            listed.add(_spelt(str(entry.get("ip") or entry.get("hostname") or "")))
    return tuple(sorted(listed - {""}))


def _spelt(address: str) -> str:
    """As providers of DNS give it back: lower case, no final dot, IPv6 in its short form."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address.lower().rstrip(".")


def hosts_of(ingress: Ingress, lost: Mapping[str, str]) -> tuple[str, ...]:
    """The hosts that the Ingress may use, after older Ingresses kept theirs."""
    return tuple(host for host in ingress.hosts if host not in lost)
