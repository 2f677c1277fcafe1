"""
Members without a cluster manager: `fedingress cluster join | leave`, which is their manager.

A member is a ClusterProfile, its status, and, where it is reached by a token that is kept nowhere
else, a Secret beside it. The Secret comes first and goes last, so that no profile ever stands
without its token.

Source: multicluster.x-k8s.io/v1alpha1 ClusterProfile (KEP-4322).
"""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from fedingress.adapters.kube import connect, tombstones
from fedingress.adapters.kube.connection import Connection, Credentials
from fedingress.adapters.kube.errors import MissingError, excerpt
from fedingress.adapters.kube.resources import (
    BY_KIND,
    CLUSTER_PROFILE,
    CONFIG_MAP,
    NAMESPACE,
    SECRET,
)
from fedingress.domain.cluster import Access
from fedingress.domain.errors import Conflict, Invalid
from fedingress.domain.member import INGRESS, SERVICE
from fedingress.domain.names import DRAIN, OWNER_UID, PREFIX
from fedingress.planning.decode.access import TOKEN_PROVIDER, encode_access
from fedingress.planning.decode.members import LEAVING, PROPERTIES
from fedingress.planning.decode.members import member as member_of
from fedingress.planning.decode.words import LABEL_VALUE, QUALIFIED_NAME

MANAGER: Final = "fedingress-cli"
CLUSTER_MANAGER: Final = "fedingress"
_MANAGER_LABEL: Final = "x-k8s.io/cluster-manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """
    A member to be.

    access: as its profile will say it.   token: for the Secret beside the profile; empty for none.
    properties: `provider`, `region`, `zones` (a list with commas), `project`, `account`, `network`.
    """

    name: str
    access: Access
    token: str = field(default="", repr=False)
    properties: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


class KubeInventory:
    """The ClusterProfiles that we manage, in one namespace of the config cluster."""

    def __init__(self, connection: Connection, *, namespace: str) -> None:
        self._connection = connection
        self._namespace = namespace

    def join(self, joining: Joining, credentials: Credentials) -> str:
        """
        Look at the member, then write or renew its Secret, profile and status.

        Args:
            joining: The member.
            credentials: To look with: those that the profile will ask for.

        Returns:
            The uid of the member's kube-system.

        Raises:
            Invalid: The address, a property or an object is refused; or there is no token.
            Conflict: Another cluster manager has a profile of that name.
            Unavailable, Forbidden: The member does not answer, or refuses the token.
        """
        unknown = sorted(joining.properties.keys() - set(PROPERTIES))
        problems = [
            f"{name} is no property of a member; there are {', '.join(PROPERTIES)}"
            for name in unknown
        ] or self._malformed(joining)
        given = joining.token or joining.access.token_secret
        if joining.access.provider == TOKEN_PROVIDER and not given:
            problems.append("there is no token to reach the member with")
        if problems:
            raise Invalid(problems)
        self._refuse_foreign(joining.name)
        uid = _look(joining, credentials)
        self._connection.apply(
            NAMESPACE.path("", self._namespace),
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._namespace}},
            manager=MANAGER,
        )
        secret = SECRET.path(self._namespace, _secret(joining.name))
        if joining.token:
            self._apply(secret, self._token(joining))
        profile = self._profile(joining)
        self._apply(CLUSTER_PROFILE.path(self._namespace, joining.name), profile)
        status = {**profile, "status": _status(joining, uid)}
        status["metadata"] = {"namespace": self._namespace, "name": joining.name}
        del status["spec"]
        self._apply(CLUSTER_PROFILE.path(self._namespace, joining.name, "status"), status)
        if not joining.token:
            self._connection.delete(secret)  # of a way in that was given up
        return uid

    def leave(self, name: str) -> None:
        """
        Ask for everything of ours to be taken out of the member.

        Raises:
            Invalid: There is no such member.
        """
        self._annotate(name, {LEAVING: "true"})

    def stay(self, name: str) -> None:
        """Take `leave` back, and the drain that came before it."""
        self._annotate(name, {LEAVING: None, DRAIN: None})

    def drain(self, name: str) -> None:
        """
        Ask for the member to get no new requests, of any Ingress.

        Raises:
            Invalid: There is no such member.
        """
        self._annotate(name, {DRAIN: "true"})

    def undrain(self, name: str) -> None:
        """Take `drain` back."""
        self._annotate(name, {DRAIN: None})

    def forget(self, name: str, member: Connection | None) -> bool:
        """
        Remove the profile and its Secret; what is gone already is no error.

        Args:
            name: Of the member.
            member: To look whether anything of ours remains there; None does not look.

        Returns:
            Whether there was a profile or a Secret of that name.

        Raises:
            Conflict: Something remains, or somebody else manages the profile.
        """
        profile = self._refuse_foreign(name)
        secret = self._connection.get(SECRET, self._namespace, _secret(name))
        if member is not None:
            left = _leftovers(member)
            if left:
                raise Conflict(f"{name} still holds {', '.join(left[:5])} of ours; let it leave")
            self._refuse_tombstones(name)
        self._connection.delete(CLUSTER_PROFILE.path(self._namespace, name))
        self._connection.delete(SECRET.path(self._namespace, _secret(name)))
        return bool(profile or secret)

    def _refuse_foreign(self, name: str) -> Mapping[str, Any]:
        """The profile, ours; empty when there is none."""
        found = self._connection.get(CLUSTER_PROFILE, self._namespace, name)
        manager = str(((found or {}).get("spec") or {}).get("clusterManager", {}).get("name") or "")
        if found and manager != CLUSTER_MANAGER:
            raise Conflict(f"{name} is managed by {manager or 'nobody we know'}, not by us")
        return found or {}

    def _refuse_tombstones(self, name: str) -> None:
        listed = self._connection.list(
            CONFIG_MAP, self._namespace, labels=f"{tombstones.LABEL}=true"
        )
        stones = [stone for stone in tombstones.decode(listed.items) if stone.cluster == name]
        if stones:
            raise Conflict(
                f"{name} may still hold leftovers of {stones[0].key}; they are looked at"
            )

    def _annotate(self, name: str, annotations: Mapping[str, str | None]) -> None:
        patch = {"metadata": {"annotations": dict(annotations)}}
        path = CLUSTER_PROFILE.path(self._namespace, name)
        try:
            self._connection.merge(path, patch, manager=MANAGER)
        except MissingError as error:
            raise Invalid(f"there is no member {name}") from error

    def _apply(self, path: str, manifest: Mapping[str, Any]) -> None:
        try:
            self._connection.apply(path, manifest, manager=MANAGER, force=True)
        except MissingError as error:
            raise Invalid(str(error)) from error

    def _malformed(self, joining: Joining) -> list[str]:
        """Why the profile would be refused or frozen, asked before its Secret stands."""
        manifest = {**self._profile(joining), "status": _status(joining, "unknown")}
        decoded = member_of(manifest, where=joining.name)
        faults = [str(fault) for fault in decoded] if isinstance(decoded, tuple) else []
        keys = [key for key in joining.labels if not QUALIFIED_NAME.fullmatch(key)]
        values = [each for each in joining.labels.values() if not LABEL_VALUE.fullmatch(each)]
        faults += [f"{excerpt(key)!r} is not a label key" for key in sorted(keys)]
        return faults + [f"{excerpt(each)!r} is not a label value" for each in sorted(values)]

    def _token(self, joining: Joining) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": self._namespace, "name": _secret(joining.name)},
            "type": "Opaque",
            "data": {"token": base64.b64encode(joining.token.encode()).decode()},
        }

    def _profile(self, joining: Joining) -> dict[str, Any]:
        return {
            "apiVersion": CLUSTER_PROFILE.api_version,
            "kind": CLUSTER_PROFILE.kind,
            "metadata": {
                "namespace": self._namespace,
                "name": joining.name,
                "labels": {**joining.labels, _MANAGER_LABEL: CLUSTER_MANAGER},
            },
            "spec": {"displayName": joining.name, "clusterManager": {"name": CLUSTER_MANAGER}},
        }


def _secret(name: str) -> str:
    return f"{name}-token"


def _look(joining: Joining, credentials: Credentials) -> str:
    """The uid of the member's kube-system, read with the very credentials that are to be used."""
    connection = connect.to_server(
        joining.access.server,
        name=joining.name,
        ca_data=joining.access.ca_data,
        credentials=credentials,
        concern="cli",
    )
    try:
        found = connection.get(NAMESPACE, "", "kube-system")
    finally:
        connection.close()
    if found is None:
        raise Invalid(f"{joining.name} has no namespace kube-system")
    return str(found["metadata"]["uid"])


def _status(joining: Joining, uid: str) -> dict[str, Any]:
    properties = {**joining.properties, "uid": uid}
    return {
        "accessProviders": [encode_access(joining.access, beside=bool(joining.token))],
        "properties": [
            {"name": f"{PREFIX}{name}", "value": value}
            for name, value in sorted(properties.items())
            if value
        ],
        "conditions": [
            {
                "type": "ControlPlaneHealthy",
                "status": "True",
                "reason": "Joined",
                "message": "The API server answered when the member joined.",
                "lastTransitionTime": datetime.fromtimestamp(time.time(), UTC).strftime(
                    "%Y-%m-%dT%H:%M:%SZ"
                ),
            }
        ],
    }


def _leftovers(member: Connection) -> list[str]:
    found = []
    for kind in (INGRESS, SERVICE):
        for item in member.list(BY_KIND[kind], labels=OWNER_UID).items:
            meta = item["metadata"]
            found.append(f"{kind} {meta['namespace']}/{meta['name']}")
    return found
