"""
What a graph follows from: the Ingress, the policy, the members' endpoint groups, the Secrets.

Called by `backends`, for a run and for a preview of one.
"""

from collections.abc import Sequence

from fedingress.concerns import probing
from fedingress.concerns.subject import Subject
from fedingress.domain.certificate import SecretRead
from fedingress.domain.errors import Forbidden, Invalid
from fedingress.domain.front import Front
from fedingress.domain.graph import Mark
from fedingress.domain.ingress import Ingress, ServiceBackend
from fedingress.domain.policy import FederationPolicy
from fedingress.domain.report import FanoutReport
from fedingress.planning import adoption
from fedingress.planning.backends import GraphWish
from fedingress.planning.companions import neg_name
from fedingress.planning.groups import Group, of_row, row_use
from fedingress.ports import Ports


def wish(found: Subject, policy: FederationPolicy, report: FanoutReport, ports: Ports) -> GraphWish:
    """What the graph follows from: the Ingress, the policy, and the members' endpoint groups."""
    source = found.source
    if source.ingress is None:
        raise Invalid(str(fault) for fault in source.faults)
    ingress = source.ingress.limited_to(report.hosts)
    by_port = {(each.service, each.port): each for each in ingress.backends}
    groups = tuple(
        Group(
            cluster=row["cluster"],
            backend=by_port[row["service"], row["port"]],
            neg=of_row(row, policy.project)[0],
            node_port=of_row(row, policy.project)[1],
            protocol=row.get("protocol", ""),
            probe=probing.probe_of(report, row["cluster"], by_port[row["service"], row["port"]]),
        )
        for row in report.negs
        if (row["service"], row["port"]) in by_port
        and bool(row.get("node_port")) == policy.backends.grouped
    )
    return GraphWish(
        project=policy.project,
        mark=Mark(owner=ports.owner, uid=source.uid, source=found.key),
        ingress=ingress,
        policy=policy.backends,
        groups=groups,
        frozen=_frozen(source.uid, ingress.backends, report),
        unknown=policy.backends.grouped and bool(report.silent - {g.cluster for g in groups}),
        drained=frozenset(report.drained),
        preferred=frozenset(report.preferred),
        steps=policy.rollout.steps,
        consents=adoption.consents(source.annotations),
        front=_front(source.key.namespace, ingress, policy, ports),
    )


def _front(namespace: str, ingress: Ingress, policy: FederationPolicy, ports: Ports) -> Front:
    secrets = _secrets(namespace, ingress, ports)
    now = ports.clock.now() if secrets else 0.0
    return Front(secrets=secrets, wish=ingress.front, tls=policy.tls, ipv6=policy.ipv6, now=now)


def _secrets(namespace: str, ingress: Ingress, ports: Ports) -> tuple[SecretRead, ...]:
    """
    The Secrets of `spec.tls`, read from the config cluster.

    Their keys go from here to the cloud, by the call that creates the certificate, and nowhere
    else.
    """
    found = []
    for entry in ingress.tls:
        pair, fault = None, ("", "")
        try:
            pair = ports.sources.key_pair(namespace, entry.secret)
        except Invalid as error:
            fault = ("CertificateInvalid", str(error))
        except Forbidden as error:
            fault = ("SecretForbidden", str(error))
        if pair is None and not fault[0]:
            fault = ("SecretMissing", f"Secret {namespace}/{entry.secret} does not exist")
        found.append(SecretRead(secret=entry.secret, pair=pair, fault=fault, hosts=entry.hosts))
    return tuple(found)


def _frozen(uid: str, wanted: Sequence[ServiceBackend], report: FanoutReport) -> frozenset[str]:
    """What members use that cannot be read now."""
    silent = report.silent
    nodes = {row_use(row) for row in report.negs if row["cluster"] in silent}
    return frozenset(neg_name(uid, each, cluster) for cluster in silent for each in wanted) | nodes
