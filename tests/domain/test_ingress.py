"""The source Ingress and its parts."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.ingress import (
    Fault,
    Ingress,
    IngressKey,
    Path,
    Rule,
    ServiceBackend,
    status_entry,
)
from tests.planning.shop import source

WEB = ServiceBackend(service="web", number=80)
API = ServiceBackend(service="api", port_name="http")
words = st.text(st.characters(exclude_characters="/"), min_size=1)


@given(words, words)
def test_a_key_reads_back(namespace, name):
    """parse(str(x)) is x."""
    key = IngressKey(namespace=namespace, name=name)

    assert IngressKey.parse(str(key)) == key


def test_a_key_is_written_with_a_slash():
    """As every command line of Kubernetes takes it."""
    assert IngressKey.parse("shop/web") == IngressKey(namespace="shop", name="web")
    assert str(IngressKey(namespace="shop", name="web")) == "shop/web"


@pytest.mark.parametrize("text", ["", "/", "shop", "shop/", "/shop", "a/b/c", "a//b"])
def test_what_is_no_key_is_refused(text):
    """Exactly one slash between two words, and the text stands in the error."""
    with pytest.raises(ValueError, match="is not NAMESPACE/NAME") as caught:
        IngressKey.parse(text)
    assert repr(text) in str(caught.value)


FAULTS = {
    "whole": (("f.yaml", "spec.rules", "is missing"), "f.yaml: spec.rules: is missing"),
    "of the whole object": (("f.yaml", "", "is no object"), "f.yaml: is no object"),
    "of nowhere": (("", "", "is broken"), "is broken"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence_with_its_place(name):
    """Parts that are empty leave no colon behind."""
    (where, field, reason), expected = FAULTS[name]

    assert str(Fault(where=where, field=field, reason=reason)) == expected


def test_a_port_is_written_as_the_user_wrote_it():
    """By number where there is one, by name otherwise."""
    assert (WEB.port, API.port) == ("80", "http")


def ruled(*hosts, default=None):
    """An Ingress with one path to web per host."""
    paths = (Path(path="/", path_type="Prefix", backend=WEB),)
    return Ingress(
        class_name="f",
        rules=tuple(Rule(host=host, paths=paths) for host in hosts),
        default_backend=default,
    )


def test_hosts_are_named_once_in_order_and_all_hosts_is_none():
    """A rule without a host claims no name."""
    assert ruled("b.com", "", "a.com", "b.com").hosts == ("b.com", "a.com")


def test_limiting_takes_the_rules_of_other_hosts_and_leaves_those_for_all():
    """Who lost a host serves the rest."""
    limited = ruled("a.com", "", "b.com").limited_to({"b.com"})

    assert [rule.host for rule in limited.rules] == ["", "b.com"]


def test_backends_are_named_once_and_the_default_is_one_of_them():
    """Sorted, so that plans do not depend on the order of rules."""
    assert ruled("a.com", "b.com").backends == (WEB,)
    assert ruled("a.com", default=API).backends == (API, WEB)
    assert ruled(default=API).backends == (API,)
    assert ruled().backends == ()


ANNOTATIONS = {
    "as stored": ({"metadata": {"annotations": {"a": "b"}}}, {"a": "b"}),
    "none": ({"metadata": {}}, {}),
    "null": ({"metadata": {"annotations": None}}, {}),
    "a list": ({"metadata": {"annotations": ["a"]}}, {}),
    "no metadata": ({}, {}),
}


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_annotations_are_read_even_where_the_rest_does_not_decode(name):
    """Status and footprint must be found on a broken source, too."""
    manifest, expected = ANNOTATIONS[name]
    broken = dataclasses.replace(source(), manifest=manifest, ingress=None)

    assert broken.annotations == expected


ADDRESSES = {
    "an address and a name": (
        {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example.com"}]}},
        ("192.0.2.1", "lb.example.com"),
    ),
    "the address before the name": (
        {"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "hostname": "lb.example.com"}]}},
        ("192.0.2.1",),
    ),
    "neither": ({"loadBalancer": {"ingress": [{"ports": []}, "x"]}}, ("",)),
    "no status": (None, ()),
    "no load balancer": ({}, ()),
    "no list": ({"loadBalancer": {"ingress": "192.0.2.1"}}, ()),
    "a list for the load balancer": ({"loadBalancer": []}, ()),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_the_addresses_of_a_source_are_read_whoever_wrote_them(name):
    """Another controller's status is read as it is, and a broken one as none."""
    status, expected = ADDRESSES[name]
    found = dataclasses.replace(source(), manifest={"status": status})

    assert found.addresses == expected


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("203.0.113.1", {"ip": "203.0.113.1"}),
        ("2001:db8::1", {"ip": "2001:db8::1"}),
        ("fed-1.example.com", {"hostname": "fed-1.example.com"}),
    ],
)
def test_an_address_is_an_entry_of_the_status(address, entry):
    """An IP stands as such, everything else is a host name."""
    assert status_entry(address) == entry
