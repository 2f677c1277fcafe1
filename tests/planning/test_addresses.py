"""Addresses of a graph: reserved, adopted, of both families, and exchanged without a gap."""

import dataclasses

from fedingress.domain.front import Front, FrontWish
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.planning import backends
from fedingress.planning.addresses import UNKNOWN_ADDRESS
from tests.planning.test_backends import MARK, applied, converge, wish
from tests.planning.test_frontends import of, one, pair, read


def named(name="theirs", ip="198.51.100.7", version="IPV4"):
    """An address that others reserved."""
    return GlobalResource(
        kind=Kind.ADDRESS,
        project="p",
        name=name,
        spec={"ipVersion": version},
        output={"address": ip},
    )


def fronted(**fields):
    return wish(front=Front(**fields))


def adopting(name="theirs", **fields):
    return fronted(wish=FrontWish(address=name), **fields)


def rules(resources):
    """Port and IP of every forwarding rule."""
    found = of(Kind.FORWARDING_RULE, resources)
    return sorted((each.spec["portRange"], each.spec["IPAddress"]) for each in found)


def test_an_adopted_address_is_used_and_none_is_reserved():
    """The rule is at the named address, which is in no change."""
    wanted = adopting()
    observed, _ = converge(wanted, (named(),))

    assert backends.adopted(wanted) == ((Kind.ADDRESS, "theirs"),)
    assert rules(observed) == [("80-80", "198.51.100.7")]
    assert of(Kind.ADDRESS, observed) == [named()]


def test_an_address_that_does_not_exist_is_told_and_waited_for():
    """The rule is wanted at an unknown address; one of the other family does not count."""
    for observed in ((), (named(version="IPV6", ip="2001:db8::7"),)):
        rule = one(Kind.FORWARDING_RULE, backends.desired(adopting(), observed))

        assert rule.spec["IPAddress"] == UNKNOWN_ADDRESS
        assert backends.problems(adopting(), observed) == (
            (
                "AddressMissing",
                "no global IPv4 address theirs is reserved in the project",
            ),
        )


def test_an_address_without_an_ip_is_not_known_yet():
    """Its operation still runs."""
    fresh = dataclasses.replace(named(), output={})
    rule = one(Kind.FORWARDING_RULE, backends.desired(adopting(), (fresh,)))

    assert rule.spec["IPAddress"] == UNKNOWN_ADDRESS


def test_with_ipv6_there_is_an_address_and_a_rule_more_per_port():
    """Both families share proxies and URL map."""
    tls = (read(found=pair(hosts=("a.com",))),)
    wanted = fronted(ipv6=True, secrets=tls)
    made = backends.desired(wanted, (named("x"),))

    assert sorted(item.spec["ipVersion"] for item in of(Kind.ADDRESS, made)) == ["IPV4", "IPV6"]
    assert len(of(Kind.FORWARDING_RULE, made)) == 4
    assert len(of(Kind.URL_MAP, made)) == 1
    assert len({rule.name for rule in of(Kind.FORWARDING_RULE, made)}) == 4


def test_an_adopted_address_of_ipv6_turns_ipv6_on():
    """The other family is reserved as ever."""
    wanted = fronted(wish=FrontWish(address6="six"))
    seen = (named("six", "2001:db8::7", "IPV6"),)
    observed, _ = converge(wanted, seen)

    assert rules(observed) == [("80-80", "2001:db8::7"), ("80-80", "203.0.113.1")]
    assert wanted.plot(observed).literals() == ("203.0.113.1", "2001:db8::7")
    missing = backends.problems(wanted, ())
    assert missing == (("AddressMissing", "no global IPv6 address six is reserved in the project"),)


def test_another_address_comes_beside_the_earlier_one_which_goes_when_it_may():
    """Rules are made at the new address; the old ones stay with all that they lead to."""
    before, _ = converge(wish())
    seen = (*before, named())
    wanted = adopting()
    stay = backends.earlier(wanted, seen)
    plan = backends.plan(backends.desired(wanted, seen), seen, MARK, stay=stay)
    between = applied(plan, seen)
    after, _ = converge(wanted, between)

    assert [rule.spec["IPAddress"] for rule in stay] == ["203.0.113.1"]
    assert rules(between) == [("80-80", "198.51.100.7"), ("80-80", "203.0.113.1")]
    assert len(of(Kind.ADDRESS, between)) == 2
    assert rules(after) == [("80-80", "198.51.100.7")]
    assert of(Kind.ADDRESS, after) == [named()]
    assert backends.earlier(wanted, after) == ()


def test_what_an_earlier_rule_leads_to_stays_with_it():
    """TLS is taken off in the same change: proxy, certificate and SSL policy stay for now."""
    tls = (read(found=pair(hosts=("a.com",))),)
    before, _ = converge(fronted(secrets=tls))
    seen = (*before, named())
    wanted = adopting()
    stay = backends.earlier(wanted, seen)
    plan = backends.plan(backends.desired(wanted, seen), seen, MARK, stay=stay)
    between = applied(plan, seen)

    assert {item.path for item in before} <= {item.path for item in between}
    after, _ = converge(wanted, between)
    assert not of(Kind.SSL_CERTIFICATE, after)


def test_rules_of_others_are_never_earlier_ones():
    """Not even under our names."""
    before, _ = converge(wish())
    theirs = tuple(dataclasses.replace(item, mark=None) for item in before)
    elses = tuple(
        dataclasses.replace(item, mark=dataclasses.replace(MARK, uid="x")) for item in before
    )

    assert backends.earlier(adopting(), theirs) == ()
    assert backends.earlier(adopting(), elses) == ()
