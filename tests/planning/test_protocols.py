"""What pods are spoken to in: what a Service says, what is decided, and what it becomes in GCE."""

import dataclasses
import json

import pytest

from fedingress.domain.graph import Kind
from fedingress.domain.ingress import ServiceBackend
from fedingress.domain.options import BackendOptions
from fedingress.domain.policy import BackendPolicy
from fedingress.planning import backends, protocols
from tests.planning.fanned import MEMBER, OWNER, seen
from tests.planning.shop import policy, service, source
from tests.planning.test_backends import converge, wish

WEB = ServiceBackend(service="web", number=443)
PORTS = ({"name": "https", "port": 443}, {"name": "http", "port": 80})
NAME = "cloud.google.com/app-protocols"


def annotated(text, name=NAME, ports=PORTS):
    """A Service with that annotation."""
    found = service(ports=ports)
    found["metadata"]["annotations"] = {name: text}
    return found


SAID = {
    "nothing": (service(ports=PORTS), ("HTTP", "")),
    "https": (annotated('{"https": "HTTPS"}'), ("HTTPS", "")),
    "http2": (annotated('{"https": "HTTP2", "http": "HTTP"}'), ("HTTP2", "")),
    "the former name": (annotated('{"https": "HTTPS"}', protocols.ANNOTATIONS[1]), ("HTTPS", "")),
    "of another port": (annotated('{"http": "HTTPS"}'), ("HTTP", "")),
    "of a port without a name": (
        annotated('{"": "HTTPS"}', ports=({"port": 443},)),
        ("HTTPS", ""),
    ),
}
FAULTY = {
    "no JSON": ("{", "is not a JSON object"),
    "no object": ('["HTTPS"]', "is not a JSON object"),
    "no text": (7, "is not a JSON object"),
    "another word": ('{"https": "TCP"}', "'TCP' is not one of HTTP, HTTPS, HTTP2"),
    "another case": ('{"https": "https"}', "'https' is not one of"),
    "a list of words": ('{"https": ["HTTPS"]}', "is not one of"),
}


@pytest.mark.parametrize("case", SAID)
def test_a_service_says_the_protocol_of_each_port(case):
    """By the port's name; HTTP where it says nothing."""
    manifest, expected = SAID[case]

    assert protocols.said(manifest, WEB) == expected


@pytest.mark.parametrize("case", FAULTY)
def test_a_word_that_cannot_be_read_is_told(case):
    """It names Service and annotation, and stands for no protocol."""
    text, sentence = FAULTY[case]
    found, fault = protocols.said(annotated(text), WEB)

    assert found == ""
    assert fault.startswith(f"Service web: annotation {NAME}")
    assert sentence in fault


def spoken(**by_cluster):
    """One Service port in members that say these protocols."""
    found = wish(1, tuple(by_cluster))
    return tuple(
        dataclasses.replace(group, protocol=by_cluster[group.cluster]) for group in found.groups
    )


DECIDED = {
    "the policy wins": ("HTTP2", {"a": "HTTPS"}, "HTTP", "HTTP2"),
    "all agree": (None, {"a": "HTTPS", "b": "HTTPS"}, "HTTP", "HTTPS"),
    "one cannot be read": (None, {"a": "HTTPS", "b": ""}, "HTTP", "HTTPS"),
    "nobody can be read": (None, {"a": ""}, "HTTPS", "HTTPS"),
    "nobody, and nothing stands": (None, {}, "", "HTTP"),
    "they disagree, one stands": (None, {"a": "HTTP", "b": "HTTPS"}, "HTTPS", "HTTPS"),
    "they disagree, none stands": (None, {"a": "HTTP2", "b": "HTTPS"}, "HTTP", "HTTP2"),
}


@pytest.mark.parametrize("case", DECIDED)
def test_the_protocol_of_a_backend_service_is_decided(case):
    """By the policy, by members that agree, else by what stands."""
    said, by_cluster, observed, expected = DECIDED[case]

    assert protocols.decide(said, spoken(**by_cluster), observed) == expected


def test_members_that_disagree_are_named_unless_the_policy_says_it():
    """Each protocol with its members."""
    groups = spoken(a="HTTP", b="HTTPS", c="HTTPS", d="")
    ((reason, sentence),) = protocols.disagreements(None, groups)

    assert reason == "ProtocolConflict"
    assert sentence.startswith("api:80 is HTTP in a and HTTPS in b, c; it stays as it is")
    assert protocols.disagreements("HTTP", groups) == ()
    assert protocols.disagreements(None, spoken(a="HTTP", b="HTTP")) == ()


def specs(observed, kind):
    """The specs of that kind, with their names' last words."""
    return {item.name.rpartition("-")[2]: item.spec for item in observed if item.kind is kind}


@pytest.mark.parametrize("protocol", ["HTTPS", "HTTP2"])
def test_the_health_check_follows_the_protocol(protocol):
    """Another protocol is another check: both change in one call, then the earlier one goes."""
    before, _ = converge(wish(1))
    options = BackendPolicy(options=BackendOptions(protocol=protocol))
    after, _ = converge(wish(1, policy=options), before)
    ((word, check),) = specs(after, Kind.HEALTH_CHECK).items()
    (service_,) = specs(after, Kind.BACKEND_SERVICE).values()

    assert word == protocol.lower()
    assert check["type"] == service_["protocol"] == protocol
    assert check[f"{protocol.lower()}HealthCheck"]["requestPath"] == "/"
    assert service_["healthChecks"][0].endswith(f"-{protocol.lower()}")


def test_a_disagreement_is_a_problem_of_the_graph():
    """It stands, and says what is wrong."""
    wanted = wish(1, groups=spoken(a="HTTP", b="HTTPS"))

    assert [reason for reason, _ in backends.problems(wanted, ())] == ["ProtocolConflict"]


def member_wish(text, **fields):
    """What the member should hold when its Service has that annotation."""
    from fedingress.planning import fanout

    backend = {"service": {"name": "web", "port": {"number": 443}}}
    return fanout.desired(
        source(backend),
        policy(**fields),
        MEMBER,
        seen(annotated(text)),
        OWNER,
        config_identity="config",
    )


def test_fan_out_tells_what_services_say():
    """For each Service port; a word that cannot be read is a problem, the companion stands."""
    good, bad = member_wish(json.dumps({"https": "HTTPS"})), member_wish("{")

    assert good.protocols == {WEB: "HTTPS"}
    assert good.problems == ()
    assert bad.protocols == {WEB: ""}
    assert [reason for reason, _ in bad.problems] == ["AppProtocolInvalid"]
    assert [item.ref.kind for item in bad.objects] == ["Ingress", "Service"]


def test_where_the_policy_says_it_nobody_has_to():
    """A broken annotation harms nobody then."""
    options = BackendPolicy(options=BackendOptions(protocol="HTTP"))

    assert member_wish("{", backends=options).problems == ()
