"""Record sets between our form and Cloud DNS's."""

import pytest

from fedingress.adapters.gcp import records
from fedingress.domain.record import RecordSet


@pytest.mark.parametrize("name", ["*.Apps.Example.com.", "\\052.apps.example.com."])
def test_names_are_normalised(name):
    """Lower case, no final dot, wildcards with an asterisk."""
    assert records.name(name) == "*.apps.example.com"


def test_values_are_normalised():
    """Sorted, IPv6 in its short form, host names without the final dot."""
    v6 = {"name": "a.", "type": "AAAA", "ttl": 5, "rrdatas": ["2001:DB8:0::2", "2001:db8::1"]}
    alias = {"name": "a.", "type": "CNAME", "ttl": 5, "rrdatas": ["B.example.com."]}

    assert records.decode(v6).values == ("2001:db8::1", "2001:db8::2")
    assert records.decode(alias).values == ("b.example.com",)


def test_a_policy_is_kept_as_text():
    """It goes back as it came."""
    policy = {"wrr": {"items": [{"weight": 1.0, "rrdatas": ["203.0.113.1"]}]}}
    rrset = {"name": "w.example.com.", "type": "A", "ttl": 30, "routingPolicy": policy}

    found = records.decode(rrset)

    assert found.values == ()
    assert records.encode(found) == rrset


def test_a_record_is_encoded():
    """With the final dots that Cloud DNS wants."""
    item = RecordSet(name="a.example.com", type="CNAME", ttl_seconds=60, values=("b.example.net",))

    assert records.encode(item) == {
        "name": "a.example.com.",
        "type": "CNAME",
        "ttl": 60,
        "rrdatas": ["b.example.net."],
    }
