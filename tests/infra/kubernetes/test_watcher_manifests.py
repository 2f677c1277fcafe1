"""
The watcher's manifests: each overlay is applied by kubectl, and its rights are what is needed.

What kubectl renders is read here; the process then runs with exactly the rights that were rendered.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from fedingress.adapters.kube.resources import CLUSTER_PROFILE, FEDERATION_POLICY
from fedingress.runtime.settings import read
from fedingress.runtime.watcher import _DRAIN_SECONDS
from tests.adapters.kube.running import running_cluster
from tests.infra.kubernetes.evaluation import KUBERNETES
from tests.watcher.links import until
from tests.watcher.processes import QUICK, kubeconfig, watcher
from tests.watcher.test_chaos import CEILING_KILOBYTES

KUBECTL = shutil.which("kubectl")
OVERLAYS = sorted(path.name for path in (KUBERNETES / "watcher" / "overlays").iterdir())
ROLES = {"config": "config-workload-identity", "member": "member-static-credentials"}
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/[^/]+(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)"
    r"(?P<name>/[^/]+)?"
)

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


def kubectl(*words: str) -> str:
    done = subprocess.run(
        [str(KUBECTL), *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def overlay(name: str) -> Path:
    return KUBERNETES / "watcher" / "overlays" / name


@pytest.fixture(scope="module")
def rendered():
    return {
        name: list(yaml.safe_load_all(kubectl("kustomize", str(overlay(name)))))
        for name in OVERLAYS
    }


def of_kind(objects, kind):
    return [each for each in objects if each["kind"] == kind]


def pod(objects):
    return of_kind(objects, "Deployment")[0]["spec"]["template"]["spec"]


def variables(objects):
    """The container's environment, from its own list and the ConfigMap."""
    (container,) = pod(objects)["containers"]
    (told,) = of_kind(objects, "ConfigMap")
    (source,) = container["envFrom"]
    assert source["configMapRef"]["name"] == told["metadata"]["name"]
    return {**told["data"], **{each["name"]: each["value"] for each in container["env"]}}


def granted(objects):
    """(namespace or empty, group, plural, verb) of every right that is bound to the account."""
    rules = {(each["kind"], each["metadata"]["name"]): each for each in objects if "rules" in each}
    found = set()
    for binding in (each for each in objects if each["kind"].endswith("RoleBinding")):
        (subject,) = binding["subjects"]
        (account,) = of_kind(objects, "ServiceAccount")
        assert (subject["name"], subject["namespace"]) == (
            account["metadata"]["name"],
            account["metadata"]["namespace"],
        )
        role = rules.pop((binding["roleRef"]["kind"], binding["roleRef"]["name"]))
        where = binding["metadata"].get("namespace", "")
        assert role["metadata"].get("namespace", "") == where
        found |= {
            (where, group, plural, verb)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for plural in rule["resources"]
            for verb in rule["verbs"]
        }
    assert not rules, "a role that nobody has"
    return found


def test_every_role_meets_every_kind_of_credentials():
    """Two roles by three ways to the topic."""
    ways = {"workload-identity", "irsa", "static-credentials"}
    assert {f"{role}-{way}" for role in ROLES for way in ways} == set(OVERLAYS)


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_variables_are_settings_of_a_watcher(rendered, name):
    """Whatever an overlay sets is a setting without a fault, and says what the cluster is."""
    settings = read(variables(rendered[name]))

    assert settings.watch == name.split("-")[0]
    assert settings.cluster
    assert settings.bus.startswith("sns:" if "irsa" in name else "pubsub:")
    assert settings.health.endswith(":8080")


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_container_can_do_little(rendered, name):
    """No root, no writable root, no privilege, a limit above what was measured, known files."""
    found = pod(rendered[name])
    (container,) = found["containers"]
    inner, outer = container["securityContext"], found["securityContext"]
    assert inner["readOnlyRootFilesystem"] is True
    assert inner["allowPrivilegeEscalation"] is False
    assert inner["capabilities"] == {"drop": ["ALL"]}
    assert outer["runAsNonRoot"] is True
    assert outer["runAsUser"] == 65532
    assert outer["seccompProfile"] == {"type": "RuntimeDefault"}
    assert ":" in container["image"]
    assert not container["image"].endswith(":latest")
    limit = container["resources"]["limits"]["memory"]
    assert int(limit.removesuffix("Mi")) * 1024 > CEILING_KILOBYTES
    assert found["terminationGracePeriodSeconds"] > _DRAIN_SECONDS + 20
    probes = {container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
    assert probes == {"/healthz", "/readyz"}
    mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert set(mounted) == {each["name"] for each in found["volumes"]}
    told = variables(rendered[name])
    for variable in (
        "FEDINGRESS_CHECKPOINT",
        "FEDINGRESS_SIGNING_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "AWS_SHARED_CREDENTIALS_FILE",
    ):
        if variable in told:
            assert str(Path(told[variable]).parent) in mounted.values()


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_network_lets_the_probes_in(rendered, name):
    """Its one open port is the port of the probes."""
    (allowed,) = of_kind(rendered[name], "NetworkPolicy")
    (container,) = pod(rendered[name])["containers"]
    (ingress,) = allowed["spec"]["ingress"]

    assert [each["port"] for each in ingress["ports"]] == [
        each["containerPort"] for each in container["ports"]
    ]
    labels = of_kind(rendered[name], "Deployment")[0]["spec"]["template"]["metadata"]["labels"]
    assert allowed["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.wire
def test_kubectl_applies_every_overlay(rendered, tmp_path):
    """An API server takes each object, strictly checked, and a second apply changes nothing."""
    with running_cluster() as cluster:
        place = ("--kubeconfig", str(kubeconfig(tmp_path, cluster)), "apply", "--server-side")
        for name in OVERLAYS:
            told = kubectl(*place, "--validate=strict", "-k", str(overlay(name)), "-o", "name")
            assert len(told.split()) == len(rendered[name])
        before = cluster.do(lambda: cluster.cluster.store.version)
        kubectl(*place, "-k", str(overlay(OVERLAYS[-1])))
        assert cluster.do(lambda: cluster.cluster.store.version) == before


class Rights:
    """What a service account may do; remembers which of it was used."""

    def __init__(self, rights):
        self.rights = rights
        self.used = set()
        self.refused = []

    def __call__(self, method: str, path: str) -> bool:
        found = _PATH.fullmatch(path)
        if method == "GET" and found and not found["name"]:
            for namespace in {"", found["namespace"] or ""}:
                wanted = {
                    (namespace, found["group"] or "", found["plural"], verb)
                    for verb in ("list", "watch")
                }
                if wanted <= self.rights:
                    self.used |= wanted
                    return True
        self.refused.append((method, path))
        return False


@pytest.mark.wire
@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_the_process_runs_with_these_rights_and_needs_each(rendered, role, tmp_path):
    """With the rendered rights it becomes ready and is refused nothing; it used every one."""
    objects = rendered[ROLES[role]]
    rights = Rights(granted(objects))
    told = variables(objects)
    with running_cluster(bookmark_seconds=0.5) as cluster:
        cluster.define(CLUSTER_PROFILE, FEDERATION_POLICY)
        cluster.tokens["account"] = rights
        settings = {
            name: told[name]
            for name in ("FEDINGRESS_WATCH", "FEDINGRESS_CLUSTER", "FEDINGRESS_BUS")
        }
        settings["FEDINGRESS_KUBECONFIG"] = str(kubeconfig(tmp_path, cluster, token="account"))
        settings["FEDINGRESS_PUBSUB_ENDPOINT"] = "http://127.0.0.1:9"
        with watcher(tmp_path, **settings, **QUICK) as process:
            assert until(process.ready), process.said()
            assert until(lambda: len(cluster.cluster.watches) >= len(rights.rights) // 2)
    assert rights.refused == []
    assert rights.used == rights.rights
    assert {verb for *_, verb in rights.rights} == {"list", "watch"}
