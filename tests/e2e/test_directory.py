"""The same life without a config cluster: sources, members and tokens are files in a folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.homes import embedded, until_quiet
from tests.e2e.manifests import HOST, SHOP, documents, platform
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

INVENTORY = "inventory"


def member_files(site):
    """A ClusterProfile and a token Secret for each member, from the kubeconfig of people."""
    kubeconfig = yaml.safe_load(Path(site.env["KUBECONFIG"]).read_text(encoding="utf-8"))
    clusters = {each["name"]: each["cluster"] for each in kubeconfig["clusters"]}
    tokens = {each["name"]: each["user"]["token"] for each in kubeconfig["users"]}
    for member in site.world.world.spec.members:
        properties = {
            "provider": member.provider,
            "region": member.region,
            "zones": ",".join(member.zones),
        }
        if member.provider == "gcp":
            properties |= {"project": "lab", "network": "default"}
        profile = {
            "apiVersion": "multicluster.x-k8s.io/v1alpha1",
            "kind": "ClusterProfile",
            "metadata": {"name": member.name, "namespace": INVENTORY},
            "spec": {"clusterManager": {"name": "fedingress"}},
            "status": {
                "accessProviders": [{"name": "fedingress-token", "cluster": clusters[member.name]}],
                "properties": [
                    {"name": f"fedingress.dev/{key}", "value": value}
                    for key, value in properties.items()
                ],
            },
        }
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"{member.name}-token", "namespace": INVENTORY},
            "stringData": {"token": tokens[member.name]},
        }
        yield member.name, [profile, secret]


def write(file, manifests):
    """Write manifests to *file* as an editor does: whole, or not at all."""
    beside = file.with_suffix(".part")
    beside.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    beside.replace(file)


def status(site, folder, store):
    """`fedingress status` for machines, in a process of its own."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "fedingress"), "status", "--output", "json"],
        env={
            **os.environ,
            **site.env,
            "FEDINGRESS_SOURCES": f"directory:{folder}",
            "FEDINGRESS_STORE": f"sqlite:{store}",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_ingress_in_a_file_is_published_changed_and_taken_back(site, tmp_path):
    """A file appears: served; it is edited: followed; it goes: nothing is left anywhere."""
    folder, store = tmp_path / "sources", tmp_path / "store.sqlite"
    folder.mkdir()
    for name, manifests in member_files(site):
        write(folder / f"{name}.yaml", manifests)
    write(folder / "platform.yaml", platform())
    near, far = site.visitor("us-central1"), site.visitor("europe-west1")
    with embedded(site, store, sources=f"directory:{folder}") as home:
        (manifest,) = documents(SHOP / "shop.yaml")
        write(folder / "shop.yaml", [manifest])
        until("both regions to be served nearby", lambda: answering(near, far) == [
            (200, "gke-us"), (200, "gke-eu")
        ], say=lambda: status(site, folder, store))  # fmt: skip
        (told,) = status(site, folder, store)
        assert told["addresses"] == near.question(HOST)[1]
        assert {name: row["state"] for name, row in told["clusters"].items()} == {
            "eks-us": "ineligible",
            "gke-eu": "placed",
            "gke-us": "placed",
        }
        until_quiet(home, site)

        manifest["spec"]["rules"][0]["host"] = "store.example.com"
        write(folder / "shop.yaml", [manifest])
        until("the new host", lambda: near.get("store.example.com", "/cart").app == "api")
        until("the old host to go", lambda: near.question(HOST)[0] == "NXDOMAIN")

        (folder / "shop.yaml").unlink()
        until("nothing to be left", lambda: not site.leftovers(), say=site.leftovers)
        until("the source to be forgotten", lambda: status(site, folder, store) == [])


def answering(*visitors):
    """Status and cluster of each visitor's first page."""
    pages = [visitor.get(HOST) for visitor in visitors]
    return [(page.status, page.cluster) for page in pages]
