"""The nodes of a cluster, as objects with the labels that placement reads."""

import hashlib
from dataclasses import dataclass
from typing import Any

from localcloud.workloads.objects import HOSTNAME, REGION, ZONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """
    One node.

    Attributes:
        name: Its name, also the host name.
        provider: ``gcp``, ``aws`` or ``onprem``.
        region: Its region.
        zone: Its zone.
        address: 10.x, as every address of pods and nodes.
        project: GCP project; empty elsewhere.
    """

    name: str
    provider: str
    region: str
    zone: str
    address: str
    project: str = ""

    def provider_id(self) -> str:
        """Give ``spec.providerID`` in the provider's own form."""
        if self.provider == "gcp":
            return f"gce://{self.project}/{self.zone}/{self.name}"
        if self.provider == "aws":
            return f"aws:///{self.zone}/{self.instance_id()}"
        return f"onprem://{self.name}"

    def instance_id(self) -> str:
        """Give its name in EC2."""
        return f"i-{hashlib.sha256(self.name.encode()).hexdigest()[:17]}"

    def manifest(self) -> dict[str, Any]:
        """Give the Node object without its status."""
        return {
            **self._identity(),
            "spec": {"providerID": self.provider_id()},
        }

    def status(self) -> dict[str, Any]:
        """Give the Node object with its status only."""
        addresses = [
            {"type": "InternalIP", "address": self.address},
            {"type": "Hostname", "address": self.name},
        ]
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        return {**self._identity(), "status": {"addresses": addresses, "conditions": [ready]}}

    def _identity(self) -> dict[str, Any]:
        labels = {HOSTNAME: self.name, REGION: self.region, ZONE: self.zone}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": labels},
        }
