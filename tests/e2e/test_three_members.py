"""
One world of three GKE members in two regions and two VPC networks, over HTTPS and under load.

The members of acceptance A1 have an ingress-uid each, which the policy shares. Then a certificate
rotates while all is greeted, and a member of the wrong project is left out and told.
"""

import pytest
from kubernetes import client

from fedingress.domain.work import REPAIR, Work
from localcloud.world.spec import WorldSpec, members_from
from tests.certificates import secret_for
from tests.e2e.homes import embedded
from tests.e2e.manifests import HOST, NAMESPACE, ingress, platform
from tests.e2e.shakes import load, shake
from tests.e2e.site import CONFIG, PROJECT, open_site
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

MEMBERS = (
    "cluster1=gcp/us-central1/us-central1-a+us-central1-b/blue,"
    "cluster2=gcp/us-central1/us-central1-a/green,"
    "cluster3=gcp/europe-west1/europe-west1-b/green"
)
KEPT = ("ingress-uid", "kube-system")
SHARED = {"cluster1": "fb56c6cfda5b5fd1", "cluster2": "88fc20ced3135741"}
"""The provider-uids of federation v1's own test."""
PROFILES = ("multicluster.x-k8s.io", "v1alpha1", "fedingress-inventory", "clusterprofiles")


@pytest.fixture(scope="module")
def site():
    """The world, furnished; each member's controller has chosen a UID of its own."""
    with open_site(WorldSpec(members=members_from(MEMBERS), operation_seconds=0.05)) as found:
        found.furnish()
        for member, uid in (("cluster1", "foo"), ("cluster2", "bar"), ("cluster3", "baz")):
            meta = {"name": KEPT[0], "namespace": KEPT[1]}
            data = {"uid": uid, "provider-uid": uid}
            kind = {"apiVersion": "v1", "kind": "ConfigMap"}
            found.apply(member, {**kind, "metadata": meta, "data": data})
        policy, _ = platform()
        policy["spec"]["backends"]["sharedIngressUid"] = True
        found.apply(CONFIG, policy, secret_for("web-tls", HOST))
        yield found


@pytest.fixture(scope="module")
def shop(site, tmp_path_factory):
    """The shop over HTTPS, published and healthy in all three."""
    with embedded(site, tmp_path_factory.mktemp("three") / "store.sqlite") as home:
        site.home = home
        manifest = ingress()
        manifest["spec"]["tls"] = [{"hosts": [HOST], "secretName": "web-tls"}]
        site.apply(CONFIG, manifest)
        site.until_served()
        yield site
        site.withdraw()


def kept(site) -> dict[str, dict[str, str]]:
    """The UIDs in each member, as the official client reads them."""
    return {
        member: dict(site.core(member).read_namespaced_config_map(*KEPT).data)
        for member in site.members
    }


def test_the_uid_of_the_first_member_is_everybodys(shop):
    """A1: the first member's UID, and a provider-uid for each by its name."""
    until("one UID", lambda: {each["uid"] for each in kept(shop).values()} == {"foo"})

    found = {member: data["provider-uid"] for member, data in kept(shop).items()}

    assert len(set(found.values())) == 3
    assert {name: found[name] for name in SHARED} == SHARED
    assert shop.conditions()["Degraded"]["status"] == "False"


def test_a_certificate_rotates_without_a_failed_handshake(shop):
    """Visitors of both regions greet all the time; the old certificate is gone in the end."""
    port = int(shop.env["LOCALCLOUD_HTTPS_PORT"])
    sources = [shop.visitor(region).source for region in ("us-central1", "europe-west1")]
    address = shop.address()
    before = shake(address, port, HOST, source=(sources[0], 0)).serial
    with (
        load(address, port, [HOST], source=sources[0]) as near,
        load(address, port, [HOST], source=sources[1]) as far,
    ):
        met = (near, far)
        until("some handshakes", lambda: all(len(each.good[HOST]) > 10 for each in met))
        shop.apply(CONFIG, secret_for("web-tls", HOST))
        until("the new one", lambda: all(each.good[HOST][-1] != before for each in met))
        until("the old one to go", lambda: len(shop.listed("SslCertificates")) == 1)
        counts = [len(each.good[HOST]) for each in met]
        until(
            "more handshakes",
            lambda: all(len(each.good[HOST]) > n + 20 for each, n in zip(met, counts, strict=True)),
        )

    assert [each.failures for each in met] == [[], []]
    assert not any(before in each.good[HOST][-10:] for each in met)


def test_a_member_of_another_project_is_left_out_and_the_others_serve_on(shop):
    """Its row names the reason; it is back with the right project."""
    profiles = client.CustomObjectsApi(shop.api(CONFIG))
    profile = profiles.get_namespaced_custom_object(*PROFILES, "cluster3")
    listed = profile["status"]["properties"]
    wrong = [
        {**each, "value": "elsewhere"} if each["name"] == "fedingress.dev/project" else each
        for each in listed
    ]

    def say(properties):
        body = {"status": {"properties": properties}}
        profiles.patch_namespaced_custom_object_status(*PROFILES, "cluster3", body)

    visitor, statuses = shop.visitor("europe-west1"), set()

    def left_out():
        statuses.add(visitor.get(HOST, address=shop.address()).status)
        return shop.table()["cluster3"]["reason"] == "ProjectMismatch"

    say(wrong)
    until("it to be left out", left_out, say=shop.table)
    row = shop.table()["cluster3"]
    until("its objects to go", lambda: not shop.ours("cluster3"))
    answered = {visitor.get(HOST, address=shop.address()).cluster for _ in range(20)}
    say(listed)
    until("it to be back", lambda: shop.is_healthy() and shop.ours("cluster3"), say=shop.table)

    assert statuses == {200}
    assert (row["state"], "elsewhere" in row["message"]) == ("ineligible", True)
    assert answered == {"cluster1", "cluster2"}
    assert len(shop.core("cluster3").list_namespaced_service(NAMESPACE).items) == 4


def test_a_closed_firewall_is_told_with_the_command_to_run_and_mended_once_it_is_open(shop):
    """403 for one network's rule, which somebody has deleted; the load balancer stands."""
    firewalls = shop.compute("Firewalls")
    nodes = {"gke-cluster2-node", "gke-cluster3-node"}

    def rest():
        """The rule, once the member that came back is in it."""
        listed = firewalls.list(project=PROJECT)
        return next((rule for rule in listed if nodes <= set(rule.target_tags)), None)

    green = until("the rule to be as it should", rest)
    denied = {"compute.firewalls.create"}
    shop.world.run(lambda world: world.gcp.access.denied.update(denied))
    firewalls.delete_unary(project=PROJECT, firewall=green.name)
    until("it to be gone", lambda: len(list(firewalls.list(project=PROJECT))) == 1)
    look(shop)
    until(
        "it to be told",
        lambda: shop.conditions()["Degraded"]["reason"] == "FirewallForbidden",
        say=shop.conditions,
    )
    message, verdicts = shop.conditions()["Degraded"]["message"], shop.verdicts()
    shop.world.run(lambda world: world.gcp.access.denied.clear())
    look(shop)
    until("it to be mended", lambda: shop.verdicts()["Degraded"] == "False", say=shop.conditions)

    assert f"gcloud compute firewall-rules create {green.name} --project={PROJECT}" in message
    assert "--network=green" in message
    assert "grant roles/compute.securityAdmin" in message
    assert verdicts["Programmed"] == "True"
    assert green.name in {rule.name for rule in firewalls.list(project=PROJECT)}


def look(site):
    """A repair of that network's firewall."""
    unit = f"firewall:{PROJECT}/green"
    site.home.home.bus.publish([Work(concern="backends", unit=unit, cause=REPAIR)])
