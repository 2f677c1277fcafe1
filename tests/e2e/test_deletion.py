"""The end of an Ingress over the wire: in order, and without remains."""

import pytest

from tests.e2e.manifests import HOST
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]


def test_deletion_takes_records_then_the_graph_then_the_members_and_leaves_nothing(shop):
    """While a name may be remembered its address serves; in the end nothing is left anywhere."""
    address = shop.address()
    client = shop.visitor("us-central1")
    shop.delete()
    until("the records to go", lambda: not shop.records())
    page = client.get(HOST, address=address)
    copies = shop.ours("gke-us")
    until("the graph to go", lambda: not shop.listed("UrlMaps"))
    until("the source to go", lambda: shop.source() is None)

    assert client.question(HOST)[0] == "NXDOMAIN"
    assert page.status == 200, "an address was taken away while resolvers remember it"
    assert len(copies) == 3, "members were emptied before the load balancer let go"
    assert client.get(HOST, address=address).status == 0
    assert [shop.ours(member) for member in shop.members] == [[], [], []]
    shop.withdraw()  # the firewall is shared, and goes after the last of its users
