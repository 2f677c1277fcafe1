"""The front half of the graph: certificates in order, kept in need, and named by their chain."""

import dataclasses

import pytest

from fedingress.domain.certificate import KeyPair, SecretRead
from fedingress.domain.front import Front, FrontWish
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.domain.policy import TlsPolicy
from fedingress.planning import backends
from fedingress.planning.certificates import MOST
from tests.planning.test_backends import MARK, applied, converge, wish

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
    many = fronted(*(read(f"s{n}", pair(f"{n}")) for n in range(MOST + 1)))
    made = backends.desired(many, ())

    assert len(one(Kind.TARGET_HTTPS_PROXY, made).spec["sslCertificates"]) == MOST
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


def tls(*secrets, http=True, observed_names=(), **fields):
    """A wish with one Secret for the shop's host, and these fields of the policy's TLS."""
    front = Front(
        secrets=secrets or (read(found=pair(hosts=("a.com",))),),
        tls=TlsPolicy(**fields),
        wish=FrontWish(http=http),
        now=10.0,
    )
    return wish(front=front)


def map_of(proxy, resources):
    return next(item for item in resources if item.path == proxy.spec["urlMap"])


def pre_shared(name="theirs"):
    return GlobalResource(kind=Kind.SSL_CERTIFICATE, project="p", name=name, spec={})


@pytest.mark.parametrize(
    ("version", "profile"),
    [
        ("1.0", "COMPATIBLE"),
        ("1.1", "COMPATIBLE"),
        ("1.2", "COMPATIBLE"),
        ("1.3", "RESTRICTED"),
    ],
)
def test_a_minimum_version_is_a_policy_of_the_proxy(version, profile):
    """TLS 1.3 alone needs the restricted profile."""
    observed, _ = converge(tls(minimum_version=version))
    policy = one(Kind.SSL_POLICY, observed)

    assert policy.spec == {"minTlsVersion": f"TLS_1_{version[-1]}", "profile": profile}
    assert one(Kind.TARGET_HTTPS_PROXY, observed).spec["sslPolicy"] == policy.path


def test_an_ssl_policy_of_others_is_named_and_none_is_made():
    """It is theirs to keep; without any, the field must be absent."""
    named, _ = converge(tls(ssl_policy="modern"))
    bare, _ = converge(tls(), named)

    assert not of(Kind.SSL_POLICY, named)
    proxy = one(Kind.TARGET_HTTPS_PROXY, named)
    assert proxy.spec["sslPolicy"] == "projects/p/global/sslPolicies/modern"
    assert one(Kind.TARGET_HTTPS_PROXY, bare).spec["sslPolicy"] is None


def test_pre_shared_certificates_come_first_and_a_missing_one_is_told():
    """The Ingress's own, then the policy's, then those of Secrets; none of them is changed."""
    front = Front(
        secrets=(read(found=pair(hosts=("a.com",))),),
        wish=FrontWish(pre_shared=("theirs", "lost")),
        tls=TlsPolicy(pre_shared=("theirs", "policys")),
        now=10.0,
    )
    wanted = wish(front=front)
    assert backends.adopted(wanted) == tuple(
        (Kind.SSL_CERTIFICATE, name) for name in ("theirs", "lost", "policys")
    )
    seen = (pre_shared("theirs"), pre_shared("policys"))
    observed, _ = converge(wanted, seen)
    names = [
        path.rpartition("/")[2]
        for path in one(Kind.TARGET_HTTPS_PROXY, observed).spec["sslCertificates"]
    ]

    assert names[:2] == ["theirs", "policys"]
    assert len(names) == 3
    assert all(item in observed for item in seen)
    assert backends.problems(wanted, observed) == (
        ("CertificateMissing", "no certificate lost exists in the project"),
    )


def test_a_certificate_map_needs_no_certificate():
    """The proxy names the map, and HTTPS is served for every host."""
    wanted = wish(front=Front(tls=TlsPolicy(certificate_map="shop", managed=True, redirect=True)))
    observed, _ = converge(wanted)
    proxy = one(Kind.TARGET_HTTPS_PROXY, observed)

    assert proxy.spec["certificateMap"] == (
        "//certificatemanager.googleapis.com/projects/p/locations/global/certificateMaps/shop"
    )
    assert proxy.spec["sslCertificates"] == []
    assert not of(Kind.SSL_CERTIFICATE, observed)
    assert backends.problems(wanted, observed) == ()


def redirects(resources):
    """Whether port 80 redirects, and the hosts that it serves all the same."""
    found = map_of(one(Kind.TARGET_HTTP_PROXY, resources), resources).spec
    hosts = [host for rule in found["hostRules"] for host in rule["hosts"]]
    return bool(found.get("defaultUrlRedirect")), hosts


def test_with_redirect_port_80_has_a_map_of_its_own():
    """Everything goes to HTTPS; the other proxy serves as before."""
    observed, _ = converge(tls(redirect=True))

    assert redirects(observed) == (True, [])
    assert not map_of(one(Kind.TARGET_HTTPS_PROXY, observed), observed).spec.get(
        "defaultUrlRedirect"
    )
    assert backends.problems(tls(redirect=True), observed) == ()


def test_a_host_without_certificate_is_served_over_http_and_told():
    """A redirect would be its outage."""
    wanted = tls(read(found=pair(hosts=SHOP)), redirect=True)
    observed, _ = converge(wanted)

    assert redirects(observed) == (True, ["a.com"])
    assert [reason for reason, _ in backends.problems(wanted, observed)] == [
        "HostWithoutCertificate"
    ]


@pytest.mark.parametrize("hosts", [("a.com",), ()])
def test_a_host_whose_secret_vanished_is_redirected_on(hosts):
    """Its earlier certificate is still shown, so nothing falls back to HTTP."""
    observed, _ = converge(tls(read(found=pair(hosts=("a.com",)), hosts=hosts), redirect=True))
    lost = tls(read(fault=MISSING, hosts=hosts), redirect=True)

    assert not backends.plan(backends.desired(lost, observed), observed, MARK)


def test_http_that_serves_is_redirected_only_once_https_listens():
    """First the rule on 443, then the proxy of 80 goes over."""
    observed, _ = converge(wish())
    plan = backends.plan(backends.desired(tls(redirect=True), observed), observed, MARK)
    between = applied(plan, observed)
    after, _ = converge(tls(redirect=True), between)

    assert redirects(between) == (False, ["a.com"])
    assert redirects(after) == (True, [])


def test_without_tls_a_redirect_is_no_wish():
    """Nobody is sent to a port on which nobody listens."""
    observed, _ = converge(wish(front=Front(tls=TlsPolicy(redirect=True))))

    assert redirects(observed) == (False, ["a.com"])
    assert len(of(Kind.URL_MAP, observed)) == 1


def test_http_off_leaves_one_rule_on_443():
    """Neither proxy nor rule on port 80."""
    observed, _ = converge(tls(http=False, redirect=True))

    assert one(Kind.FORWARDING_RULE, observed).spec["portRange"] == "443-443"
    assert not of(Kind.TARGET_HTTP_PROXY, observed)
    assert len(of(Kind.URL_MAP, observed)) == 1


def test_http_that_serves_goes_only_once_https_listens():
    """Both are there for a moment; then port 80 is gone."""
    observed, _ = converge(wish())
    wanted = tls(http=False)
    between = applied(backends.plan(backends.desired(wanted, observed), observed, MARK), observed)
    after, _ = converge(wanted, between)

    assert len(of(Kind.FORWARDING_RULE, between)) == 2
    assert one(Kind.FORWARDING_RULE, after).spec["portRange"] == "443-443"


def test_http_off_without_a_certificate_opens_nothing_and_closes_nothing():
    """A new graph listens nowhere; one that serves stays, and both are told."""
    wanted = wish(front=Front(wish=FrontWish(http=False)))
    fresh, _ = converge(wanted)
    before, _ = converge(wish())
    stands, _ = converge(wanted, before)

    assert not of(Kind.FORWARDING_RULE, fresh)
    assert stands == before
    ((reason, text),) = backends.problems(wanted, stands)
    assert (reason, text.endswith("; HTTP stays")) == ("NoCertificate", True)
    assert not backends.problems(wanted, fresh)[0][1].endswith("; HTTP stays")


def test_google_issues_a_certificate_for_each_host_that_no_secret_serves():
    """Until it is active, its host is not redirected; a wildcard host gets none."""
    rule = wish().ingress.rules[0]
    hosts = ("a.com", "b.com", "*.c.com")
    ingress = dataclasses.replace(
        wish().ingress, rules=tuple(dataclasses.replace(rule, host=host) for host in hosts)
    )
    front = Front(
        secrets=(read(found=pair(hosts=("a.com",))),),
        tls=TlsPolicy(managed=True, redirect=True),
        now=10.0,
    )
    wanted = wish(front=front, ingress=ingress)
    observed, _ = converge(wanted)
    managed = [item for item in of(Kind.SSL_CERTIFICATE, observed) if "managed" in item.spec]

    assert [item.spec["managed"]["domains"] for item in managed] == [["b.com"]]
    assert redirects(observed) == (True, ["*.c.com", "b.com"])
    assert [reason for reason, _ in backends.problems(wanted, observed)] == [
        "CertificateProvisioning",
        "HostWithoutCertificate",
        "HostWithoutCertificate",
    ]
    active = tuple(
        dataclasses.replace(
            item, spec={**item.spec, "managed": {"domains": ["b.com"], "status": "ACTIVE"}}
        )
        if item in managed
        else item
        for item in observed
    )
    after, _ = converge(wanted, active)
    assert redirects(after) == (True, ["*.c.com"])
