"""The real kubectl against a served cluster; skipped, and said so, where there is none."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.localcloud.kube.manifests import definition, ingress, ingress_path, service
from tests.localcloud.kube.running import Running
from tests.localcloud.kube.wire import wait_for

KUBECTL = shutil.which("kubectl")

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed"),
]

WEB = service(
    "web",
    {"name": "http", "port": 80, "targetPort": 8080},
    {"name": "admin", "port": 9090},
    selector={"app": "web"},
)
SITE = ingress("site", rules=[{"host": "site.example.com", **ingress_path("/")}])

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(own: Running, tmp_path: Path) -> dict[str, str]:
    """The environment of a kubectl whose only cluster is `own`."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "own", "cluster": {"server": own.server.url}}],
        "users": [{"name": "me", "user": {"token": "unused"}}],
        "contexts": [{"name": "own", "context": {"cluster": "own", "user": "me"}}],
        "current-context": "own",
    }
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    return {"KUBECONFIG": str(path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}


@pytest.fixture
def kubectl(environment: dict[str, str]) -> Kubectl:
    """Runs kubectl with some words, and objects on its input."""

    def run(*words: str, send: Any = None, fails: bool = False) -> subprocess.CompletedProcess[str]:
        objects = send if isinstance(send, list) else [send]
        text = None if send is None else "\n".join(json.dumps(obj) for obj in objects)
        done = subprocess.run(
            [str(KUBECTL), *words],
            input=text,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done

    return run


def _rows(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    return [line.split() for line in done.stdout.splitlines()]


def test_client_side_apply_creates_changes_and_settles(kubectl: Kubectl, own: Running):
    """Apply makes objects, merges a changed Service by port, and finds nothing the third time."""
    first = kubectl("apply", "-f", "-", send=[WEB, SITE]).stdout
    assert first.splitlines() == [
        "service/web created",
        "ingress.networking.k8s.io/site created",
    ]
    changed = service(
        "web",
        {"name": "admin", "port": 9091},
        {"name": "http", "port": 80, "targetPort": 8080},
        selector={"app": "web"},
    )
    assert kubectl("apply", "-f", "-", send=changed).stdout == "service/web configured\n"
    assert kubectl("apply", "-f", "-", send=changed).stdout == "service/web unchanged\n"
    stored = own.call(own.cluster.get, "services", "default", "web")
    assert [(p["name"], p["port"]) for p in stored["spec"]["ports"]] == [
        ("admin", 9091),
        ("http", 80),
    ]
    assert not any(key.startswith("$") for key in stored["spec"])


def test_apply_refuses_what_the_types_do_not_know(kubectl: Kubectl):
    """Validation is strict, and the message names the field."""
    failed = kubectl("apply", "-f", "-", send=ingress("a", bogus=1), fails=True)
    assert 'unknown field "spec.bogus"' in failed.stderr


def test_server_side_apply_and_its_conflict(kubectl: Kubectl, own: Running):
    """Another manager meets a conflict that kubectl explains, and may force it."""
    labelled = ingress("a", labels={"tier": "web"})
    other = ingress("a", labels={"tier": "db"})
    kubectl("apply", "--server-side", "--field-manager=ann", "-f", "-", send=labelled)
    words = ("apply", "--server-side", "--field-manager=bob", "-f", "-")
    failed = kubectl(*words, send=other, fails=True)
    assert 'conflict with "ann": .metadata.labels.tier' in failed.stderr
    kubectl(*words, "--force-conflicts", send=other)
    stored = own.call(own.cluster.get, "ingresses.networking.k8s.io", "default", "a")
    assert stored["metadata"]["labels"] == {"tier": "db"}


def test_get_prints_the_columns_of_each_kind(kubectl: Kubectl, own: Running):
    """Ingresses and Services have their usual columns, also over all namespaces and wide."""
    kubectl("apply", "-f", "-", send=[WEB, {**SITE, "spec": {**SITE["spec"], "tls": [{}]}}])
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}
    own.call(own.cluster.put, {**SITE, "status": status}, manager="lb", subresource="status")
    shown = _rows(kubectl("get", "ingress"))
    assert shown[0] == ["NAME", "CLASS", "HOSTS", "ADDRESS", "PORTS", "AGE"]
    assert shown[1][:4] == ["site", "<none>", "site.example.com", "192.0.2.7"]
    assert shown[1][4:6] == ["80,", "443"]
    everywhere = _rows(kubectl("get", "svc", "-A"))
    assert everywhere[0][:3] == ["NAMESPACE", "NAME", "TYPE"]
    assert everywhere[1][:3] == ["default", "web", "ClusterIP"]
    wide = _rows(kubectl("get", "svc", "-o", "wide"))
    assert wide[0] == [*("NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR")]
    assert (wide[1][4], wide[1][6]) == ("80/TCP,9090/TCP", "app=web")
    assert [row[:2] for row in _rows(kubectl("get", "ns"))[1:3]] == [
        ["default", "Active"],
        ["kube-node-lease", "Active"],
    ]


def test_get_watch_streams_rows(
    kubectl: Kubectl, environment: dict[str, str], own: Running, tmp_path: Path
):
    """``get -w`` prints a row for each change as it happens."""
    output = tmp_path / "rows"
    with output.open("w") as rows:
        watching = subprocess.Popen(
            [str(KUBECTL), "get", "ingress", "-w", "--no-headers"], env=environment, stdout=rows
        )
        try:
            wait_for(lambda: own.cluster.watches)
            own.call(
                own.cluster.put,
                {**ingress("late"), "metadata": {"name": "late", "namespace": "default"}},
                manager="m",
            )
            wait_for(lambda: "late.example.com" in output.read_text())
        finally:
            watching.terminate()
            watching.wait(20)


@pytest.fixture
def event() -> dict[str, Any]:
    """A warning about the Ingress ``site``."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "site.1", "namespace": "default"},
        "involvedObject": {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "name": "site",
            "namespace": "default",
        },
        "type": "Warning",
        "reason": "HostConflict",
        "message": "the host is taken",
        "count": 1,
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "source": {"component": "federator"},
    }


def test_describe_shows_rules_and_events(kubectl: Kubectl, own: Running, event: dict[str, Any]):
    """``describe ingress`` finds the Events that name it."""
    kubectl("apply", "-f", "-", send=[WEB, SITE])
    site = own.call(own.cluster.get, "ingresses.networking.k8s.io", "default", "site")
    event["involvedObject"]["uid"] = site["metadata"]["uid"]
    kubectl("create", "-f", "-", send=event)
    text = kubectl("describe", "ingress", "site").stdout
    assert "site.example.com" in text
    assert "web:80" in text
    assert "HostConflict" in text
    assert "the host is taken" in text
    assert "HostConflict" in kubectl("get", "events").stdout


def test_patch_in_all_its_types(kubectl: Kubectl, own: Running):
    """Strategic, merge and JSON patches, also of the status."""
    kubectl("apply", "-f", "-", send=WEB)
    for kind, patch in (
        ("strategic", {"spec": {"ports": [{"port": 80, "targetPort": 1}]}}),
        ("merge", {"metadata": {"labels": {"m": "1"}}}),
        ("json", [{"op": "add", "path": "/metadata/labels/j", "value": "1"}]),
    ):
        kubectl("patch", "svc", "web", "--type", kind, "-p", json.dumps(patch))
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    words = ("--subresource=status", "--type=merge", "-p", json.dumps(status))
    kubectl("patch", "svc", "web", *words)
    stored = own.call(own.cluster.get, "services", "default", "web")
    assert [p["targetPort"] for p in stored["spec"]["ports"]] == [1, 9090]
    assert stored["metadata"]["labels"] == {"m": "1", "j": "1"}
    assert stored["status"] == status["status"]


def test_label_annotate_and_diff(kubectl: Kubectl):
    """The small verbs work, and diff shows what apply would do."""
    kubectl("apply", "-f", "-", send=WEB)
    kubectl("label", "svc", "web", "a=b")
    kubectl("annotate", "svc", "web", "c=d")
    assert kubectl("diff", "-f", "-", send=WEB).stdout == ""
    changed = service("web", {"name": "http", "port": 81}, selector={"app": "web"})
    assert "+    port: 81" in kubectl("diff", "-f", "-", send=changed, fails=True).stdout


def test_wait_for_a_field_and_for_deletion(
    kubectl: Kubectl, environment: dict[str, str], own: Running
):
    """``kubectl wait`` sees a change that comes while it waits."""
    kubectl("apply", "-f", "-", send=SITE)
    words = ["wait", "ingress/site", "--timeout=20s"]
    ready = "--for=jsonpath={.status.loadBalancer.ingress[0].ip}=192.0.2.9"
    with subprocess.Popen([str(KUBECTL), *words, ready], env=environment) as waiting:
        wait_for(lambda: own.cluster.watches)
        status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}
        own.call(own.cluster.put, {**SITE, "status": status}, manager="lb", subresource="status")
        assert waiting.wait(20) == 0
    wait_for(lambda: not own.cluster.watches)
    with subprocess.Popen([str(KUBECTL), *words, "--for=delete"], env=environment) as waiting:
        wait_for(lambda: own.cluster.watches)
        kubectl("delete", "ingress", "site")
        assert waiting.wait(20) == 0


def test_delete_waits_for_a_finalizer(kubectl: Kubectl, environment: dict[str, str], own: Running):
    """``kubectl delete`` comes back when the object is gone, not before."""
    body = ingress("held")
    body["metadata"]["finalizers"] = ["x.dev/a"]
    kubectl("apply", "--server-side", "-f", "-", send=body)
    words = [str(KUBECTL), "delete", "ingress", "held", "--timeout=20s"]
    name = "ingresses.networking.k8s.io"
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as deleting:
        wait_for(
            lambda: own.call(own.cluster.get, name, "default", "held")["metadata"].get(
                "deletionTimestamp"
            )
        )
        wait_for(lambda: own.cluster.watches)
        assert deleting.poll() is None
        kubectl(
            "patch", "ingress", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
        )
        assert deleting.wait(20) == 0
    assert own.call(own.cluster.get, name, "default", "held") is None


def test_namespaces_come_and_go(kubectl: Kubectl, own: Running):
    """A namespace made from a manifest takes its content along when it is deleted."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
    kubectl("create", "-f", "-", send=body)
    kubectl("apply", "-n", "team", "-f", "-", send=WEB)
    kubectl("delete", "namespace", "team", "--timeout=20s")
    assert own.call(own.cluster.list, "services", "team") == []


def test_custom_resources_are_at_home(kubectl: Kubectl):
    """A CRD can be waited for, explained, applied against, listed by its columns and removed."""
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "description": "What the gadget should be.",
                "properties": {"mode": {"type": "string", "description": "How it runs."}},
            }
        },
    }
    columns = [{"name": "Mode", "type": "string", "jsonPath": ".spec.mode"}]
    crd = definition(
        "gadgets", schema={"openAPIV3Schema": schema}, additionalPrinterColumns=columns
    )
    crd["spec"]["names"]["shortNames"] = ["gg"]
    kubectl("apply", "-f", "-", send=crd)
    kubectl("wait", "--for=condition=Established", "crd/gadgets.example.dev", "--timeout=20s")
    body = {"apiVersion": "example.dev/v1", "kind": "Gadget", "metadata": {"name": "a"}}
    kubectl("apply", "-f", "-", send={**body, "spec": {"mode": "quiet"}})
    kubectl("apply", "-f", "-", send={**body, "spec": {"mode": "loud"}})
    assert _rows(kubectl("get", "gg")) == [["NAME", "MODE"], ["a", "loud"]]
    refused = kubectl("apply", "-f", "-", send={**body, "spec": {"mood": "x"}}, fails=True)
    assert 'unknown field "spec.mood"' in refused.stderr
    assert "How it runs." in kubectl("explain", "gadget.spec").stdout
    assert yaml.safe_load(kubectl("get", "gg", "a", "-o", "yaml").stdout)["spec"]["mode"] == "loud"
    kubectl("delete", "crd", "gadgets.example.dev", "--timeout=20s")
    kubectl("get", "gg", fails=True)


def test_explain_and_api_resources(kubectl: Kubectl):
    """Built-in types and short names can be asked for."""
    text = kubectl("explain", "ingress.spec.rules.http.paths").stdout
    assert "pathType" in text
    assert "-required-" in text
    listed = kubectl("api-resources", "-o", "name").stdout.splitlines()
    assert {"services", "ingresses.networking.k8s.io", "events.events.k8s.io"} <= set(listed)
    assert kubectl("get", "--raw", "/readyz").stdout == "ok"
