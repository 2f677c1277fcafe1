"""What each implementation of the port `LoadBalancers` must do with TLS; for both tests of it."""

import pytest

from fedingress.domain.errors import Invalid, Unavailable, Unsupported
from fedingress.domain.graph import Kind
from fedingress.planning.diff import differing
from fedingress.ports.load_balancers import HTTPS_PROXY_FIELDS
from tests.contract.load_balancers_lab import (
    GUARD,
    Lab,
    certificate,
    changed,
    health_check,
    https_proxy,
    resource,
    service,
    ssl_policy,
    url_map,
)

MAP = "//certificatemanager.googleapis.com/projects/lab/locations/global/certificateMaps/shop"


class HttpsContract:
    """Inherited beside the rest of the contract; `lab` is a fixture of the implementation."""

    @pytest.fixture
    def secure(self, lab: Lab):
        """An HTTPS proxy with the certificates `one` and `two`."""
        for item in (health_check(), service(), url_map(), url_map(name="um-2")):
            lab.create(item)
        for name in ("one", "two", "three"):
            lab.create(certificate(name))
        lab.create(ssl_policy())
        return lab.create(https_proxy("one", "two"))

    def test_a_certificate_is_observed_without_its_key(self, lab, secure):
        """Type and mark come back; neither chain nor key is needed to see that it is the same."""
        found = lab.see(certificate("one"))

        assert not differing(found.spec, certificate("one").spec)
        assert found.mark == certificate("one").mark
        assert not found.unread
        assert "PRIVATE" not in repr(found)

    @pytest.mark.parametrize("field", ["certificate", "privateKey"])
    def test_a_certificate_needs_chain_and_key(self, lab, field):
        """An empty one is refused."""
        with pytest.raises(Invalid):
            lab.port.create(certificate("bad", **{field: ""}), GUARD)

    def test_a_certificate_cannot_be_changed(self, lab, secure):
        """A new chain is a new resource."""
        with pytest.raises(Unsupported):
            lab.port.update(
                lab.see(certificate("one")),
                resource(Kind.SSL_CERTIFICATE, "one", {"type": "MANAGED"}),
                GUARD,
            )

    def test_a_proxy_keeps_the_order_of_its_certificates(self, lab, secure):
        """The first is shown to clients that name no host."""
        assert not differing(secure.spec, https_proxy("one", "two").spec)

        found = lab.update(secure, https_proxy("three", "one"))

        assert found.spec["sslCertificates"] == list(
            https_proxy("three", "one").spec["sslCertificates"]
        )

    def test_a_certificate_in_use_stays(self, lab, secure):
        """It goes once no proxy names it."""
        with pytest.raises(Unavailable):
            lab.port.delete(lab.see(certificate("one")), GUARD)

        lab.update(secure, https_proxy("two"))
        lab.delete(lab.see(certificate("one")))

        assert lab.find(certificate("one")) is None

    def test_a_proxy_needs_a_certificate_or_a_map(self, lab, secure):
        """Without either it is refused; a map may replace all certificates."""
        with pytest.raises(Invalid):
            lab.port.update(secure, https_proxy(), GUARD)

        mapped = lab.update(secure, https_proxy("one", "two", certificateMap=MAP))
        bare = lab.update(mapped, https_proxy(certificateMap=MAP))

        assert bare.spec["certificateMap"] == MAP
        assert not bare.spec.get("sslCertificates")

    def test_a_proxy_is_written_field_by_field_in_order(self, lab, secure):
        """Four fields differ, four calls bring them about, each the next in order."""
        wanted = https_proxy(
            "three", target="um-2", sslPolicy=ssl_policy().path, certificateMap=MAP
        )
        left = []
        while fields := differing(secure.spec, wanted.spec):
            left.append(fields)
            secure = lab.update(secure, wanted)

        assert left == [tuple(sorted(HTTPS_PROXY_FIELDS[n:])) for n in range(4)]

    def test_policy_and_map_can_be_taken_away(self, lab, secure):
        """None stands for a field that must be absent."""
        full = lab.update(secure, https_proxy("one", "two", sslPolicy=ssl_policy().path))
        full = lab.update(full, https_proxy("one", "two", certificateMap=MAP))
        wanted = https_proxy("one", "two", sslPolicy=None, certificateMap=None)
        bare = lab.update(lab.update(full, wanted), wanted)

        assert not differing(bare.spec, wanted.spec)

    def test_a_policy_is_changed_in_place(self, lab, secure):
        """The lowest version and the profile that belongs to it."""
        with pytest.raises(Invalid):
            lab.port.update(lab.see(ssl_policy()), ssl_policy("TLS_1_3"), GUARD)

        wanted = changed(ssl_policy("TLS_1_3"), profile="RESTRICTED")
        found = lab.update(lab.see(ssl_policy()), wanted)

        assert not differing(found.spec, wanted.spec)
