"""The front half of the graph: certificates in order, kept in need, and named by their chain."""

import dataclasses

import pytest

from fedingress.domain.certificate import KeyPair, SecretRead
from fedingress.domain.graph import Kind
from fedingress.planning import backends
from fedingress.planning.frontends import MOST_CERTIFICATES, Front
from tests.planning.test_backends import MARK, converge, wish

SHOP, API = ("shop.example.com",), ("api.example.com",)
MISSING = ("SecretMissing", "Secret shop/web does not exist")


def pair(chain="one", hosts=SHOP, expires_at=100.0):
    return KeyPair(chain=chain, key="never shown", hosts=hosts, expires_at=expires_at)


def read(secret="web", found=None, hosts=(), fault=("", "")):
    return SecretRead(secret=secret, pair=found, hosts=hosts, fault=fault)


def fronted(*secrets, **more):
    return wish(front=Front(secrets=secrets, now=10.0, **more))


def of(kind, resources):
    return [item for item in resources if item.kind is kind]


def one(kind, resources):
    (found,) = of(kind, resources)
    return found


def test_without_tls_there_is_one_rule_and_no_https_proxy():
    """HTTP alone, as asked."""
    observed, _ = converge(wish())

    assert one(Kind.FORWARDING_RULE, observed).spec["portRange"] == "80-80"
    assert not of(Kind.TARGET_HTTPS_PROXY, observed)
    assert not of(Kind.SSL_CERTIFICATE, observed)


def test_secrets_become_certificates_of_one_proxy_in_their_order():
    """The first Secret is the first certificate, whatever the names sort like."""
    wanted = fronted(read("z", pair("z")), read("a", pair("a")))
    observed, _ = converge(wanted)
    proxy = one(Kind.TARGET_HTTPS_PROXY, observed)
    by_path = {item.path: item for item in of(Kind.SSL_CERTIFICATE, observed)}
    order = [by_path[path].unread["selfManaged"] for path in proxy.spec["sslCertificates"]]

    assert [each["certificate"] for each in order] == ["z", "a"]
    assert proxy.spec["urlMap"] == one(Kind.URL_MAP, observed).path
    assert {rule.spec["portRange"] for rule in of(Kind.FORWARDING_RULE, observed)} == {
        "80-80",
        "443-443",
    }
    assert {rule.spec["IPAddress"] for rule in of(Kind.FORWARDING_RULE, observed)} == {
        "203.0.113.1"
    }


def test_no_key_is_shown_by_a_plan():
    """Neither JSON nor repr of a change holds the key, nor does what is compared."""
    wanted = fronted(read(found=pair()))
    plan = backends.plan(backends.desired(wanted, ()), (), MARK)
    (made,) = (c for c in plan if c.desired.kind is Kind.SSL_CERTIFICATE)

    assert made.desired.unread["selfManaged"]["privateKey"] == "never shown"
    assert "never shown" not in repr(plan)
    assert made.desired.as_json() == {"type": "SELF_MANAGED"}
    assert made.desired == dataclasses.replace(made.desired, unread={})


def test_a_new_chain_is_created_then_shown_then_the_old_one_goes():
    """Create, swap, delete: in this order, with nothing else."""
    observed, _ = converge(fronted(read(found=pair("one"))))
    rotated = fronted(read(found=pair("two")))
    plan = backends.plan(backends.desired(rotated, observed), observed, MARK)
    told = [
        (type(c).__name__, (getattr(c, "desired", None) or c.observed).kind) for c in plan.changes
    ]

    assert told == [
        ("Create", Kind.SSL_CERTIFICATE),
        ("Update", Kind.TARGET_HTTPS_PROXY),
        ("Delete", Kind.SSL_CERTIFICATE),
    ]


def test_the_same_chain_is_no_change():
    """A Secret that is written anew with the same certificate costs nothing."""
    observed, _ = converge(fronted(read(found=pair("one"))))
    again = fronted(read(found=pair("one")))

    assert not backends.plan(backends.desired(again, observed), observed, MARK)


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        (read(fault=MISSING), "SecretMissing"),
        (read(found=pair("late", expires_at=10.0)), "CertificateExpired"),
    ],
)
def test_a_bad_secret_keeps_the_certificate_it_gave_before(lost, reason):
    """No outage for its own hosts, none for the others, and a sentence that says so."""
    other = read("api", pair("api", API))
    observed, _ = converge(fronted(read(found=pair()), other))
    wanted = fronted(lost, other)

    assert not backends.plan(backends.desired(wanted, observed), observed, MARK)
    ((found, text),) = backends.problems(wanted, observed)
    assert found == reason
    assert text.endswith("the certificate that it gave before stays")


@pytest.mark.parametrize("lost", [read(fault=MISSING), read(found=pair("late", expires_at=10.0))])
def test_a_secret_that_never_was_leaves_the_others_alone(lost):
    """The other certificate is shown, the missing one told; with none there is no HTTPS."""
    observed, _ = converge(fronted(lost, read("api", pair("api", API))))
    none, _ = converge(fronted(lost))

    assert len(one(Kind.TARGET_HTTPS_PROXY, observed).spec["sslCertificates"]) == 1
    assert "before stays" not in backends.problems(fronted(lost), observed)[0][1]
    assert not of(Kind.TARGET_HTTPS_PROXY, none)
    assert len(of(Kind.FORWARDING_RULE, none)) == 1


def test_an_expired_certificate_that_is_shown_stays():
    """Time alone changes nothing in the cloud."""
    wanted = fronted(read(found=pair(expires_at=11.0)))
    observed, _ = converge(wanted)
    later = wish(front=dataclasses.replace(wanted.front, now=12.0))

    assert not backends.plan(backends.desired(later, observed), observed, MARK)
    assert backends.problems(later, observed)[0][0] == "CertificateExpired"


def test_of_two_earlier_certificates_the_one_that_is_shown_is_kept():
    """After a crash between create and swap the Secret vanishes: clients go on with the old."""
    observed, _ = converge(fronted(read(found=pair("one"))))
    both = backends.desired(fronted(read(found=pair("two"))), observed)
    extra = [item for item in of(Kind.SSL_CERTIFICATE, both) if item not in observed]
    wanted = fronted(read(fault=MISSING))
    seen = (*observed, *extra)
    plan = backends.plan(backends.desired(wanted, seen), seen, MARK)

    assert [change.observed for change in plan] == extra


def test_a_foreign_certificate_under_our_name_is_not_shown():
    """What does not carry our mark is no earlier certificate of ours."""
    observed, _ = converge(fronted(read(found=pair())))
    theirs = tuple(
        dataclasses.replace(item, mark=None) for item in of(Kind.SSL_CERTIFICATE, observed)
    )
    wanted = fronted(read(fault=MISSING))

    assert not of(Kind.TARGET_HTTPS_PROXY, backends.desired(wanted, theirs))


@pytest.mark.parametrize(
    ("names", "host", "good"),
    [
        (SHOP, "shop.example.com", True),
        (("*.example.com",), "shop.example.com", True),
        (("*.example.com",), "*.example.com", True),
        (("*.example.com",), "a.shop.example.com", False),
        (("*.example.com",), "example.com", False),
        (API, "shop.example.com", False),
    ],
)
def test_a_host_that_its_certificate_does_not_name_is_told(names, host, good):
    """A wildcard stands for one label; the certificate is shown all the same."""
    wanted = fronted(read(found=pair(hosts=names), hosts=(host,)))
    told = backends.problems(wanted, ())

    assert bool(told) is not good
    if told:
        sentence = f"the certificate in Secret web does not name {host}"
        assert told == (("HostNotInCertificate", sentence),)
    assert of(Kind.TARGET_HTTPS_PROXY, backends.desired(wanted, ()))


def test_more_certificates_than_a_proxy_takes_are_told_and_left_out():
    """The first fifteen serve."""
    many = fronted(*(read(f"s{n}", pair(f"{n}")) for n in range(MOST_CERTIFICATES + 1)))
    made = backends.desired(many, ())

    assert len(one(Kind.TARGET_HTTPS_PROXY, made).spec["sslCertificates"]) == MOST_CERTIFICATES
    assert [reason for reason, _ in backends.problems(many, ())] == ["TooManyCertificates"]


def test_without_tls_everything_of_it_goes_from_the_rule_down():
    """Rule, proxy, certificate: nothing is deleted while something uses it."""
    observed, _ = converge(fronted(read(found=pair())))
    plan = backends.plan(backends.desired(wish(), observed), observed, MARK)

    assert [change.observed.kind for change in plan] == [
        Kind.FORWARDING_RULE,
        Kind.TARGET_HTTPS_PROXY,
        Kind.SSL_CERTIFICATE,
    ]
