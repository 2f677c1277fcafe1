"""Who owns a host."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.report import HostClaim
from fedingress.planning import claims
from tests.planning.shop import source

HOSTS = ("a.example.com", "b.example.com", "c.example.com")


def ingress(uid="u1", *, created="2026-01-01T00:00:00Z", hosts=HOSTS[:1], deleting=False):
    """A source that names hosts."""
    decoded = source(name=f"shop-{uid}", hosts=hosts)
    return dataclasses.replace(decoded, uid=uid, created=created, deleting=deleting)


def rivals(sources, of):
    """Claims on the hosts of *of*, as everyone made them."""
    made = claims.claims_of(sources)
    return {host: made.get(host, ()) for host in of.ingress.hosts}


sources_of = st.lists(
    st.builds(
        ingress,
        st.sampled_from(["u1", "u2", "u3", "u4"]),
        created=st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
        hosts=st.lists(st.sampled_from(HOSTS), min_size=1, unique=True).map(tuple),
    ),
    unique_by=lambda each: each.uid,
)


@given(sources_of, st.randoms())
def test_every_host_has_one_owner_whoever_asks_and_in_any_order(sources, random):
    """Of all Ingresses that name a host, exactly one does not lose it."""
    shuffled = list(sources)
    random.shuffle(shuffled)
    lost = {each.uid: claims.lost(each, rivals(shuffled, each)) for each in sources}
    for host in {host for each in sources for host in each.ingress.hosts}:
        naming = [each for each in sources if host in each.ingress.hosts]
        owners = [each for each in naming if host not in lost[each.uid]]

        assert len(owners) == 1
        assert {lost[each.uid].get(host) for each in naming} - {None} <= {str(owners[0].key)}


def test_the_oldest_wins_and_between_equals_the_lower_uid():
    """Creation orders claims, then the uid does, so that nobody takes a host over by luck."""
    old = ingress("u2", created="2026-01-01T00:00:00Z")
    new = ingress("u1", created="2026-01-02T00:00:00Z")
    twin = ingress("u3", created="2026-01-01T00:00:00Z")

    assert claims.lost(new, rivals([old, new], new)) == {HOSTS[0]: "shop/shop-u2"}
    assert claims.lost(old, rivals([old, new], old)) == {}
    assert claims.lost(twin, rivals([old, twin], twin)) == {HOSTS[0]: "shop/shop-u2"}


def test_a_host_without_rivals_is_never_lost():
    """The claim of the source itself always counts, even when it was not kept yet."""
    assert claims.lost(ingress(), {HOSTS[0]: ()}) == {}


def test_only_living_and_valid_sources_claim():
    """What is being deleted, or did not decode, holds no host against others."""
    leaving = ingress("u1", deleting=True)
    invalid = dataclasses.replace(ingress("u2"), ingress=None)
    valid = ingress("u3", hosts=HOSTS[:2])

    assert claims.claims_of([leaving, invalid, valid]) == {
        host: [
            HostClaim(uid="u3", generation=3, source="shop/shop-u3", created="2026-01-01T00:00:00Z")
        ]
        for host in HOSTS[:2]
    }


def test_claims_on_a_host_are_kept_under_its_own_unit():
    """Two hosts never share a unit."""
    assert claims.unit("a.example.com") == "host:a.example.com"
