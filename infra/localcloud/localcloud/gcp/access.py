"""
Who may call: bearer tokens that the metadata server hands out, and permissions taken away.

Not modelled: roles and policies. Everyone with a token of wide enough scope may do everything that
is not denied by name, everywhere or in one project; an owner's token may do that, too.
"""

import secrets
from dataclasses import dataclass, field

from localcloud.gcp.errors import GoogleError
from localcloud.gcp.times import Clock

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
LIFETIME_SECONDS = 3600.0

_SCOPES = {
    "compute": frozenset({CLOUD_PLATFORM, "https://www.googleapis.com/auth/compute"}),
    "dns": frozenset({CLOUD_PLATFORM, "https://www.googleapis.com/auth/ndev.clouddns.readwrite"}),
}
# Methods whose permission is not called like them. Source: IAM permissions reference.
_PERMISSIONS = {
    "compute.instanceGroups.addInstances": "compute.instanceGroups.update",
    "compute.instanceGroups.aggregatedList": "compute.instanceGroups.list",
    "compute.instanceGroups.listInstances": "compute.instanceGroups.list",
    "compute.instanceGroups.removeInstances": "compute.instanceGroups.update",
    "compute.instanceGroups.setNamedPorts": "compute.instanceGroups.update",
    "compute.instances.aggregatedList": "compute.instances.list",
}


@dataclass(slots=True, kw_only=True)
class Access:
    """
    What callers may do.

    Attributes:
        require_token: Refuse requests without a living token.
        denied: Permissions that nobody has, for instance ``compute.backendServices.delete``: the
            method's id, with ``create`` for ``insert`` and few exceptions. With a project in front,
            ``projects/P:compute.firewalls.create``, it is taken away there only.
    """

    clock: Clock
    require_token: bool = False
    denied: set[str] = field(default_factory=set)
    _tokens: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)
    _owners: set[str] = field(default_factory=set)

    def issue(
        self, scopes: frozenset[str] = frozenset({CLOUD_PLATFORM}), *, owner: bool = False
    ) -> str:
        """Give a token of *scopes* for `LIFETIME_SECONDS`; *denied* is not for an *owner*."""
        token = f"ya29.{secrets.token_urlsafe(32)}"
        self._tokens[token] = (self.clock() + LIFETIME_SECONDS, scopes)
        if owner:
            self._owners.add(token)
        return token

    def living(self, token: str) -> bool:
        """Say whether *token* was issued here and lives."""
        return self._tokens.get(token, (0.0, frozenset()))[0] > self.clock()

    def revoke_all(self) -> None:
        """End the life of every token."""
        self._tokens.clear()

    def check(self, method_id: str, resource: str, authorization: str) -> None:
        """
        Let a request pass.

        Args:
            method_id: For instance ``compute.backendServices.insert``.
            resource: Path of what it works on, for the text.
            authorization: The header of that name, or empty.

        Raises:
            GoogleError: 401 without a living token, 403 without scope or permission.
        """
        service, name, verb = method_id.split(".")
        if self.require_token:
            self._living(service, authorization)
        named = f"{service}.{name}.{'create' if verb == 'insert' else verb}"
        permission = _PERMISSIONS.get(method_id, named)
        here = f"{'/'.join(resource.split('/')[:2])}:{permission}"
        if self._owns(authorization) or self.denied.isdisjoint({permission, method_id, here}):
            return
        message = f"Required '{permission}' permission for '{resource}'"
        raise GoogleError(403, "forbidden", message)

    def _owns(self, authorization: str) -> bool:
        token = authorization.partition(" ")[2]
        return token in self._owners and self.living(token)

    def _living(self, service: str, authorization: str) -> None:
        if not authorization:
            raise GoogleError(
                401,
                "required",
                "Request is missing required authentication credential. Expected OAuth 2 access "
                "token, login cookie or other valid authentication credential.",
                header="Authorization",
            )
        kind, _, token = authorization.partition(" ")
        expires, scopes = self._tokens.get(token, (0.0, frozenset()))
        if kind.lower() != "bearer" or expires <= self.clock():
            raise GoogleError(
                401,
                "authError",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, "
                "login cookie or other valid authentication credential.",
                header="Authorization",
            )
        if not scopes & _SCOPES[service]:
            raise GoogleError(
                403,
                "insufficientPermissions",
                "Request had insufficient authentication scopes.",
            )
