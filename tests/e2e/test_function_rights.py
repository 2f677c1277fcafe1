"""The functions with exactly the rights that their manifests give them, from first to last."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.homes import embedded
from tests.e2e.manifests import ingress
from tests.e2e.site import CONFIG

pytestmark = [pytest.mark.wire, pytest.mark.slow]
FUNCTIONS = Path(__file__).parents[2] / "infra" / "kubernetes" / "functions"
MEMBERS = ("gke-us", "gke-eu", "eks-us")
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/[^/]+(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?"
)
_SINGLE = {"GET": "get", "PATCH": "patch", "DELETE": "delete", "PUT": "update"}
_MANY = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
WATCHED = {("GET", "/api/v1/secrets")}
"""An embedded home watches too, which is the watcher's right and not the functions'."""
# Rights that one life does not need: tombstones, keys of watchers, certificates, a shared uid; and
# `create`, which an apply of something new needs beside `patch` on a real API server.
SELDOM = {
    ("fedingress-inventory", "", "configmaps", "get"),
    ("fedingress-inventory", "", "configmaps", "create"),
    ("fedingress-inventory", "", "configmaps", "patch"),
    ("fedingress-inventory", "", "configmaps", "delete"),
    ("", "", "secrets", "get"),
    ("kube-system", "", "configmaps", "get"),
    ("kube-system", "", "configmaps", "patch"),
    ("", "networking.k8s.io", "ingresses", "create"),
    ("", "", "services", "create"),
    ("", "networking.k8s.io", "ingresses", "get"),
    ("", "", "services", "get"),
    ("", "", "namespaces", "get"),
    ("", "discovery.k8s.io", "endpointslices", "list"),
}


def granted(role: str) -> set[tuple[str, str, str, str]]:
    """(namespace or empty, group, plural with its subresource, verb) of every right of *role*."""
    objects = list(yaml.safe_load_all((FUNCTIONS / role / "rbac.yaml").read_text()))
    return {
        (each["metadata"].get("namespace", ""), group, plural, verb)
        for each in objects
        for rule in each.get("rules", ())
        for group in rule["apiGroups"]
        for plural in rule["resources"]
        for verb in rule["verbs"]
    }


class Rights:
    """What the functions may do in one cluster; remembers what they did and were refused."""

    def __init__(self, role: str) -> None:
        self.rights = granted(role)
        self.used: set[tuple[str, str, str, str]] = set()
        self.refused: list[tuple[str, str]] = []

    def __call__(self, method: str, path: str) -> bool:
        found = _PATH.fullmatch(path)
        if found is None:
            return method == "GET"  # versions and discovery, which everybody may read
        verb = (_SINGLE if found["name"] else _MANY).get(method, "?")
        plural = found["plural"] + (f"/{found['sub']}" if found["sub"] else "")
        for namespace in ("", found["namespace"] or ""):
            wanted = (namespace, found["group"] or "", plural, verb)
            if wanted in self.rights:
                self.used.add(wanted)
                return True
        self.refused.append((method, path))
        return False


@pytest.fixture
def rights(site: Any) -> Iterator[dict[str, Rights]]:
    """The functions' identities, limited; everybody's again afterwards."""
    found = {CONFIG: Rights("config"), **{name: Rights("member") for name in MEMBERS}}

    def limit(world: Any) -> None:
        for name, each in found.items():
            cluster = world.cluster(name)
            cluster.kube.tokens[cluster.functions_token] = each
            cluster.kube.grants["google"] = each

    def lift(world: Any) -> None:
        for name in found:
            cluster = world.cluster(name)
            cluster.kube.tokens[cluster.functions_token] = None
            cluster.kube.grants.clear()

    site.world.run(limit)
    yield found
    site.world.run(lift)


def test_a_life_needs_these_rights_and_no_more(site, rights, tmp_path):
    """Created, edited, withdrawn: nothing is refused, and what is granted is used."""
    with embedded(site, tmp_path / "store.sqlite"):
        site.apply(CONFIG, ingress())
        site.until_served()
        site.apply(CONFIG, ingress(annotations={"fedingress.dev/drain": "gke-us"}))
        site.withdraw()

    for name, each in rights.items():
        assert {*each.refused} <= WATCHED, name
    used = set().union(*(each.used for each in rights.values()))
    spare = {right for each in rights.values() for right in each.rights} - used
    assert spare <= SELDOM
