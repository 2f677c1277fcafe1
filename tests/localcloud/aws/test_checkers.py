"""
Checkers at work: real probes of real servers, told by boto3.

Sources: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is
healthy"; API reference, GetHealthCheckStatus, GetHealthCheckLastFailureReason.
"""

import asyncio
import contextlib
import ssl
import time

import pytest
import trustme
from aiohttp import web

from localcloud.addresses import WorldBlock
from localcloud.aws.route53.checkers import Checkers
from localcloud.aws.route53.health_checks import REGIONS, HealthChecks

pytestmark = pytest.mark.wire
PATIENCE_SECONDS = 15.0


class Site:
    """A web server whose answers a test decides, and the requests it got."""

    def __init__(self):
        self.status = 200
        self.body = b"all is well"
        self.delay_seconds = 0.0
        self.bad_sources = set()
        self.seen = []

    async def answer(self, request):
        self.seen.append((request.remote, request.path, dict(request.headers)))
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        status = 500 if request.remote in self.bad_sources else self.status
        return web.Response(status=status, body=self.body)


@contextlib.asynccontextmanager
async def staged(**config):
    """A site, one health check of it, and the checkers of a world at a hundred times the speed."""
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    context = None
    if config.get("Type", "HTTP").startswith("HTTPS"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        trustme.CA().issue_cert("elsewhere.example").configure_cert(context)
    with WorldBlock.take() as block:
        address = block.next_vip()
        await web.TCPSite(runner, address, 0, ssl_context=context).start()
        port = runner.addresses[0][1]
        checks = HealthChecks()
        checkers = Checkers(
            checks,
            clock=time.time,
            sources={region: block.checker(n) for n, region in enumerate(REGIONS, start=1)},
            resolve=lambda name: [address] if name == "x.example.com" else [],
            interval_factor=0.01,
        )
        site.sources = [block.checker(n) for n in range(1, 9)]
        asked = {"Type": "HTTP", "Port": port, "RequestInterval": 10, **config}
        if "FullyQualifiedDomainName" not in asked:
            asked["IPAddress"] = address
        await checkers.start()
        made = checks.create({"CallerReference": "c", "HealthCheckConfig": asked})
        site.id, site.checks, site.health = made["HealthCheck"]["Id"], checks, checkers.health
        site.runner = runner
        try:
            yield site
        finally:
            await checkers.close()
            await runner.cleanup()


async def until(condition):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - probes tell nobody when they are done
            await asyncio.sleep(0.01)


def told(site):
    """The distinct sentences, once every region has one."""
    found = site.health.observations(site.id)
    return {sentence for _, sentence, _ in found.values()} if len(found) == 8 else set()


def story(run, **config):
    async def live():
        async with staged(**config) as site:
            await run(site)

    asyncio.run(live())


def test_every_region_looks_from_its_own_address():
    """Eight checkers, one address each, with Route 53's user agent and the name as Host."""

    async def run(site):
        await until(lambda: told(site) == {"Success: HTTP Status Code 200, OK"})
        assert {remote for remote, _, _ in site.seen} == set(site.sources)
        _, path, headers = site.seen[0]
        assert path == "/ready"
        assert headers["Host"] == "x.example.com"
        agent = f"Amazon-Route53-Health-Check-Service (ref {site.id})"
        assert headers["User-Agent"] == agent

    story(run, ResourcePath="/ready", FullyQualifiedDomainName="x.example.com")


def test_a_site_that_fails_becomes_unhealthy_and_recovers():
    """Statuses of 400 and above are bad; after as many good looks it is healthy again."""

    async def run(site):
        site.status = 302
        await until(lambda: told(site) == {"Success: HTTP Status Code 302, Found"})
        site.status = 503
        await until(lambda: not site.health.healthy(site.id))
        assert "Failure: HTTP Status Code 503, Service Unavailable" in told(site)
        site.status = 200
        await until(lambda: site.health.healthy(site.id))
        failures = site.health.failures(site.id)
        sentences = {sentence for _, sentence, _ in failures.values()}
        assert "Failure: HTTP Status Code 503, Service Unavailable" in sentences

    story(run)


def test_two_of_eight_checkers_keep_a_site_up():
    """A fault that most, but not 82 % of the checkers meet does not trigger."""

    async def run(site):
        site.bad_sources = set(site.sources[:6])
        await until(lambda: site.health.percentage(site.id) == 25.0)
        assert site.health.healthy(site.id)
        site.bad_sources = set(site.sources[:7])
        await until(lambda: not site.health.healthy(site.id))

    story(run)


def test_a_search_string_must_be_near_the_beginning():
    """In the first 5120 bytes of the body, and with a good status."""

    async def run(site):
        site.body = b"x" * 5000 + b"well"
        await until(lambda: told(site) == {"Success: HTTP Status Code 200, OK"})
        site.body = b"x" * 5120 + b"well"
        await until(lambda: not site.health.healthy(site.id))
        assert any("search string was not found" in each for each in told(site))

    story(run, Type="HTTP_STR_MATCH", SearchString="well")


def test_any_certificate_will_do():
    """HTTPS checks do not verify it."""

    async def run(site):
        await until(lambda: told(site) == {"Success: HTTP Status Code 200, OK"})

    story(run, Type="HTTPS", FullyQualifiedDomainName="x.example.com")


def test_tcp_checks_need_a_connection_only():
    """And fail when nobody listens."""

    async def run(site):
        await until(lambda: told(site) == {"Success: TCP connection was established"})
        assert site.seen == []
        await site.runner.cleanup()
        await until(lambda: not site.health.healthy(site.id))
        assert all(each.startswith("Failure: Connection failed") for each in told(site))

    story(run, Type="TCP")


def test_slow_answers_are_failures():
    """Time limits are Route 53's, shortened with the intervals."""

    async def run(site):
        site.delay_seconds = 2.0
        await until(lambda: not site.health.healthy(site.id))
        assert any("timed out" in each for each in told(site))

    story(run, RequestInterval=30)


def test_names_are_resolved_at_each_look():
    """A name without an address fails; an update is followed by the next look."""

    async def run(site):
        await until(lambda: told(site) == {"Failure: DNS resolution failed for y.example.com"})
        name = {"HealthCheckId": site.id, "FullyQualifiedDomainName": "x.example.com"}
        site.checks.update(name)
        await until(lambda: told(site) == {"Success: HTTP Status Code 200, OK"})

    story(run, FullyQualifiedDomainName="y.example.com")


def test_disabled_and_deleted_checks_are_not_looked_at():
    """No request comes after either."""

    async def run(site):
        await until(lambda: len(site.seen) > 8)
        site.checks.update({"HealthCheckId": site.id, "Disabled": True})
        await asyncio.sleep(0.15)
        count = len(site.seen)
        await asyncio.sleep(0.25)
        assert len(site.seen) == count
        site.checks.update({"HealthCheckId": site.id, "Disabled": False})
        await until(lambda: len(site.seen) > count)
        site.checks.delete(site.id)
        await asyncio.sleep(0.15)
        count = len(site.seen)
        await asyncio.sleep(0.25)
        assert len(site.seen) == count
        assert site.health.observations(site.id) == {}

    story(run)
