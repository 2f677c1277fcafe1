"""Static addresses and IPv6 over the wire, with google-cloud-compute and real requests."""

import ipaddress
import threading

import pytest

from tests.e2e.manifests import HOST, ingress, platform
from tests.e2e.site import CONFIG
from tests.e2e.visitors import Visitor
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]


def named(**annotations):
    """The shop with annotations of ours."""
    held = {f"fedingress.dev/{key.replace('_', '-')}": text for key, text in annotations.items()}
    return ingress(annotations=held)


def test_an_address_is_exchanged_under_load_without_a_failed_request(shop):
    """A5: reserved by a person, named by annotation; DNS and traffic go over, theirs stays."""
    from google.cloud import compute_v1

    addresses = shop.compute("GlobalAddresses")
    addresses.insert_unary(project="lab", address_resource=compute_v1.Address(name="theirs"))
    until("the address", lambda: addresses.get(project="lab", address="theirs").address)
    theirs = addresses.get(project="lab", address="theirs").address
    old, visitor = shop.address(), shop.visitor("us-central1")
    met, over = [], threading.Event()

    def visit():
        while not over.is_set():
            met.append(visitor.get(HOST).status)
            over.wait(0.01)

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        shop.apply(CONFIG, named(static_ip="theirs"))
        until("the new address", lambda: shop.address() == theirs)
        until("the new answer", lambda: visitor.question(HOST)[1] == [theirs])
        until("the old rule to go", lambda: len(shop.listed("GlobalForwardingRules")) == 1)
        count = len(met)
        until("more requests", lambda: len(met) > count + 20)
    finally:
        over.set()
        thread.join(10.0)

    assert set(met) == {200}
    assert visitor.get(HOST, address=old).status == 0
    assert [item["name"] for item in shop.listed("GlobalAddresses")] == ["theirs"]
    shop.delete()
    until("the Ingress to go", lambda: shop.source() is None)
    assert addresses.get(project="lab", address="theirs").address == theirs
    addresses.delete_unary(project="lab", address="theirs")
    until("theirs to go", lambda: not shop.listed("GlobalAddresses"))


def over_ipv6(site, address):
    """Somebody who comes over IPv6 to a virtual address, which stands on a port of ::1."""
    where = site.control.call("GET", f"/ports/{address}/80")
    return Visitor(source="::1", dns=site.env["LOCALCLOUD_DNS"], port=where["port"])


def test_ipv6_is_reserved_and_published_when_the_policy_asks(shop):
    """An IPv6 address that serves, an AAAA record, both in the status; and all of it goes."""
    policy, _ = platform()
    visitor = shop.visitor("us-central1")
    shop.apply(CONFIG, {**policy, "spec": {**policy["spec"], "addresses": {"ipv6": True}}})
    until("an AAAA record", lambda: visitor.question(HOST, "AAAA")[1])
    until("two rules", lambda: len(shop.listed("GlobalForwardingRules")) == 2)
    (six,) = visitor.question(HOST, "AAAA")[1]
    (four,) = visitor.question(HOST)[1]
    rules = {rule["I_p_address"] for rule in shop.listed("GlobalForwardingRules")}

    assert {ipaddress.ip_address(rule) for rule in rules} == {
        ipaddress.ip_address(six),
        ipaddress.ip_address(four),
    }
    until(
        "both to be shown",
        lambda: len(shop.source().status.load_balancer.ingress or ()) == 2,
    )
    assert visitor.get(HOST).status == 200
    guest = over_ipv6(shop, six)
    until("an answer over IPv6", lambda: guest.get(HOST, address="::1").status == 200)
    assert guest.get(HOST, "/api", address="::1").app == "api"
    assert guest.get("nobody.example.com", address="::1").status == 404
    shop.apply(CONFIG, policy)
    until("the AAAA record to go", lambda: not visitor.question(HOST, "AAAA")[1])
    until("its rule to go", lambda: len(shop.listed("GlobalForwardingRules")) == 1)
    assert visitor.get(HOST).status == 200
