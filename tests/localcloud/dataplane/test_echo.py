"""Echo pods asked directly: what they say, how they die, how fast they are."""

import asyncio
import contextlib
import json
import socket
import ssl
import time

import aiohttp
import pytest
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded

from localcloud.addresses import AddressRefused, WorldBlock, to_loopback
from localcloud.dataplane.echo import Identity, Pod
from localcloud.world.certificates import Authority

pytestmark = pytest.mark.wire


@pytest.fixture
def block():
    with WorldBlock.take() as taken:
        yield taken


def pod_of(block, n=1, context=None, **fields):
    given = {"ip": block.pod(0, n), "ports": (8080, 9090), **fields}
    identity = Identity(name=f"p-{n}", cluster="c", region="us-east1", app="shop", **given)
    return Pod(identity, context)


def url(pod, path="/", port=8080):
    return f"http://{to_loopback(pod.identity.ip)}:{port}{path}"


def run(story):
    async def within():
        async with aiohttp.ClientSession() as session:
            await story(session)

    asyncio.run(within())


def test_a_pod_says_who_it_is_and_what_arrived(block):
    """JSON and headers name the pod; method, host, path and forwarded headers come back."""

    async def story(session):
        pod = pod_of(block)
        await pod.start()
        headers = {"Host": "shop.example.com", "X-Forwarded-For": "1.1.1.1", "X-Client-Region": "r"}
        for port in (8080, 9090):
            async with session.post(url(pod, "/a?b=%20", port), data=b"x", headers=headers) as got:
                seen = await got.json()
                assert (got.headers["X-Cluster"], got.headers["X-Pod"]) == ("c", "p-1")
        assert seen["headers"].pop("User-Agent")
        assert seen == {
            "cluster": "c",
            "region": "us-east1",
            "pod": "p-1",
            "app": "shop",
            "method": "POST",
            "host": "shop.example.com",
            "path": "/a?b=%20",
            "scheme": "http",
            "protocol": "HTTP/1.1",
            "headers": {"X-Forwarded-For": "1.1.1.1", "X-Client-Region": "r"},
        }
        assert pod.served == 2
        await pod.close()

    run(story)


def test_a_connection_is_kept(block):
    """Requests of one client share a connection."""

    async def story(session):
        pod = pod_of(block)
        await pod.start()
        reader, writer = await asyncio.open_connection(to_loopback(pod.identity.ip), 8080)
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            assert json.loads(await reader.readexactly(length))["pod"] == "p-1"
        writer.close()
        await pod.close()

    run(story)


def test_a_kill_resets_and_refuses(block):
    """Open connections break at once, slow answers included; new ones are refused until revival."""

    async def story(session):
        pod = pod_of(block)
        await pod.start()
        pod.slow(30)
        pending = asyncio.create_task(session.get(url(pod)))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await pod.kill()
        with pytest.raises(aiohttp.ClientConnectionError):
            await pending
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url(pod))
        assert time.monotonic() - began < 20
        assert not pod.alive
        await pod.revive()
        async with session.get(url(pod)) as got:
            assert got.status == 200
        await pod.close()
        await pod.close()

    run(story)


def test_a_connection_just_accepted_dies_too(block):
    """Clients that connect in the very moment of the kill are reset as well."""

    async def story(session):
        pod = pod_of(block)
        for turns in range(6):
            await pod.start()
            with socket.create_connection((to_loopback(pod.identity.ip), 8080)) as client:
                client.settimeout(5)
                for _ in range(turns):
                    await asyncio.sleep(0)
                await pod.kill()
                with pytest.raises(ConnectionResetError):
                    assert await asyncio.to_thread(client.recv, 1), "closed, not reset"

    run(story)


def test_readiness_is_apart_from_serving(block):
    """Unready answers 503 on readiness and health paths only, and checks are not counted."""

    async def story(session):
        pod = pod_of(block, health_paths=frozenset({"/health"}))
        pod.check_also(["/late"])
        await pod.start()
        found = []
        for ready in (True, False):
            pod.set_ready(ready)
            for path in ("/healthz", "/health", "/late?x=1", "/"):
                async with session.get(url(pod, path)) as got:
                    found.append(got.status)
        assert found == [200, 200, 200, 200, 503, 503, 503, 200]
        assert pod.served == 2
        await pod.close()

    run(story)


def test_slow_delays_answers_but_not_checks(block):
    """The delay is at least what was asked for; a check is answered at once."""

    async def story(session):
        pod = pod_of(block)
        await pod.start()
        pod.slow(1.5)
        for path, low, high in (("/", 1.5, 30), ("/healthz", 0, 1.4)):
            began = time.monotonic()
            async with session.get(url(pod, path)) as got:
                await got.read()
            assert low <= time.monotonic() - began < high
        await pod.close()

    run(story)


def test_a_taken_port_and_a_foreign_address(block):
    """A second pod at an address fails and leaves nothing open; a foreign one never binds."""

    async def story(session):
        pod, twin = pod_of(block, ports=(9090,)), pod_of(block)
        await pod.start()
        with pytest.raises(OSError, match="in use"):
            await twin.start()
        assert not twin.alive
        await pod.close()
        await twin.start()
        await twin.close()
        with pytest.raises(AddressRefused):
            await pod_of(block, ip="8.8.8.8").start()

    run(story)


@pytest.mark.slow
def test_all_pods_together_answer_thousands_a_second(block, tmp_path):
    """Twenty pods in one process answer more than 500 requests in a second of its own time."""

    async def story(session):
        pods = [pod_of(block, n, ports=(8080,)) for n in range(1, 21)]
        for pod in pods:
            await pod.start()
        began = time.process_time()
        await asyncio.gather(*(raw_requests(pod, 150) for pod in pods))
        spent = time.process_time() - began
        rate = 3000 / spent
        print(f"{rate:.0f} requests per second of processor time, this client included")
        assert sum(pod.served for pod in pods) == 3000
        assert rate > 500  # several times that on a machine that does nothing else
        for pod in pods:
            await pod.close()

    run(story)


async def raw_requests(pod, count):
    reader, writer = await asyncio.open_connection(to_loopback(pod.identity.ip), 8080)
    for _ in range(count):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"}}")
    writer.close()


def test_a_tls_port_speaks_http2_where_that_is_agreed_on(block):
    """Two requests side by side on one connection; a kill resets it, and HTTP/1.1 is spoken too."""

    async def story(session):
        pod = pod_of(block, tls_ports=(8080,), context=Authority().server_context)
        await pod.start()
        host = to_loopback(pod.identity.ip)
        plain = ssl.create_default_context()
        plain.check_hostname, plain.verify_mode = False, ssl.CERT_NONE
        async with session.get(f"https://{host}:8080/a", ssl=plain) as got:
            assert (await got.json())["protocol"] == "HTTP/1.1"
        agreed = ssl.create_default_context()
        agreed.check_hostname, agreed.verify_mode = False, ssl.CERT_NONE
        agreed.set_alpn_protocols(["h2"])
        reader, writer = await asyncio.open_connection(host, 8080, ssl=agreed)
        pod.slow(0.2)
        began = time.monotonic()
        bodies = await exchange(reader, writer, ["/one", "/two"])
        assert [json.loads(body)["path"] for body in bodies] == ["/one", "/two"]
        assert {json.loads(body)["protocol"] for body in bodies} == {"HTTP/2"}
        assert time.monotonic() - began < 10
        await pod.kill()
        with contextlib.suppress(OSError):
            assert await reader.read() == b""
        writer.close()

    run(story)


async def exchange(reader, writer, paths):
    """The bodies of requests for *paths*, all sent before any is answered."""
    http = H2Connection()
    http.initiate_connection()
    for number, path in enumerate(paths):
        head = {":method": "GET", ":authority": "a", ":scheme": "https", ":path": path}
        http.send_headers(2 * number + 1, list(head.items()), end_stream=True)
    writer.write(http.data_to_send())
    found, open_ = {}, len(paths)
    while open_:
        for event in http.receive_data(await reader.read(65536)):
            if isinstance(event, DataReceived):
                found[event.stream_id] = found.get(event.stream_id, b"") + event.data
            open_ -= isinstance(event, StreamEnded)
        writer.write(http.data_to_send())
    return [found[stream] for stream in sorted(found)]
