"""Real requests through a real HAProxy to real pods: places, paths, failover, capacity."""

import asyncio
import socket
import ssl
import time
from collections import Counter

import aiohttp
import pytest
import trustme
from cryptography import x509

from tests.localcloud.dataplane.lab import (
    GLOBAL,
    NOT_FOUND,
    backend,
    lab_in,
    ref,
    service,
    until,
)

pytestmark = pytest.mark.wire


def run(story, tmp_path, **options):
    async def within():
        async with lab_in(tmp_path, **options) as lab:
            await story(lab)

    asyncio.run(within())


def test_a_client_reaches_the_nearest_region(tmp_path):
    """Clients near each region get its cluster, evenly over its pods."""

    async def story(lab):
        assert await lab.clusters(10, region=0) == Counter(us=10)
        assert await lab.clusters(10, region=1) == Counter(eu=10)
        assert [pod.served for pod in lab.pods["us"]] == [5, 5]

    run(story, tmp_path)


def test_headers_of_the_front_end(tmp_path):
    """The pod sees client and VIP appended to X-Forwarded-For, and both sides see Via."""

    async def story(lab):
        answer, seen = await lab.get("/a?b=c", **{"X-Forwarded-For": "1.2.3.4"})
        client = lab.block.client(0)
        assert seen["headers"]["X-Forwarded-For"] == f"1.2.3.4, {client}, {lab.vip}"
        assert seen["headers"]["X-Forwarded-Proto"] == "http"
        assert seen["headers"]["X-Client-Region"] == "us-central1"
        assert seen["headers"]["Via"] == answer.headers["Via"] == "1.1 google"
        assert (seen["path"], seen["host"], seen["cluster"]) == ("/a?b=c", "shop.example.com", "us")
        _, seen = await lab.get("/")
        assert seen["headers"]["X-Forwarded-For"] == f"{client}, {lab.vip}"

    run(story, tmp_path)


ROUTES = [
    ("shop.example.com", "/", "us"),
    ("SHOP.example.com:8080", "/x", "us"),
    ("shop.example.com", "/api", "us"),
    ("shop.example.com", "/api/", "eu"),
    ("shop.example.com", "/api/v1/x", "eu"),
    ("shop.example.com", "/api/exact", "us"),
    ("shop.example.com", "/api/exact/", "eu"),
    ("shop.example.com", "/api/deep/er", "us"),
    ("shop.example.com", "/API/v1", "us"),
    ("a.example.com", "/", "eu"),
    ("a.b.example.com", "/", "eu"),
    ("a.special.example.com", "/", "us"),
    ("example.com", "/", 404),
    ("other.org", "/api/v1", 404),
]


def test_hosts_and_paths(tmp_path):
    """Exact host before wildcard before default; exact path before the longest prefix."""

    async def story(lab):
        lab.compute |= {
            GLOBAL + "backendServices/us": service(backend(lab.negs["us"])),
            GLOBAL + "backendServices/eu": service(backend(lab.negs["eu"])),
        }
        us, eu = ref("backendServices", "us"), ref("backendServices", "eu")
        lab.compute[GLOBAL + "urlMaps/um"] = {
            "defaultRouteAction": NOT_FOUND,
            "hostRules": [
                {"hosts": ["*.example.com"], "pathMatcher": "wild"},
                {"hosts": ["*.special.example.com"], "pathMatcher": "special"},
                {"hosts": ["shop.example.com"], "pathMatcher": "shop"},
            ],
            "pathMatchers": [
                {"name": "wild", "defaultService": eu},
                {"name": "special", "defaultService": us},
                {
                    "name": "shop",
                    "defaultService": us,
                    "pathRules": [
                        {"paths": ["/api/*"], "service": eu},
                        {"paths": ["/api/exact", "/api/deep/*"], "service": us},
                    ],
                },
            ],
        }
        await lab.apply()
        for name in ("us", "eu"):
            await lab.healthy_in(name, lab.negs[name])
        found = []
        for host, path, _ in ROUTES:
            answer, _ = await lab.get(path, host=host)
            found.append((host, path, answer.headers.get("X-Cluster", answer.status)))
        assert found == ROUTES
        answer, text = await lab.get("/", host="other.org")
        assert text == "fault filter abort"

    run(story, tmp_path)


def test_redirects(tmp_path):
    """An https redirect keeps host, path and query; the lab's port 8080 becomes 8443."""

    async def story(lab):
        lab.compute[GLOBAL + "urlMaps/um"] = {
            "defaultUrlRedirect": {"httpsRedirect": True},
            "hostRules": [{"hosts": ["old.example.com"], "pathMatcher": "old"}],
            "pathMatchers": [
                {
                    "name": "old",
                    "defaultUrlRedirect": {
                        "hostRedirect": "new.example.com",
                        "pathRedirect": "/moved",
                        "redirectResponseCode": "TEMPORARY_REDIRECT",
                        "stripQuery": True,
                    },
                }
            ],
        }
        await lab.apply()
        for host, status, location in (
            ("shop.example.com", 301, "https://shop.example.com/a?b=c"),
            ("shop.example.com:8080", 301, "https://shop.example.com:8443/a?b=c"),
            ("old.example.com", 307, "http://new.example.com/moved"),
        ):
            answer, _ = await lab.get("/a?b=c", host=host)
            assert (answer.status, answer.headers["Location"]) == (status, location)

    run(story, tmp_path)


def test_a_killed_pod_costs_no_get(tmp_path):
    """A refused connection is tried on the other endpoint, before and after health knows."""

    async def story(lab):
        victim = lab.pods["us"][0]
        assert await lab.clusters(4) == Counter(us=4)
        await victim.kill()
        assert await lab.clusters(20) == Counter(us=20)
        await lab.healthy(Counter(us=1, eu=2))
        assert await lab.clusters(20) == Counter(us=20)
        await victim.revive()
        await lab.healthy(Counter(us=2, eu=2))
        await lab.clusters(4)
        assert victim.served >= 2

    run(story, tmp_path)


def test_a_lost_answer_is_asked_for_again_when_that_is_safe(tmp_path):
    """A kill under open requests: GET is answered by the other pod, POST is a 502."""

    async def story(lab):
        victim, other = lab.pods["us"]
        for method, expected in (("GET", [200, 200]), ("POST", [200, 502])):
            for pod in (victim, other):
                pod.slow(1.0)
            async with lab.client() as session:
                calls = [
                    asyncio.create_task(session.request(method, "/", data=b"")) for _ in range(2)
                ]
                await asyncio.sleep(0.3)
                await victim.kill()
                answers = [await call for call in calls]
            assert sorted(answer.status for answer in answers) == expected
            await victim.revive()
            await until(lambda: lab.healthy_count() == Counter(us=2, eu=2), "both are back")

    run(story, tmp_path)


def test_a_lost_cluster_fails_over_within_the_health_check(tmp_path):
    """Failures last at most threshold times interval; then the next region answers all."""

    async def story(lab):
        for pod in lab.pods["us"]:
            await pod.kill()
        lost = time.monotonic()
        last_failure, answers = lost, 0
        while answers < 20:
            seen = await lab.clusters(1)
            if seen["eu"]:
                answers += 1
            else:
                last_failure, answers = time.monotonic(), 0
            assert time.monotonic() - lost < 30
        print(f"last failure {last_failure - lost:.2f} s after the loss")
        assert last_failure - lost < 2 * 0.1 + 5
        await lab.healthy(Counter(us=0, eu=2))
        for pod in lab.pods["us"]:
            await pod.revive()
        await lab.healthy(Counter(us=2, eu=2))
        assert await lab.clusters(4) == Counter(us=4)

    run(story, tmp_path)


def test_an_unready_pod_gets_no_requests_and_none_healthy_is_said(tmp_path):
    """Health follows the check's path alone; with nobody healthy the answer is 503."""

    async def story(lab):
        for pod in lab.pods["us"]:
            pod.set_ready(False)
        await lab.healthy(Counter(us=0, eu=2))
        assert await lab.clusters(5) == Counter(eu=5)
        for pod in lab.pods["eu"]:
            pod.set_ready(False)
        await lab.healthy(Counter(us=0, eu=0))
        answer, text = await lab.get("/")
        assert (answer.status, text) == (503, "no healthy upstream")

    run(story, tmp_path)


def test_a_scaler_of_zero_ends_new_requests(tmp_path):
    """A drained backend is still checked, gets nothing, and returns with its scaler."""

    async def story(lab):
        lab.service["backends"][0]["capacityScaler"] = 0.0
        await lab.apply()
        assert await lab.clusters(10) == Counter(eu=10)
        assert lab.healthy_count() == Counter(us=2, eu=2)
        lab.service["backends"][0]["capacityScaler"] = 0.1
        await lab.apply()
        assert await lab.clusters(10) == Counter(us=10)

    run(story, tmp_path)


def test_preferred_backends_fill_first(tmp_path):
    """A far preferred backend is asked before a near default one."""

    async def story(lab):
        lab.service["backends"][1]["preference"] = "PREFERRED"
        await lab.apply()
        assert await lab.clusters(10) == Counter(eu=10)

    run(story, tmp_path)


async def offered(lab, rate, seconds):
    """Answers by cluster per second, of requests sent at an even rate."""
    seen = Counter()

    async def one(session):
        try:
            async with session.get("/") as answer:
                await answer.read()
                seen[answer.headers.get("X-Cluster", str(answer.status))] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            seen[repr(error)] += 1

    async with lab.client() as session, asyncio.TaskGroup() as group:
        start = time.monotonic()
        for n in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, start + n / rate - time.monotonic()))
            group.create_task(one(session))
    return {cluster: count / seconds for cluster, count in sorted(seen.items())}


@pytest.mark.slow
def test_overflow_by_rate(tmp_path):
    """Two endpoints of 10 rps in each of two clusters: 10 -> 10/0, 30 -> 20/10, 60 -> 30/30."""

    async def story(lab):
        table = {10: (10, 0), 30: (20, 10), 60: (30, 30)}
        for rate, (us, eu) in table.items():
            await offered(lab, rate, 1.0)
            seen = await offered(lab, rate, 3.0)
            print(rate, seen)
            assert set(seen) <= {"us", "eu"}
            assert seen.get("us", 0) == pytest.approx(us, abs=3)
            assert seen.get("eu", 0) == pytest.approx(eu, abs=3)

    run(story, tmp_path, rate=10)


@pytest.mark.slow
def test_capacity_counts_healthy_endpoints_only(tmp_path):
    """With one of two endpoints down, a region takes half before it overflows."""

    async def story(lab):
        lab.pods["us"][0].set_ready(False)
        await lab.healthy(Counter(us=1, eu=2))
        await offered(lab, 20, 1.0)
        seen = await offered(lab, 20, 2.0)
        assert seen["us"] == pytest.approx(10, abs=3)
        assert seen["eu"] == pytest.approx(10, abs=3)

    run(story, tmp_path, rate=10)


def test_aborts_by_percentage(tmp_path):
    """Half of the requests are aborted when the map says so, the others served."""

    async def story(lab):
        half = {"faultInjectionPolicy": {"abort": {"httpStatus": 418, "percentage": 50}}}
        web = ref("backendServices", "web")
        lab.compute[GLOBAL + "urlMaps/um"] = {"defaultService": web, "defaultRouteAction": half}
        await lab.apply()
        seen = await lab.clusters(400)
        assert seen[418] == pytest.approx(200, abs=60)
        assert seen["us"] == 400 - seen[418]

    run(story, tmp_path)


def test_https_by_server_name(tmp_path):
    """Each name gets its certificate, unknown ones the first; pods hear of https."""
    authority = trustme.CA()
    names = ("shop.example.com", "other.example.com")
    made = {name: authority.issue_cert(name) for name in names}

    async def story(lab):
        add_https(lab, made)
        await lab.apply()
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        for asked, expected in (*zip(names, names, strict=True), ("unknown.org", names[0])):
            async with (
                lab.client(force_close=True) as session,
                session.get(
                    f"https://{lab.vip}:8443/",
                    headers={"Host": asked},
                    ssl=trust,
                    server_hostname=asked if asked in names else expected,
                ) as answer,
            ):
                seen = await answer.json()
            assert seen["headers"]["X-Forwarded-Proto"] == "https"
        assert await asyncio.to_thread(served_name, lab.vip, "unknown.org") == names[0]
        assert await asyncio.to_thread(served_name, lab.vip, names[1]) == names[1]
        lab.keys[GLOBAL + "sslCertificates/other.example.com"] = lab.keys[
            GLOBAL + "sslCertificates/shop.example.com"
        ]
        await lab.apply()
        assert "another certificate's" in lab.plane.problems[0]
        assert await asyncio.to_thread(served_name, lab.vip, names[1]) == names[0]

    run(story, tmp_path)


def add_https(lab, made):
    """A second forwarding rule on 443 with the certificates, in order."""
    for name, certificate in made.items():
        path = GLOBAL + f"sslCertificates/{name}"
        chain = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
        lab.compute[path] = {"type": "SELF_MANAGED", "certificate": chain.decode()}
        lab.keys[path] = certificate.private_key_pem.bytes().decode()
    lab.compute[GLOBAL + "targetHttpsProxies/sec"] = {
        "urlMap": ref("urlMaps", "um"),
        "sslCertificates": [ref("sslCertificates", name) for name in made],
    }
    lab.compute[GLOBAL + "forwardingRules/sec"] = {
        "IPAddress": lab.vip,
        "portRange": "443-443",
        "target": ref("targetHttpsProxies", "sec"),
    }


def served_name(vip, asked):
    """The DNS name in the certificate that a handshake for *asked* is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((vip, 8443), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=asked) as secure,
    ):
        der = secure.getpeercert(binary_form=True)
    names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return names.value.get_values_for_type(x509.DNSName)[0]


@pytest.mark.parametrize("protocol", ["HTTPS", "HTTP2"])
def test_pods_that_speak_tls_are_checked_and_reached_by_tls(tmp_path, protocol):
    """Nobody looks at their certificate; a service that speaks HTTP to them reaches nobody."""

    async def story(lab):
        _, seen = await lab.get("/a")
        lab.service["protocol"] = "HTTP"
        await lab.apply()
        plain, _ = await lab.get("/a")

        spoken = {"HTTPS": "HTTP/1.1", "HTTP2": "HTTP/2"}[protocol]
        assert (seen["scheme"], seen["path"], seen["protocol"]) == ("https", "/a", spoken)
        assert plain.status == 502

    run(story, tmp_path, protocol=protocol)
