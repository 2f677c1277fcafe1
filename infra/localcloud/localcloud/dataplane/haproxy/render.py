"""
HAProxy's own language: frontends and backends of a program.

Everything a user wrote is looked up in the files of `maps`; the text holds ids and numbers of ours.
"""

from collections.abc import Iterator, Mapping, Sequence

from localcloud.dataplane.haproxy.checks import Check
from localcloud.dataplane.haproxy.maps import CLIENTS, Frontend
from localcloud.dataplane.haproxy.pools import Pool, Service
from localcloud.dataplane.haproxy.regions import ClientRegion
from localcloud.dataplane.haproxy.routing import MILLION, REDIRECT_CODES, Routes

DEFAULTS = """\
defaults
  mode http
  load-server-state-from-file global
  # Also how long a retry waits when one endpoint is left; on loopback connects take no time.
  timeout connect 300ms
  timeout client 60s
  timeout http-request 10s
  timeout http-keep-alive 600s
  timeout queue 2s
  # Kept connections are answered once more during a reload instead of being cut.
  option idle-close-on-response
  # A refused or lost connection is tried once more, on another endpoint.
  retries 1
  option redispatch
  retry-on conn-failure empty-response

backend none
  http-request return status 503 content-type text/plain string "no healthy upstream"
"""


def configuration(
    frontends: Sequence[Frontend],
    services: Mapping[str, Service],
    clients: Sequence[ClientRegion],
) -> str:
    """The sections after the global one."""
    blocks = [DEFAULTS]
    for frontend in frontends:
        reached = [services[path] for path in frontend.routes.services() if path in services]
        blocks.append(_block(_frontend(frontend, reached, clients)))
    for service in services.values():
        blocks.extend(_block(lines) for lines in _backends(service))
    return "\n".join(blocks)


def _frontend(
    frontend: Frontend, services: Sequence[Service], clients: Sequence[ClientRegion]
) -> Iterator[str]:
    routes = frontend.routes
    yield f"frontend {frontend.name}"
    yield f"bind {frontend.bind}" + (f" {frontend.tls.options()}" if frontend.tls else "")
    yield f"http-request set-var(txn.region) src,map_ip({CLIENTS},{clients[0].name})"
    yield "http-request set-var(txn.host) req.fhdr(host),host_only,lower"
    yield "http-request set-var(txn.path) path"
    yield from _lookup(routes)
    actions = routes.actions.values()
    if any(action.redirect for action in actions):
        yield from _redirects(frontend.scheme)
    statuses = sorted({action.abort_status for action in actions if action.abort_status})
    if statuses:
        yield from _aborts(statuses)
    yield "http-request set-var(txn.service) var(txn.action),map_str(actions.service)"
    yield from _forwarded(frontend.scheme)
    for service in services:
        yield from _choice(service, clients)
    yield "default_backend none"


def _lookup(routes: Routes) -> Iterator[str]:
    """From host and path to the name of an action; every matcher has a default, so one is found."""
    name, matcher, found = routes.name, "http-request set-var(txn.matcher)", "-m found"
    yield f"{matcher} var(txn.host),map_str({name}.hosts)"
    yield f"{matcher} var(txn.host),map_end({name}.suffixes) unless {{ var(txn.matcher) {found} }}"
    yield f"{matcher} str({routes.default_matcher}) unless {{ var(txn.matcher) {found} }}"
    yield 'http-request set-var(txn.key) var(txn.matcher),concat(":",txn.path)'
    yield f"http-request set-var(txn.action) var(txn.key),map_str({name}.paths)"
    yield (
        f"http-request set-var(txn.action) var(txn.key),map_beg({name}.prefixes)"
        f" unless {{ var(txn.action) {found} }}"
    )


def _redirects(scheme: str) -> Iterator[str]:
    """Clients of the lab reach 80 as 8080, so an https Location says 8443 where Host has it."""
    row = "http-request set-var(txn.{0}) var(txn.action),map_str(actions.{0}{1})"
    yield row.format("code", "")
    yield row.format("scheme", f",{scheme}")
    yield row.format("location_host", "")
    yield row.format("location_path", "")
    yield row.format("query", ",keep")
    given = "unless { var(txn.location_host) -m found }"
    upgraded = (
        "if { var(txn.scheme) -m str https } { req.fhdr(host) -m end :8080 }"
        " !{ var(txn.location_host) -m found }"
    )
    yield f"http-request set-var-fmt(txn.location_host) %[var(txn.host)]:8443 {upgraded}"
    yield f"http-request set-var(txn.location_host) req.fhdr(host) {given}"
    yield "http-request set-var(txn.location_path) path unless { var(txn.location_path) -m found }"
    yield (
        "http-request set-var-fmt(txn.location_path) %[var(txn.location_path)]?%[query]"
        " if { query -m found } { query -m len gt 0 } { var(txn.query) -m str keep }"
    )
    location = "%[var(txn.scheme)]://%[var(txn.location_host)]%[var(txn.location_path)]"
    for code in sorted(REDIRECT_CODES.values()):
        yield (
            f"http-request redirect code {code} location {location}"
            f" if {{ var(txn.code) -m str {code} }}"
        )


def _aborts(statuses: Sequence[int]) -> Iterator[str]:
    yield "http-request set-var(txn.abort) var(txn.action),map_str(actions.abort,0)"
    yield "http-request set-var(txn.share) var(txn.action),map_str_int(actions.share,0)"
    yield f"http-request set-var(txn.dice) rand({MILLION}),sub(txn.share)"
    for status in statuses:
        yield (
            f"http-request return status {status} content-type text/plain"
            f' string "fault filter abort"'
            f" if {{ var(txn.abort) -m str {status} }} {{ var(txn.dice) -m int lt 0 }}"
        )


def _forwarded(scheme: str) -> Iterator[str]:
    """The headers Google's front ends add; several X-Forwarded-For lines stay several."""
    seen = "{ req.fhdr_cnt(x-forwarded-for) eq 1 }"
    chain = "%[req.fhdr(x-forwarded-for)], %[src], %[dst]"
    yield "http-request disable-l7-retry unless METH_GET or METH_HEAD or METH_OPTIONS"
    yield f'http-request set-var-fmt(txn.chain) "{chain}" if {seen}'
    yield 'http-request set-var-fmt(txn.chain) "%[src], %[dst]" unless ' + seen
    yield f"http-request del-header X-Forwarded-For if {seen}"
    yield "http-request add-header X-Forwarded-For %[var(txn.chain)]"
    yield f"http-request set-header X-Forwarded-Proto {scheme}"
    yield "http-request set-header X-Client-Region %[var(txn.region)]"
    yield 'http-request add-header Via "1.1 google"'
    yield 'http-response add-header Via "1.1 google"'


def _choice(service: Service, clients: Sequence[ClientRegion]) -> Iterator[str]:
    """First tier below its capacity, in the order of the client's region; then the last resort."""
    tiers = service.tiers()
    mine = f"{{ var(txn.service) -m str {service.name} }}"
    for tier in tiers:
        for n, pool in enumerate(tier.pools):
            yield f"http-request set-var(txn.pool) {_capacity(pool)} if {mine}"
            source = f"var(txn.pool){f',add(txn.{tier.name})' if n else ''}"
            yield f"http-request set-var(txn.{tier.name}) {source} if {mine}"
    for client in clients:
        here = f"{{ var(txn.region) -m str {client.name} }}"
        for tier in service.order(client):
            room = f"{{ be_sess_rate({tier.name}),mul(1000),sub(txn.{tier.name}) lt 0 }}"
            yield f"use_backend {tier.name} if {mine} {here} {room}"
    if service.serving():
        healthy = f"{{ nbsrv({service.last_resort}) gt 0 }}"
        yield f"use_backend {service.last_resort} if {mine} {healthy}"


def _capacity(pool: Pool) -> str:
    """Thousandths of requests per second that the pool can take now."""
    if pool.milli_rate_per_endpoint:
        return f"nbsrv({pool.name}),mul({pool.milli_rate_per_endpoint})"
    return f"nbsrv({pool.name}),bool,mul({pool.milli_rate})"


def _backends(service: Service) -> Iterator[Iterator[str]]:
    if service.check is None:
        return
    for pool in service.pools:
        yield _checked(service, service.check, pool)
    for tier in service.tiers():
        yield _followers(tier.name, service, tier.pools, tier.weights())
    if service.serving():
        yield _followers(service.last_resort, service, service.serving(), service.weights())


def _checked(service: Service, check: Check, pool: Pool) -> Iterator[str]:
    yield f"backend {pool.name}"
    if check.kind == "HTTP":
        host = f"str({service.name}),map_str(checks.host)" if check.host else "srv_name,field(1,:)"
        yield "option httpchk"
        yield f"http-check set-var(check.path) str({service.name}),map_str(checks.path)"
        yield f"http-check set-var(check.host) {host}"
        yield (
            "http-check send meth GET uri-lf %[var(check.path)] ver HTTP/1.1"
            " hdr Host %[var(check.host)] hdr User-Agent GoogleHC/1.0 hdr Connection close"
        )
        yield "http-check expect status 200"
    port = f" port {check.port}" if check.port else ""
    port += " check-ssl verify none" if check.secure else ""
    port += " check-proto h2 check-alpn h2" if check.http2 else ""
    yield f"timeout check {check.timeout_milliseconds}ms"
    yield (
        f"default-server check{port} inter {check.interval_milliseconds}ms"
        f" rise {check.rise} fall {check.fall}"
    )
    for endpoint in pool.endpoints:
        yield f"server {endpoint.name} {endpoint.socket}"


def _followers(
    name: str, service: Service, pools: Sequence[Pool], weights: Mapping[str, int]
) -> Iterator[str]:
    yield f"backend {name}"
    yield "balance roundrobin"
    yield f"timeout server {service.timeout_seconds}s"
    tls = _TLS.get(service.protocol, "")
    for pool in pools:
        for endpoint in pool.endpoints:
            yield (
                f"server {pool.server(endpoint)} {endpoint.socket}{tls}"
                f" track {pool.name}/{endpoint.name} weight {weights[pool.name]}"
            )


_TLS = {"HTTPS": " ssl verify none", "HTTP2": " ssl verify none proto h2 alpn h2"}


def _block(lines: Iterator[str]) -> str:
    """A section: its first line, the others indented."""
    head, *rest = lines
    return "\n".join([head, *(f"  {line}" for line in rest)]) + "\n"
