"""
From load balancers to a HAProxy program: listeners and rules in front of the pools of `pools`.

Hosts and paths are users' text: they are checked character by character and only ever reach map
files; the configuration holds ids and numbers of ours.

A target group fails open: when none of its targets is healthy, all of them get requests. Requests
that no rule takes are answered with 404, those for a group without targets with 503.

Listeners of HTTPS show the certificate that fits the name of the handshake, else their first; one
without any of its certificates is not bound.

Network Load Balancers carry the connections of a port to one target group, byte by byte; with no
target at all they are cut.

Not modelled: security policies (versions and ciphers are OpenSSL's of today, from TLS 1.2 on),
weights between groups, stickiness, authentication, HTTP/2 to targets.

Source: Elastic Load Balancing User Guide for Application Load Balancers, "Listener rules", "Target
group health" (unhealthy state routing), "HTTP headers" (X-Forwarded-*), "SSL certificates" (the
default certificate and SNI), "Redirect actions"; User Guide for Network Load Balancers, "Listeners"
and "Target group health".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from localcloud.addresses import AddressRefused, loopback
from localcloud.aws.elb.balancers import Listener, LoadBalancer
from localcloud.aws.elb.pools import (
    CHECKS,
    PATH,
    backend_of,
    checked,
    quoted,
    servable,
    server_of,
    socket_of,
    table,
    unchecked,
)
from localcloud.dataplane.haproxy.program import BOUND_PORTS, Program
from localcloud.dataplane.haproxy.render import DEFAULTS
from localcloud.dataplane.haproxy.snapshot import identifier
from localcloud.sixth import LOOPBACK, no_ports

_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_ANY_HOST = "*"
_TLS = "alpn h2,http/1.1 ssl-min-ver TLSv1.2"

_NOTHING = """\
backend alb_unmatched
  http-request return status 404
backend alb_empty
  http-request return status 503 content-type text/html string "503 Service Temporarily Unavailable"
"""

_OVER_TCP = """\
defaults
  mode tcp
  load-server-state-from-file global
  timeout connect 300ms
  timeout client 350s
  timeout server 350s
  # A lost first packet is sent again, and may find another target.
  retries 1
  option redispatch
"""


def compile_balancers(
    balancers: Iterable[LoadBalancer],
    factor: float,
    *,
    pem: Callable[[str], str] = lambda _arn: "",
    sixth: Callable[[str, int], int] = no_ports,
) -> Program:
    """
    Give the program that serves *balancers*.

    Args:
        balancers: All of them; what cannot be served is left out and named in ``problems``.
        factor: Shortens check intervals and time limits.
        pem: ARN of a certificate -> chain and key; empty when there is none.
        sixth: The port on ::1 that stands for an address of IPv6 and a port.
    """
    problems: list[str] = []
    plain, carried = [DEFAULTS, _NOTHING], [_OVER_TCP]
    files, servers, checks = dict[str, str](), dict[tuple[str, str], str](), dict[str, str]()
    for balancer in sorted(balancers, key=lambda each: each.arn):
        blocks = carried if balancer.kind == "network" else plain
        try:
            binds = _binds(balancer, sixth)
        except (AddressRefused, OSError, ValueError) as reason:
            problems.append(f"{balancer.arn}: {reason}")
            continue
        served = [each for each in balancer.groups.values() if servable(each, problems)]
        for group in served:
            backend = backend_of(balancer, group)
            checks[backend] = group.check.path
            blocks.append("\n".join(checked(backend, group, factor)))
            blocks.append("\n".join(unchecked(backend, group)))
            servers |= {(backend, server_of(t)): socket_of(t) for t in group.targets}
        if balancer.kind == "network":
            known = {group.name: backend_of(balancer, group) for group in served}
            blocks += _carrying(balancer, binds, known)
        else:
            blocks += _answering(balancer, binds, files, problems, pem)
    files[CHECKS] = table(checks)
    return Program(
        text="\n\n".join((*plain, *carried)) + "\n",
        files=files,
        servers=servers,
        pools={},
        problems=tuple(sorted(set(problems))),
    )


def _answering(
    balancer: LoadBalancer,
    binds: Mapping[int, Iterable[str]],
    files: dict[str, str],
    problems: list[str],
    pem: Callable[[str], str],
) -> Iterator[str]:
    """The frontends of an Application Load Balancer; what they look up goes to *files*."""
    name = identifier("alb", balancer.arn)
    files |= {f"{name}.{word}": text for word, text in _rows(balancer, problems).items()}
    for listener in balancer.listeners:
        shown = _shown(listener, pem, problems)
        if shown or listener.protocol != "HTTPS":
            files |= shown
            yield "\n".join(_frontend(name, listener, _tls(binds[listener.port], shown)))


def _carrying(
    balancer: LoadBalancer, binds: Mapping[int, Iterable[str]], backends: Mapping[str, str]
) -> Iterator[str]:
    """The frontends of a Network Load Balancer: every connection of a port goes to one group."""
    for listener in balancer.listeners:
        backend = backends.get(listener.group)
        if backend is not None:
            lines = [f"frontend {identifier('nlb', balancer.arn)}_{listener.port}"]
            lines += [f"  bind {each}" for each in binds[listener.port]]
            lines.append(f"  use_backend {backend} if {{ nbsrv({backend}) gt 0 }}")
            lines.append(f"  default_backend {backend}_open")
            yield "\n".join(lines)


def _binds(balancer: LoadBalancer, sixth: Callable[[str, int], int]) -> dict[int, tuple[str, ...]]:
    """The sockets of each listener, by its port."""
    found = {}
    for port in (each.port for each in balancer.listeners):
        bound = [f"{loopback(balancer.address)}:{BOUND_PORTS.get(port, port)}"]
        if balancer.sixth:
            bound.append(f"[{LOOPBACK}]:{sixth(balancer.sixth, port)}")
        found[port] = tuple(bound)
    return found


def _shown(listener: Listener, pem: Callable[[str], str], problems: list[str]) -> dict[str, str]:
    """Chain and key of the certificates of a listener that are there, by file."""
    found = {arn: pem(arn) for arn in listener.certificates}
    problems.extend(f"certificate {arn} is not there" for arn, text in found.items() if not text)
    return {f"{identifier('c', arn)}.pem": text for arn, text in found.items() if text}


def _tls(binds: Iterable[str], files: Iterable[str]) -> list[str]:
    """The sockets with what they show."""
    words = "".join(f" crt {name}" for name in files)
    return [f"{bind} ssl{words} {_TLS}" if words else bind for bind in binds]


def _frontend(name: str, listener: Listener, sockets: Iterable[str]) -> Iterator[str]:
    yield f"frontend {name}_{listener.port}"
    for socket in sockets:
        yield f"  bind {socket}"
    yield "  http-request set-var(txn.host) req.fhdr(host),host_only,lower"
    if listener.redirect:
        there = f"https://%[var(txn.host)]:{listener.redirect}%[pathq]"
        yield f"  http-request redirect code 301 location {there}"
        return
    yield "  http-request set-var(txn.path) path"
    yield f"  http-request set-var(txn.rule) var(txn.host),map_str({name}.hosts)"
    unless = "unless { var(txn.rule) -m found }"
    yield f"  http-request set-var(txn.rule) var(txn.host),map_end({name}.suffixes) {unless}"
    yield f"  http-request set-var(txn.rule) str({_ANY_HOST}) {unless}"
    yield from _search(name, "txn.rule")
    # A host with rules of its own falls back on those for every host, as a lower priority does.
    yield f"  http-request set-var(txn.rule) str({_ANY_HOST}) unless {{ var(txn.group) -m found }}"
    yield from _search(name, "txn.rule")
    yield "  http-request disable-l7-retry unless METH_GET or METH_HEAD or METH_OPTIONS"
    yield "  option forwardfor"
    yield f"  http-request set-header X-Forwarded-Proto {listener.protocol.lower()}"
    yield f"  http-request set-header X-Forwarded-Port {listener.port}"
    healthy = "{ var(txn.group),nbsrv gt 0 }"
    yield f"  use_backend %[var(txn.group)] if {{ var(txn.group) -m found }} {healthy}"
    yield "  use_backend %[var(txn.group)]_open if { var(txn.group) -m found }"
    yield "  default_backend alb_unmatched"


def _search(name: str, rule: str) -> Iterator[str]:
    found = "unless { var(txn.group) -m found }"
    yield f'  http-request set-var(txn.key) var({rule}),concat(":",txn.path) {found}'
    yield f"  http-request set-var(txn.group) var(txn.key),map_str({name}.paths) {found}"
    yield f"  http-request set-var(txn.group) var(txn.key),map_beg({name}.prefixes) {found}"


def _rows(balancer: LoadBalancer, problems: list[str]) -> dict[str, str]:
    """The map files of one balancer; the first rule of a host and path wins."""
    hosts: dict[str, str] = {}
    suffixes: dict[str, str] = {}
    paths: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    for rule in balancer.rules:
        group = balancer.groups.get(rule.group)
        host, path = rule.host or _ANY_HOST, rule.path
        if group is None or not PATH.fullmatch(path):
            problems.append(f"{balancer.name}: path {quoted(path)} is not served")
            continue
        if host != _ANY_HOST and not _HOST.fullmatch(host):
            problems.append(f"{balancer.name}: host {quoted(host)} is not served")
            continue
        if host.startswith("*."):
            suffixes.setdefault(host[1:], host)
        elif host != _ANY_HOST:
            hosts.setdefault(host, host)
        backend = backend_of(balancer, group)
        paths.setdefault(f"{host}:{path.rstrip('/') or '/'}", backend)
        if not rule.exact:
            prefixes.setdefault(f"{host}:{path.rstrip('/')}/", backend)
        elif path != "/" and path.endswith("/"):
            paths.setdefault(f"{host}:{path}", backend)
    longest = dict(sorted(prefixes.items(), key=lambda row: -len(row[0])))
    ends = dict(sorted(suffixes.items(), key=lambda row: -len(row[0])))
    tables = {"hosts": hosts, "suffixes": ends, "paths": paths, "prefixes": longest}
    return {name: table(rows) for name, rows in tables.items()}
