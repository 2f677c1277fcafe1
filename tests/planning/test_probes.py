"""What pods say of how they are probed, as the health check of a Service port can use it."""

import dataclasses

import pytest

from fedingress.domain.ingress import ServiceBackend
from fedingress.domain.options import BackendOptions
from fedingress.domain.policy import BackendPolicy
from fedingress.domain.probe import Probe
from fedingress.planning import fanout, probes
from tests.planning.fanned import MEMBER, OWNER, seen
from tests.planning.shop import held, policy, service, source

WEB = ServiceBackend(service="web", number=80)
FOUND = Probe(path="/ready", interval_seconds=10, timeout_seconds=1)
PORTS = ({"name": "http", "containerPort": 8080},)


def asking(path="/ready", port=8080, **more):
    """A readiness probe by HTTP; *more* are fields of the probe."""
    get = {"path": path, "port": port, **more.pop("get", {})}
    return {"httpGet": get, **more}


def container(probe=None, ports=PORTS, **more):
    """One container."""
    made = {"name": "c", "ports": [dict(port) for port in ports], **more}
    return made if probe is None else {**made, "readinessProbe": probe}


def pod(*containers, name="web-1", at="2026-01-01T00:00:00Z", labels=None, phase="Running", **spec):
    """A pod of the web Service."""
    return {
        "metadata": {"name": name, "creationTimestamp": at, "labels": labels or {"app": "web"}},
        "spec": {"containers": list(containers), **spec},
        "status": {"phase": phase},
    }


def said(*pods, protocol="HTTP", target=8080, **port):
    """What *pods* say of the web Service's port 80."""
    entry = {"port": 80, **({} if target is None else {"targetPort": target}), **port}
    return probes.said(pods, service(ports=(entry,)), WEB, protocol)


SIDE = {"ports": ({"name": "admin", "containerPort": 9000},)}
USED = {
    "by number": (said(pod(container(asking()))), FOUND),
    "a number as text": (said(pod(container(asking(port="8080")))), FOUND),
    "by the port's name": (said(pod(container(asking(port="http")))), FOUND),
    "a Service port by name": (said(pod(container(asking())), target="http"), FOUND),
    "a port that is not declared": (said(pod(container(asking(), ports=()))), FOUND),
    "a target that is the port": (
        said(pod(container(asking(port=80), ports=({"containerPort": 80},))), target=None),
        FOUND,
    ),
    "the container that serves": (
        said(pod(container(asking("/side", 9000), **SIDE), container(asking()))),
        FOUND,
    ),
    "a sidecar that stays": (
        said(pod(container(), initContainers=[container(asking(), restartPolicy="Always")])),
        FOUND,
    ),
    "the newest": (
        said(
            pod(container(asking("/old"))),
            pod(container(asking()), name="web-0", at="2026-01-02T00:00:00Z"),
        ),
        FOUND,
    ),
    "not the leaving, the ended or another's": (
        said(
            pod(container(asking())),
            pod(container(asking("/job")), name="web-2", phase="Succeeded"),
            pod(container(asking("/api")), name="web-3", labels={"app": "api"}),
            {
                **pod(container(asking("/going"))),
                "metadata": {
                    "name": "web-9",
                    "labels": {"app": "web"},
                    "deletionTimestamp": "2026-01-01T00:00:00Z",
                },
            },
        ),
        FOUND,
    ),
    "whole": (
        said(
            pod(
                container(
                    asking(
                        "ready?deep=1",
                        get={
                            "scheme": "HTTPS",
                            "host": "1.example.com",
                            "httpHeaders": [{"name": "Host", "value": "Shop.example.com"}],
                        },
                        periodSeconds=400,
                        timeoutSeconds=7,
                    )
                )
            ),
            protocol="HTTP2",
        ),
        Probe(
            path="/ready?deep=1",
            host="shop.example.com",
            scheme="HTTPS",
            interval_seconds=300,
            timeout_seconds=7,
        ),
    ),
    "no path": (
        said(pod(container({"httpGet": {"port": 8080}}))),
        Probe(path="/", interval_seconds=10, timeout_seconds=1),
    ),
    "no probe": (said(pod(container())), Probe()),
    "no container": (said(pod()), Probe()),
    "no pod": (said(), None),
    "pods of others only": (said(pod(container(asking()), labels={"app": "api"})), None),
}
IGNORED = {
    "another port": (said(pod(container(asking(port=8081)))), "it asks port 8081, and requests go"),
    "an unknown name": (said(pod(container(asking(port="x")))), "it asks port 'x', and requests"),
    "a target without a number": (
        said(pod(container(asking(port="x"))), target="web"),
        "requests go to no port",
    ),
    "another scheme": (said(pod(container(asking())), protocol="HTTPS"), "it speaks 'HTTP', and"),
    "TCP": (said(pod(container({"tcpSocket": {"port": 8080}}))), "tcpSocket cannot be asked"),
    "nothing known": (said(pod(container({"wasm": {}}))), "its kind cannot be asked"),
    "a header": (
        said(pod(container(asking(get={"httpHeaders": [{"name": "X-A", "value": "1"}]})))),
        "cannot send its header 'x-a'",
    ),
    "a path with a space": (said(pod(container(asking("/a b")))), "its path '/a b' is none"),
    "a host with a port": (
        said(pod(container(asking(get={"host": "a:80"})))),
        "its host 'a:80' is no DNS name",
    ),
}


@pytest.mark.parametrize("case", USED)
def test_the_probe_of_the_served_port_is_read(case):
    """Whoever declares it and however it is named, nothing is told as left out."""
    found, expected = USED[case]

    assert found == (expected, "")


@pytest.mark.parametrize("case", IGNORED)
def test_a_probe_that_no_health_check_can_be_is_told(case):
    """The sentence names the Service port and the reason; nothing of the probe is used."""
    (found, why), expected = IGNORED[case]

    assert found == Probe()
    assert why.startswith("the readiness probe behind web:80 is not used: ")
    assert expected in why


def test_a_probe_survives_its_encoding_and_a_newer_version():
    """Unknown fields are left out."""
    assert Probe.decode({**FOUND.encode(), "newer": 1}) == FOUND


def wished(observed, **backends):
    """What the member should hold, under a policy with these fields of `backends`."""
    return fanout.desired(
        source(),
        policy(backends=BackendPolicy(**backends)),
        MEMBER,
        observed,
        OWNER,
        config_identity="config",
    )


@pytest.mark.parametrize(
    ("pods", "options", "expected", "told"),
    [
        ([pod(container(asking()))], {}, {WEB: FOUND}, ""),
        ([pod(container(asking(port=1)))], {}, {WEB: Probe()}, "it asks port 1,"),
        ([pod(container(asking()))], {"protocol": "HTTP2"}, {WEB: Probe()}, "it speaks 'HTTP'"),
        ([], {}, {}, ""),
    ],
)
def test_a_member_is_wished_the_same_whatever_its_pods_say(pods, options, expected, told):
    """Their word and why it is not used stand beside the objects, which do not change."""
    before = seen(service())
    found = wished(
        dataclasses.replace(
            before, pods=tuple(held("a", {"kind": "Pod", **each}) for each in pods)
        ),
        options=BackendOptions(**options),
    )

    assert dict(found.probes) == expected
    assert told in "".join(found.notes)
    assert bool(told) == bool(found.notes)
    assert (found.objects, found.problems) == (wished(before).objects, ())


def test_a_member_that_shows_no_pods_says_so():
    """It is served all the same."""
    found = wished(dataclasses.replace(seen(service()), blind="pods is forbidden"))

    assert found.probes == {}
    assert found.notes == ("its pods cannot be read for their readiness probes: pods is forbidden",)
    assert len(found.objects) == 2
