"""Changes of program under traffic, the process's life and end, and hostile objects on the wire."""

import asyncio
import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from localcloud.dataplane.haproxy.process import Haproxy, ProgramRefused
from tests.localcloud.dataplane.lab import GLOBAL, Lab, lab_in, ref, until

pytestmark = pytest.mark.wire


async def stream(lab, stop, failures, **options):
    """Requests one after another until told to stop; whatever is no 200 is a failure."""
    count = 0
    async with lab.client(**options) as session:
        while not stop.is_set():
            try:
                async with session.get("/") as answer:
                    await answer.read()
                    if answer.status != 200:
                        failures.append(answer.status)
            except OSError as error:
                failures.append(repr(error))
            count += 1
    return count


@pytest.mark.slow
def test_reloads_lose_no_request(tmp_path):
    """Kept and new connections see no failure over six reloads that add and remove endpoints."""

    async def story():
        async with lab_in(tmp_path, pods=3) as lab:
            group, third = lab.negs["us"], lab.pods["us"][2]
            await lab.healthy(Counter(us=3, eu=3))
            stop, failures = asyncio.Event(), []
            before = lab.plane.reloads
            async with asyncio.TaskGroup() as tasks:
                streams = [
                    tasks.create_task(stream(lab, stop, failures, force_close=closing))
                    for closing in (True, True, False, False)
                ]
                for _ in range(3):
                    lab.endpoints[group] = lab.endpoints[group][:2]
                    await lab.apply()
                    await lab.healthy(Counter(us=2, eu=3))
                    lab.endpoints[group] = [*lab.endpoints[group], lab.endpoint(third)]
                    await lab.apply()
                    await lab.healthy(Counter(us=3, eu=3))
                stop.set()
            counts = [task.result() for task in streams]
            print(counts, failures)
            assert lab.plane.reloads - before == 6
            assert min(counts) > 20
            assert failures == []

    asyncio.run(story())


async def posted(lab):
    """The status of a request that no load balancer tries again; 0 for none."""
    try:
        async with (
            lab.client(force_close=True) as session,
            session.post("/", headers={"Host": "shop.example.com"}) as answer,
        ):
            return answer.status
    except aiohttp.ClientError:
        return 0


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "answered"), [(1, False), (30, True)])
def test_requests_under_way_are_cut_off_after_their_services_time(tmp_path, seconds, answered):
    """The pod answers late; its endpoint goes meanwhile, and new requests meet the others."""

    async def story():
        async with lab_in(tmp_path) as lab:
            lab.service["connectionDraining"] = {"drainingTimeoutSec": seconds}
            await lab.apply()
            group, first = lab.negs["us"], lab.pods["us"][0]
            kept, lab.endpoints[group] = lab.endpoints[group], [lab.endpoint(first)]
            await lab.apply()
            first.slow(6.0)
            before = first.arrived
            slow = asyncio.create_task(posted(lab))
            await until(lambda: first.arrived > before, "the request to be under way")
            lab.endpoints[group] = [each for each in kept if each != lab.endpoint(first)]
            await lab.apply()
            others = await lab.clusters(5)
            under_way = not slow.done()
            assert under_way
            assert set(others) <= {"us", "eu"}
            assert (await slow == 200) == answered

    asyncio.run(story())


def test_health_survives_a_reload(tmp_path):
    """What was up or down stays so; an endpoint just added is down until its first check."""

    async def story():
        async with lab_in(tmp_path) as lab:
            lab.pods["us"][0].set_ready(False)
            await lab.healthy(Counter(us=1, eu=2))
            lab.compute[GLOBAL + "healthChecks/hc"] |= {"checkIntervalSec": 300}
            dead = f"10.{lab.block.number}.0.99"
            lab.endpoints[lab.negs["us"]].append({"ipAddress": dead, "port": 8080})
            await lab.apply()
            health = lab.plane.health(GLOBAL + "backendServices/web", lab.negs["us"])
            assert list(health.values()) == ["UNHEALTHY", "HEALTHY", "UNHEALTHY"]
            assert await lab.clusters(10) == Counter(us=10)

    asyncio.run(story())


def test_a_burst_of_changes_is_one_reload(tmp_path):
    """Changes within the debounce share a program, and an equal one reloads nothing."""

    async def story():
        async with lab_in(tmp_path) as lab:
            before = lab.plane.reloads
            for seconds in range(1, 21):
                lab.service["timeoutSec"] = seconds
                lab.plane.changed()
            await lab.plane.settled()
            await lab.apply()
            assert lab.plane.reloads - before == 1

    asyncio.run(story())


def test_a_virtual_address_without_rules_is_unbound(tmp_path):
    """Deleting the forwarding rule closes the port; a new one opens it again."""

    async def story():
        async with lab_in(tmp_path) as lab:
            rule = lab.compute.pop(GLOBAL + "forwardingRules/fr")
            await lab.apply()
            await until(lambda: refused(lab.vip), "the port is closed")
            lab.compute[GLOBAL + "forwardingRules/fr"] = rule
            await lab.apply()
            await until(lambda: not refused(lab.vip), "the port is open")

    asyncio.run(story())


def refused(vip):
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex((vip, 8080)) != 0


def test_a_refused_program_is_told_in_haproxys_words(tmp_path):
    """A VIP that somebody else has bound is an error of settled; the rest of the lab goes on."""

    async def story():
        async with lab_in(tmp_path) as lab:
            taken = lab.block.next_vip()
            with contextlib.closing(socket.create_server((taken, 8080))):
                lab.compute[GLOBAL + "forwardingRules/other"] = {
                    "IPAddress": taken,
                    "portRange": "80",
                    "target": ref("targetHttpProxies", "px"),
                }
                with pytest.raises(ProgramRefused, match="cannot bind socket"):
                    await lab.apply()
                assert await lab.clusters(4) == Counter(us=4)
            await lab.apply()
            assert not refused(taken)

    asyncio.run(story())


def test_a_dead_haproxy_is_started_again_at_the_next_change(tmp_path):
    """A crash of the master is mended by the next program."""

    async def story():
        async with lab_in(tmp_path) as lab:
            master = lab.plane._haproxy._process
            os.killpg(master.pid, signal.SIGKILL)
            master.wait()
            assert refused(lab.vip)
            lab.service["timeoutSec"] = 7
            await lab.apply()
            await lab.healthy(Counter(us=2, eu=2))
            assert await lab.clusters(4) == Counter(us=4)

    asyncio.run(story())


ORPHAN = """
import asyncio, sys
from pathlib import Path
from tests.localcloud.dataplane.lab import Lab

async def main():
    async with Lab(Path(sys.argv[1])) as lab:
        print(lab.vip, lab.plane._haproxy._sockets, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_haproxy_dies_with_its_lab(tmp_path):
    """A lab killed outright leaves neither master nor worker behind."""
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as lab:
        vip, sockets = lab.stdout.readline().split()
        assert not refused(vip)
        lab.kill()
        lab.wait()
    deadline = time.monotonic() + 5
    while not refused(vip) or running(sockets):
        assert time.monotonic() < deadline, "haproxy outlived its lab"
        time.sleep(0.02)
    shutil.rmtree(sockets)


def running(needle):
    """Whether any process has that text in its command line."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if needle.encode() in command.read_bytes():
                return True
    return False


def test_closing_leaves_no_socket_directory(tmp_path):
    """An unused HAProxy cleans up too, and closing twice is harmless."""
    haproxy = Haproxy(tmp_path)
    haproxy.close()
    haproxy.close()
    assert not haproxy.admin.parent.exists()


HOSTILE = [
    "a.example.com\nfrontend evil\n  bind 127.0.0.1:1",
    "a.example.com m9",
    "%[env(HOME)]",
    "#comment",
    "",
    "*",
    "*.*.example.com",
    "x" * 70000,
    None,
    7,
]


def test_hostile_objects_change_nothing_else(tmp_path):
    """Hosts, paths, redirects and check texts that are no such things are named and left out."""

    async def story():
        async with lab_in(tmp_path) as lab:
            web = ref("backendServices", "web")
            lab.compute[GLOBAL + "urlMaps/um"] = {
                "defaultService": web,
                "hostRules": [
                    {"hosts": [host for host in HOSTILE if host != "*"], "pathMatcher": "m\nbind"},
                    {"hosts": ["good.example.com"], "pathMatcher": "m\nbind"},
                ],
                "pathMatchers": [
                    {
                        "name": "m\nbind",
                        "defaultService": web,
                        "pathRules": [
                            {
                                "paths": ["/a b", "/a\n/b", "no", "/a*b", "/*/x", "/ä"],
                                "service": web,
                            }
                        ],
                    }
                ],
            }
            await lab.apply()
            problems = "\n".join(lab.plane.problems)
            assert problems.count(": path ") == 6
            assert problems.count(": host ") == len(HOSTILE) - 1
            assert await lab.clusters(2, host="good.example.com") == Counter(us=2)
            text = (tmp_path / "haproxy.cfg").read_text()
            assert not any(word in text for word in ("evil", "example.com", "env(", "healthz"))

    asyncio.run(story())


def test_hostile_requests_get_an_answer_of_their_own(tmp_path):
    """Odd Host headers and paths of clients are routed by default or refused, never misread."""

    async def story():
        async with Lab(tmp_path) as lab:
            answers = await asyncio.to_thread(ask_oddly, lab.vip)
            assert answers == [400, 200, 200, 400, 200]
            assert await lab.clusters(2) == Counter(us=2)

    asyncio.run(story())


def ask_oddly(vip):
    found = []
    for host, path in (
        ("m1:/", "/"),
        ("[::1]:80", "/"),
        ("a" * 4000, "/"),
        ("a b", "/"),
        ("x", "/" + "%0a" * 2000),
    ):
        connection = http.client.HTTPConnection(vip, 8080, timeout=5)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        found.append(connection.getresponse().status)
        connection.close()
    return found
