"""
A running world and the official clients in front of it.

What the product did is read here by others' clients only: `kubernetes`, `google-cloud-compute` and
`google-cloud-dns`.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient

from localcloud.world.running import RunningWorld, running_world
from localcloud.world.spec import WorldSpec
from tests.e2e.manifests import NAMESPACE, Manifest, namespace, platform, workloads
from tests.e2e.visitors import Visitor
from tests.e2e.waiting import until

PROJECT = "lab"
CONFIG = "config"
_SDK_VARIABLES = ("GCE_METADATA_HOST", "GCE_METADATA_IP", "GCE_METADATA_ROOT", "NO_PROXY")
OWNER_LABEL = "fedingress.dev/owner-uid"
_NOT_FOUND = 404


class Site:
    """One world; `apply`, `delete` and the readers go over the wire."""

    def __init__(self, world: RunningWorld, stack: ExitStack) -> None:
        self.world = world
        self.control = world.control
        self.env: Mapping[str, str] = world.env()
        self._stack = stack
        self._apis: dict[str, client.ApiClient] = {}
        self._dynamic: dict[str, DynamicClient] = {}

    @property
    def members(self) -> list[str]:
        """The contexts of the member clusters."""
        return [member.name for member in self.world.world.spec.members]

    def api(self, context: str) -> client.ApiClient:
        """The official client of one cluster, as its administrator."""
        if context not in self._apis:
            made = config.new_client_from_config(self.env["KUBECONFIG"], context=context)
            self._apis[context] = self._stack.enter_context(made)
        return self._apis[context]

    def core(self, context: str) -> client.CoreV1Api:
        """Core objects of one cluster."""
        return client.CoreV1Api(self.api(context))

    def networking(self, context: str) -> client.NetworkingV1Api:
        """Ingresses of one cluster."""
        return client.NetworkingV1Api(self.api(context))

    def apply(self, context: str, *manifests: Manifest) -> None:
        """Server-side apply, as a user of the official client does."""
        if context not in self._dynamic:
            kept = Path(self.env["FEDINGRESS_LOCAL"]) / f"discovery-{context}.json"
            self._dynamic[context] = DynamicClient(self.api(context), cache_file=str(kept))
        dynamic = self._dynamic[context]
        for manifest in manifests:
            resource = dynamic.resources.get(
                api_version=manifest["apiVersion"], kind=manifest["kind"]
            )
            dynamic.server_side_apply(
                resource,
                body=manifest,
                name=manifest["metadata"]["name"],
                namespace=manifest["metadata"].get("namespace"),
                field_manager="end-to-end",
                force_conflicts=True,
            )

    def furnish(self) -> None:
        """Run the shop in every member, and set up class and policy."""
        for member in self.members:
            self.apply(member, *workloads())
        self.apply(CONFIG, namespace(), *platform())

    def source(self, name: str = "shop", space: str = NAMESPACE) -> Any:
        """The source Ingress as the official client models it; None when it is gone."""
        try:
            return self.networking(CONFIG).read_namespaced_ingress(name, space)
        except ApiException as error:
            if error.status != _NOT_FOUND:
                raise
            return None

    def delete(self, name: str = "shop", space: str = NAMESPACE) -> None:
        """A user deletes an Ingress; an absent one is fine."""
        try:
            self.networking(CONFIG).delete_namespaced_ingress(name, space)
        except ApiException as error:
            if error.status != _NOT_FOUND:
                raise

    def conditions(self, name: str = "shop", space: str = NAMESPACE) -> dict[str, dict[str, Any]]:
        """The conditions on the source, by type."""
        listed = json.loads(self._annotation(name, space, "conditions") or "[]")
        return {item["type"]: item for item in listed}

    def verdicts(self, name: str = "shop", space: str = NAMESPACE) -> dict[str, str]:
        """Each condition's type and status."""
        return {kind: item["status"] for kind, item in self.conditions(name, space).items()}

    def table(self, name: str = "shop", space: str = NAMESPACE) -> dict[str, dict[str, Any]]:
        """The table of members on the source."""
        found: dict[str, dict[str, Any]]
        found = json.loads(self._annotation(name, space, "cluster-status") or "{}")
        return found

    def _annotation(self, name: str, space: str, which: str) -> str:
        found = self.source(name, space)
        annotations = (found.metadata.annotations or {}) if found else {}
        return str(annotations.get(f"fedingress.dev/{which}", ""))

    def address(self, name: str = "shop", space: str = NAMESPACE) -> str:
        """The one address in the source's status, or nothing."""
        found = self.source(name, space)
        entries = (found.status.load_balancer.ingress or ()) if found else ()
        return str(entries[0].ip) if len(entries) == 1 else ""

    def ours(self, context: str, space: str = NAMESPACE) -> list[str]:
        """`Kind name` of everything in a cluster's namespace with an owner's label, sorted."""
        copies = self.networking(context).list_namespaced_ingress(space, label_selector=OWNER_LABEL)
        companions = self.core(context).list_namespaced_service(space, label_selector=OWNER_LABEL)
        return sorted(
            [f"Ingress {item.metadata.name}" for item in copies.items]
            + [f"Service {item.metadata.name}" for item in companions.items]
        )

    def compute(self, name: str) -> Any:
        """A client of google-cloud-compute, for instance `BackendServices`."""
        from google.cloud import compute_v1

        endpoint = {"api_endpoint": self.env["FEDINGRESS_COMPUTE_ENDPOINT"]}
        return getattr(compute_v1, f"{name}Client")(client_options=endpoint)

    def listed(self, name: str) -> list[dict[str, Any]]:
        """Every global resource of one collection, as JSON in Google's own field names."""
        found = self.compute(name).list(project=PROJECT)
        return [type(item).to_dict(item, use_integers_for_enums=False) for item in found]

    @cached_property
    def _zone(self) -> Any:
        from google.cloud import dns

        endpoint = {"api_endpoint": self.env["FEDINGRESS_DNS_ENDPOINT"]}
        return dns.Client(project=PROJECT, client_options=endpoint).zone("example-com")

    def records(self) -> dict[tuple[str, str], tuple[int, list[str]]]:
        """Record sets of the zone by name and type: TTL and values; the apex is left out."""
        return {
            (item.name, item.record_type): (item.ttl, list(item.rrdatas))
            for item in self._zone.list_resource_record_sets()
            if item.record_type not in {"SOA", "NS"}
        }

    def visitor(self, region: str) -> Visitor:
        """Somebody in *region*."""
        return Visitor(
            source=self.env[f"LOCALCLOUD_CLIENT_{region.upper().replace('-', '_')}"],
            dns=self.env["LOCALCLOUD_DNS"],
            port=int(self.env["LOCALCLOUD_HTTP_PORT"]),
        )

    def until_served(self, name: str = "shop", space: str = NAMESPACE) -> None:
        """Wait until the Ingress is published with every endpoint healthy in both regions."""
        until(
            f"{space}/{name} to be published and healthy",
            lambda: self._served(name, space),
            say=lambda: (self.conditions(name, space), self.table(name, space)),
        )

    def _served(self, name: str, space: str) -> bool:
        good = {"Accepted": "True", "Programmed": "True", "Published": "True", "Degraded": "False"}
        return self.verdicts(name, space) == good and self.is_healthy(name, space)

    def is_healthy(self, name: str = "shop", space: str = NAMESPACE) -> bool:
        """Whether every eligible member carries the Ingress with all its endpoints healthy."""
        rows = [row for row in self.table(name, space).values() if row["state"] != "ineligible"]
        return bool(rows) and all(
            row["reason"] == "Applied" and row["healthy"] == row["endpoints"] > 0 for row in rows
        )

    def withdraw(self) -> None:
        """Delete every source and wait until nothing is left anywhere; a home must run."""
        for each in self.networking(CONFIG).list_ingress_for_all_namespaces().items:
            if OWNER_LABEL not in (each.metadata.labels or {}):
                self.delete(each.metadata.name, each.metadata.namespace)
        until("nothing to be left", lambda: not self.leftovers(), say=self.leftovers)

    def leftovers(self) -> list[str]:
        """Whatever is left, as one line each."""
        found: Mapping[str, Sequence[Any]] = self.control.leftovers()
        return [f"{kind}: {item}" for kind, items in found.items() for item in items]

    def calls(self) -> int:
        """Mutating calls of the product since they were last forgotten, counted at all wires."""
        return self.control.calls("fedingress")

    def forget_calls(self) -> None:
        """Count from zero."""
        self.control.call("DELETE", "/calls")


@contextmanager
def open_site(spec: WorldSpec, *, kind: type[Site] = Site) -> Iterator[Site]:
    """A world of *spec*, to which the SDKs of this process are led as long as it is open."""
    with ExitStack() as stack:
        site = kind(stack.enter_context(running_world(spec)), stack)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for variable in _SDK_VARIABLES:
            patch.setenv(variable, site.env[variable])
        patch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        for variable in [name for name in os.environ if name.startswith("FEDINGRESS_")]:
            patch.delenv(variable)
        # Read from the environment once, at import; another test may have imported it.
        place = "google.auth.compute_engine._metadata._GCE_METADATA_HOST"
        patch.setattr(place, site.env["GCE_METADATA_HOST"])
        yield site
