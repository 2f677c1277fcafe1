"""
The certificates that an HTTPS proxy shows: of Secrets, of others, and of Google.

Called by `planning.frontends`. A certificate is named after its Secret and its chain, so that a new
chain is a new resource: it is created, the proxy takes it, and only then the old one goes.

Source: compute v1 SslCertificate; Google Cloud, "SSL certificates overview" (selection by SNI, the
first one for clients that name no host, at most 15).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.certificate import KeyPair, SecretRead
from fedingress.domain.front import Front
from fedingress.domain.graph import GlobalResource, Kind

MOST: Final = 15

Make = Callable[[Kind, str, Mapping[str, Any]], GlobalResource]
"""A desired resource of one graph: its kind, the last part of its name, its spec."""
Problem = tuple[str, str]
"""A reason, CamelCase, and a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """
    What the proxy names.

    certificates: resources of ours.   references: all, in order.   problems: what is wrong.
    certificate_map: replaces them all, when it is not empty.
    pairs, issued: what is known to serve: key pairs, and single hosts.
    others: whether certificates are shown whose names are not known here.
    """

    certificates: tuple[GlobalResource, ...] = ()
    references: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    certificate_map: str = ""
    pairs: tuple[KeyPair, ...] = ()
    issued: frozenset[str] = frozenset()
    others: bool = False

    def __bool__(self) -> bool:
        return bool(self.references or self.certificate_map)

    def serves(self, host: str) -> bool:
        """Whether a client that asks for *host* is shown a certificate for it."""
        if self.others or self.certificate_map or host in self.issued:
            return True
        return any(pair.serves(host) for pair in self.pairs)


def shown(
    front: Front, make: Make, hosts: Sequence[str], observed: Sequence[GlobalResource]
) -> Shown:
    """
    The certificates to show: pre-shared ones, then those of the Secrets, then Google's.

    A Secret that is missing or at fault keeps the certificate that it gave before, so that one bad
    Secret is no outage: neither of its own hosts nor of the others.

    Args:
        front: What is wanted.
        make: Makes resources of this graph.
        hosts: Those of the Ingress.
        observed: Everything of the graph, and the pre-shared certificates that exist.
    """
    have = {item.name: item for item in observed if item.kind is Kind.SSL_CERTIFICATE}
    problems: list[Problem] = []
    references = []
    for name in front.pre_shared:
        if name in have:
            references.append(have[name].path)
        else:
            problems.append(("CertificateMissing", f"no certificate {name} exists in the project"))
    made: list[GlobalResource] = []
    pairs: list[KeyPair] = []
    issued: set[str] = set()
    others = bool(references)
    for read in front.secrets:
        item, wrong = _of_secret(read, front.now, make, observed)
        problems += wrong
        made += [item] if item else []
        if item and read.pair:
            pairs.append(read.pair)
        elif item:  # an earlier one, which served what it was wanted for
            issued |= set(read.hosts)
            others = others or not read.hosts
    for host in hosts if front.tls.managed and not front.tls.certificate_map else ():
        if not host.startswith("*.") and not any(pair.serves(host) for pair in pairs):
            managed = _managed(host, make)
            made.append(managed)
            if _active(have.get(managed.name)):
                issued.add(host)
            else:
                problems.append(
                    ("CertificateProvisioning", f"Google has not issued a certificate for {host}")
                )
    references += [item.path for item in made]
    if len(references) > MOST:
        text = f"{len(references)} certificates are wanted; the first {MOST} serve"
        problems.append(("TooManyCertificates", text))
    kept = frozenset(references[:MOST])
    return Shown(
        certificates=tuple(item for item in made if item.path in kept),
        references=tuple(references[:MOST]),
        problems=tuple(problems),
        certificate_map=_map_of(front, make),
        pairs=tuple(pairs),
        issued=frozenset(issued),
        others=others,
    )


def _map_of(front: Front, make: Make) -> str:
    name = front.tls.certificate_map
    project = make(Kind.SSL_CERTIFICATE, "", {}).project
    place = f"projects/{project}/locations/global/certificateMaps/{name}"
    return f"//certificatemanager.googleapis.com/{place}" if name else ""


def _of_secret(
    read: SecretRead, now: float, make: Make, observed: Sequence[GlobalResource]
) -> tuple[GlobalResource | None, list[Problem]]:
    begin = f"cert-{names.short_hash(read.secret)}-"
    stem = make(Kind.SSL_CERTIFICATE, begin, {})
    before = {
        item.name: item
        for item in observed
        if item.name.startswith(stem.name) and item.mark == stem.mark
    }
    pair = read.pair
    if pair is None:
        return _kept(before, observed), [_standing(read.fault, before)]
    item = make(Kind.SSL_CERTIFICATE, begin + pair.digest, {"type": "SELF_MANAGED"})
    if pair.expires_at <= now:
        fault = ("CertificateExpired", f"the certificate in Secret {read.secret} has expired")
        kept = before.get(item.name) or _kept(before, observed)
        return kept, [_standing(fault, before)]
    secret = {"selfManaged": {"certificate": pair.chain, "privateKey": pair.key}}
    return item.with_unread(secret), list(_unserved(read))


def _kept(
    before: Mapping[str, GlobalResource], observed: Sequence[GlobalResource]
) -> GlobalResource | None:
    """Of the certificates that a Secret gave before, the one that is shown now."""
    proxies = [item for item in observed if item.kind is Kind.TARGET_HTTPS_PROXY]
    used = {path for proxy in proxies for path in proxy.spec.get("sslCertificates") or ()}
    ranked = sorted(before.values(), key=lambda item: (item.path in used, item.name))
    return ranked[-1] if ranked else None


def _standing(fault: Problem, before: Mapping[str, GlobalResource]) -> Problem:
    reason, text = fault
    return (reason, f"{text}; the certificate that it gave before stays") if before else fault


def _unserved(read: SecretRead) -> Iterator[Problem]:
    for host in read.hosts:
        if read.pair and not read.pair.serves(host):
            yield (
                "HostNotInCertificate",
                f"the certificate in Secret {read.secret} does not name {host}",
            )


def _managed(host: str, make: Make) -> GlobalResource:
    """One certificate per host: a host whose name does not lead here holds up no other."""
    spec = {"type": "MANAGED", "managed": {"domains": [host]}}
    return make(Kind.SSL_CERTIFICATE, f"managed-{names.short_hash(host)}", spec)


def _active(item: GlobalResource | None) -> bool:
    return item is not None and (item.spec.get("managed") or {}).get("status") == "ACTIVE"
