"""Which node port all members get, and what is said where one cannot have it."""

import itertools

import pytest

from fedingress.domain.ingress import IngressKey, ServiceBackend
from fedingress.planning import node_ports
from fedingress.planning.node_ports import Question

WEB = ServiceBackend(service="web", number=80)
FIRST, SECOND, THIRD = itertools.islice(node_ports.candidates("u-1", WEB), 3)
KEY = IngressKey(namespace="shop", name="shop")


def question(held=None, **more):
    """What is known of the members' ports."""
    return Question(uid="u-1", backend=WEB, held=held or {}, **more)


def test_candidates_are_distinct_node_ports_that_follow_from_names():
    """Whoever forgot everything comes to the same ones; another Service port has others."""
    listed = list(node_ports.candidates("u-1", WEB))

    assert listed == list(node_ports.candidates("u-1", WEB))
    assert len(listed) == len(set(listed)) > 20
    assert all(30000 <= port <= 32767 for port in listed)
    other = ServiceBackend(service="api", number=80)
    assert next(node_ports.candidates("u-1", other)) != FIRST
    assert next(node_ports.candidates("u-2", WEB)) != FIRST


def test_a_candidate_is_given_once_though_two_hashes_meet():
    """Of many Ingresses some have two equal hashes; none of them a double candidate."""
    lists = [list(node_ports.candidates(f"u-{number}", WEB)) for number in range(300)]

    assert min(map(len, lists)) < max(map(len, lists))
    assert all(len(each) == len(set(each)) for each in lists)


ALL = frozenset(node_ports.candidates("u-1", WEB))
CHOICES = {
    "nobody has any": (question(), FIRST),
    "one refuses the first": (question(refused={"b": {FIRST}}), SECOND),
    "two refuse others": (question(refused={"a": {SECOND}, "b": {FIRST}}), THIRD),
    "what members have is kept": (question({"a": 31000, "b": 0}), 31000),
    "most of them": (question({"a": 31000, "b": 31001, "c": 31001}), 31001),
    "of as many the lower": (question({"a": 31001, "b": 31000}), 31000),
    "what is refused is not kept": (question({"a": 31000}, refused={"b": {31000}}), FIRST),
    "what serves is kept": (question({"a": 31000}, serving={31000}, refused={"b": {31000}}), 31000),
    "what serves wins over most": (
        question({"a": 31000, "b": 31001, "c": 31001}, serving={31000}),
        31000,
    ),
    "a candidate that serves though nobody tells": (question(serving={SECOND}), SECOND),
    "who knows nothing keeps": (
        question({"a": 31000}, known=False, refused={"b": {31000}}),
        31000,
    ),
    "everything is refused": (question(refused={"b": ALL}), 0),
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_port_of_all_members(name):
    """See the table of the module."""
    asked, expected = CHOICES[name]
    assert node_ports.choose(asked) == expected


def test_a_refusal_names_the_port_the_service_port_and_the_cluster():
    """Only where the member has refused that very port."""
    asked = question(serving={31000}, refused={"b": {31000}})

    reason, text = node_ports.refusal(asked, 31000, "b")
    assert reason == "NodePortTaken"
    assert "node port 31000" in text
    assert "web:80" in text
    assert "taken in b" in text
    assert node_ports.refusal(asked, 31000, "a") is None
    assert node_ports.refusal(asked, 31001, "b") is None
    reason, text = node_ports.refusal(asked, 0, "a")
    assert (reason, text) == (
        "NodePortTaken",
        "every node port that web:80 may get is taken in some cluster",
    )


def told(a, b):
    text = (
        f"some instances of the 'shop/web' Service (e.g. in '{a[0]}') are on NodePort {a[1]}, but "
        f"'{b[0]}' is on {b[1]}. All clusters must use same NodePort"
    )
    return "NodePortMismatch", text


OWN = {
    "equal": (question({"a": 31000, "b": 31000}), "b", 31000),
    "alone": (question({"a": 31000}), "a", 31000),
    "beside one without": (question({"a": 31000, "b": 0}), "a", 31000),
    "others (D4)": (
        question({"a": 31000, "b": 31005}),
        "b",
        told(("a", 31000), ("b", 31005)),
    ),
    "others, seen from the first": (
        question({"a": 31000, "b": 31005}),
        "a",
        told(("b", 31005), ("a", 31000)),
    ),
    "who serves stays": (question({"a": 31000, "b": 31005}, serving={31000}), "a", 31000),
    "who serves not is left out": (
        question({"a": 31000, "b": 31005}, serving={31000}),
        "b",
        told(("a", 31000), ("b", 31005)),
    ),
    "none": (
        question({"a": 31000, "b": 0}),
        "b",
        ("NodePortMissing", "port 80 of the 'shop/web' Service has no node port in 'b'"),
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_users_own_ports(name):
    """Equal ones are taken; of others both clusters and the Service are named."""
    asked, cluster, expected = OWN[name]
    assert node_ports.own(asked, KEY, cluster) == expected


def service(*ports):
    return {"metadata": {}, "spec": {"ports": [dict(port) for port in ports]}}


def test_node_ports_of_services():
    """Of the port that is meant, of a companion's only port, or none."""
    two = service({"port": 443, "nodePort": 31443}, {"port": 80, "nodePort": 31080})

    assert node_ports.of(two, WEB) == 31080
    assert node_ports.of(service({"port": 80}), WEB) == 0
    assert node_ports.of({}, WEB) == 0
    assert node_ports.first_of(two) == 31443
    assert node_ports.first_of(service({"port": 80})) == 0
    assert node_ports.first_of({}) == 0
