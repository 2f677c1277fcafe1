"""
API servers in a process of their own: `python -m tests.bench.servers MEMBERS INGRESSES FOLDER`.

A config cluster and so many members, over TLS, with the users' Services in each member and so many
Ingresses in the config cluster. Says `ready` once FOLDER/kubeconfig leads there, and ends with its
standard input.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from localcloud.kube.cluster import KubeCluster
from localcloud.kube.server import serve
from localcloud.world import inventory, kubeconfig, manifests
from localcloud.world.certificates import Authority
from localcloud.world.kubeconfig import Context
from localcloud.world.spec import MemberSpec
from tests.functions.world import (
    class_manifest,
    ingress_manifest,
    policy_manifest,
    service_manifest,
)

TOKEN = "bench"


def main() -> None:
    """Serve until standard input ends."""
    members, ingresses, folder = sys.argv[1:]
    asyncio.run(_serve(int(members), int(ingresses), Path(folder)))


async def _serve(members: int, ingresses: int, folder: Path) -> None:
    authority = Authority()
    config = _cluster("config")
    for document in manifests.documents(manifests.folder(None)):
        config.put(document, manager="bench")
    _put(config, class_manifest(), policy_manifest())
    _put(config, *(ingress_manifest(f"shop-{n}", host=host(n)) for n in range(ingresses)))
    servers = [await serve(config, ssl_context=authority.server_context())]
    for number in range(members):
        spec = MemberSpec(
            name=f"gke-{number:03}",
            provider="gcp",
            region="us-central1",
            zones=("us-central1-a", "us-central1-b"),
        )
        member = _cluster(spec.name)
        _put(member, service_manifest("web"), service_manifest("api"))
        servers.append(await serve(member, ssl_context=authority.server_context()))
        access = _context(spec.name, servers[-1].port, authority)
        inventory.announce(config, spec, access, uid=member.uid(), project="lab")
    kubeconfig.write(folder / "kubeconfig", [_context("config", servers[0].port, authority)])
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for server in servers:
        await server.close()


def host(number: int) -> str:
    """The one host of an Ingress."""
    return f"shop-{number}.example.com"


def _cluster(name: str) -> KubeCluster:
    made = KubeCluster(name, tokens={TOKEN: None})
    _put(made, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    return made


def _put(cluster: KubeCluster, *documents: dict[str, Any]) -> None:
    for document in documents:
        cluster.put(document, manager="bench")


def _context(name: str, port: int, authority: Authority) -> Context:
    return Context(name=name, server=f"https://127.0.0.1:{port}", ca=authority.pem, token=TOKEN)


if __name__ == "__main__":
    main()
