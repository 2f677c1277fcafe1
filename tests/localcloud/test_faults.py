"""Faults at the wire, met by a client on a plain aiohttp server."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from localcloud.faults import Fault, Faults

pytestmark = pytest.mark.wire

Story = Callable[[aiohttp.ClientSession, str, Faults, list[str]], Awaitable[None]]


def _tell(story: Story) -> None:
    """Run *story* against a server whose handler notes each request that took effect."""

    async def run() -> None:
        faults, effects = Faults(), []

        async def handle(request: web.Request) -> web.StreamResponse:
            effects.append(f"{request.method} {request.path_qs}")
            return web.Response(text="done")

        app = web.Application(middlewares=[faults.middleware])
        app.router.add_route("*", "/{tail:.*}", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with aiohttp.ClientSession() as session:
                await story(session, url, faults, effects)
        finally:
            await runner.cleanup()

    asyncio.run(run())


def test_a_status_comes_without_effect_and_as_often_as_said():
    """Two requests meet the fault, the third does not."""

    async def story(session, url, faults, effects):
        faults.add(Fault(times=2, status=429, headers={"Retry-After": "3"}))
        for _ in range(2):
            async with session.post(url + "/x") as reply:
                assert (reply.status, reply.headers["Retry-After"]) == (429, "3")
                assert (await reply.json())["error"]["code"] == 429
        assert effects == []
        async with session.post(url + "/x") as reply:
            assert reply.status == 200
        assert effects == ["POST /x"]

    _tell(story)


def test_abort_before_has_no_effect_and_no_reply():
    """The connection closes, and nothing happened."""

    async def story(session, url, faults, effects):
        faults.add(Fault(abort_before=True))
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.post(url + "/x")
        assert effects == []

    _tell(story)


def test_abort_after_has_its_effect_and_no_reply():
    """The connection closes, and the write happened: the caller cannot know."""

    async def story(session, url, faults, effects):
        faults.add(Fault(abort_after=True))
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.post(url + "/x")
        assert effects == ["POST /x"]

    _tell(story)


def test_a_delay_alone_only_delays():
    """The request succeeds, later."""

    async def story(session, url, faults, effects):
        faults.add(Fault(delay_seconds=0.2))
        start = time.monotonic()
        async with session.get(url + "/x") as reply:
            assert reply.status == 200
        assert time.monotonic() - start >= 0.2
        assert effects == ["GET /x"]

    _tell(story)


def test_only_matching_requests_meet_the_fault():
    """Method, path with query, and caller must all match."""

    async def story(session, url, faults, effects):
        faults.add(Fault(method="PATCH", path=r"/b\?y=1$", caller="fed", times=None, status=503))
        agents = {"User-Agent": "fedingress-dns/1"}
        for method, path, headers, status in (
            ("PATCH", "/a/b?y=1", agents, 503),
            ("PATCH", "/a/b?y=1", {"User-Agent": "curl/8"}, 200),
            ("PATCH", "/a/b?y=12", agents, 200),
            ("GET", "/a/b?y=1", agents, 200),
            ("PATCH", "/a/b?y=1", agents, 503),
        ):
            async with session.request(method, url + path, headers=headers) as reply:
                assert reply.status == status
        assert faults.list()[0][1] is None

    _tell(story)


def test_the_oldest_matching_fault_goes_first():
    """Faults queue up, and what is left is listed until it is cleared."""

    async def story(session, url, faults, effects):
        for status in (500, 503):
            faults.add(Fault(status=status))
        async with session.get(url) as reply:
            assert reply.status == 500
        assert [(fault.status, left) for fault, left in faults.list()] == [(503, 1)]
        faults.clear()
        async with session.get(url) as reply:
            assert reply.status == 200

    _tell(story)


def test_an_error_can_have_the_servers_own_form():
    """The body of an injected error is what the server's clients can read."""
    faults = Faults(lambda status, headers: {"code": status, "wait": headers["Retry-After"]})
    assert faults._body(429, {"Retry-After": "7"}) == {"code": 429, "wait": "7"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({}, "delays or ends"),
        ({"status": 500, "abort_after": True}, "one way"),
        ({"abort_before": True, "abort_after": True}, "one way"),
        ({"status": 500, "times": 0}, "at least once"),
        ({"status": 500, "path": "("}, "regular expression"),
    ],
)
def test_faults_that_make_no_sense_are_refused(words: dict[str, object], why: str):
    """A fault says what happens, in one way, at least once."""
    with pytest.raises(ValueError, match=re.escape(why)):
        Fault(**words)
