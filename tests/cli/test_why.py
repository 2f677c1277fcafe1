"""`fedingress why`: where a host leads a client, as it stands in the zone."""

import pytest

pytestmark = pytest.mark.wire


def test_the_chain_is_told_for_people_and_machines(settled, fedingress):
    """An Ingress with one address in front: its host, and that address."""
    (shown,) = fedingress("status", "shop", "-o", "json").json
    machines = fedingress("why", "Shop.example.com.", "--region", "eu-west-1", "-o", "json")
    people = fedingress("why", "shop.example.com")

    assert (machines.code, machines.err) == (0, "")
    (found,) = machines.json
    assert found["host"] == "shop.example.com"
    assert found["lines"] == ["shop.example.com A", f"  {shown['addresses'][0]}"]
    assert people.out.splitlines() == [found["zone"], *(f"  {line}" for line in found["lines"])]


def test_a_host_outside_every_zone_is_a_fault(settled, fedingress):
    """One sentence, exit status 1."""
    answer = fedingress("why", "shop.example.org")

    assert answer.code == 1
    assert answer.err == "error: shop.example.org is in no hosted zone of any federated Ingress\n"
