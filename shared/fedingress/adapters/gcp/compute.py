"""
The official Compute Engine client, one per collection, made when first needed.

Called by `load_balancers` and `operations`. Importing the client costs most of a second and
147 MB, so it happens in the first call that must ask GCE. Only the `*_unary` methods are used: the
others poll operations through a hidden client that ignores the endpoint.

Source: google-cloud-compute, `google.cloud.compute_v1`.
"""

import importlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedingress.adapters.gcp.agent import default_credentials, user_agent
from fedingress.adapters.gcp.errors import google_errors
from fedingress.domain.errors import Invalid
from fedingress.domain.graph import Kind
from fedingress.ports.load_balancers import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """
    How the client names one collection.

    client: its class.   message: the resource's class.   argument: the resource's name in requests;
    the resource itself goes as ARGUMENT_resource.
    """

    client: str
    message: str
    argument: str


COLLECTIONS: Final[Mapping[Kind, Collection]] = {
    Kind.FIREWALL: Collection(client="FirewallsClient", message="Firewall", argument="firewall"),
    Kind.SECURITY_POLICY: Collection(
        client="SecurityPoliciesClient", message="SecurityPolicy", argument="security_policy"
    ),
    Kind.ADDRESS: Collection(client="GlobalAddressesClient", message="Address", argument="address"),
    Kind.SSL_CERTIFICATE: Collection(
        client="SslCertificatesClient", message="SslCertificate", argument="ssl_certificate"
    ),
    Kind.SSL_POLICY: Collection(
        client="SslPoliciesClient", message="SslPolicy", argument="ssl_policy"
    ),
    Kind.INSTANCE_GROUP: Collection(
        client="InstanceGroupsClient", message="InstanceGroup", argument="instance_group"
    ),
    Kind.HEALTH_CHECK: Collection(
        client="HealthChecksClient", message="HealthCheck", argument="health_check"
    ),
    Kind.BACKEND_SERVICE: Collection(
        client="BackendServicesClient", message="BackendService", argument="backend_service"
    ),
    Kind.URL_MAP: Collection(client="UrlMapsClient", message="UrlMap", argument="url_map"),
    Kind.TARGET_HTTP_PROXY: Collection(
        client="TargetHttpProxiesClient", message="TargetHttpProxy", argument="target_http_proxy"
    ),
    Kind.TARGET_HTTPS_PROXY: Collection(
        client="TargetHttpsProxiesClient",
        message="TargetHttpsProxy",
        argument="target_https_proxy",
    ),
    Kind.FORWARDING_RULE: Collection(
        client="GlobalForwardingRulesClient", message="ForwardingRule", argument="forwarding_rule"
    ),
}


class Compute:
    """
    Requests to compute v1, in JSON. Safe to call from many threads.

    endpoint: `https://host[:port]` or None for Google's own.
    credentials: gives google-auth's, at the first call.
    """

    def __init__(
        self, endpoint: str | None, credentials: Callable[[], Any] = default_credentials
    ) -> None:
        self._endpoint = endpoint
        self._load = credentials
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}
        self._credentials: Any = None

    def ask(
        self, kind: Kind, verb: str, request: Mapping[str, Any], *, what: str, seconds: float
    ) -> Any:
        """
        Call one method of a collection's client; a list comes with all its pages.

        Raises:
            FederationError: As `errors` says.
        """
        return self._call(COLLECTIONS[kind].client, verb, request, what, seconds)

    def operation(self, operation: Operation, *, seconds: float) -> Any:
        """An operation as it stands now; of an instance group it is its zone's."""
        request = {"project": operation.project, "operation": operation.name}
        client = "GlobalOperationsClient"
        if operation.zone:
            request["zone"], client = operation.zone, "ZoneOperationsClient"
        return self._call(client, "get", request, operation.label, seconds)

    def instance_groups(self, request: Mapping[str, Any], *, seconds: float) -> list[Any]:
        """Every zonal instance group that *request* asks for, as the client's messages."""
        what = f"{request['project']}: instanceGroups"
        found = self._call("InstanceGroupsClient", "aggregated_list", request, what, seconds)
        return [
            group
            for scope, listed in found
            if scope.startswith("zones/")
            for group in listed.instance_groups
        ]

    def groups(self, request: Mapping[str, Any], *, seconds: float) -> list[tuple[str, str]]:
        """(zone, name) of every zonal network endpoint group that *request* asks for."""
        what = f"{request['project']}: networkEndpointGroups"
        found = self._call("NetworkEndpointGroupsClient", "aggregated_list", request, what, seconds)
        return [
            (scope.removeprefix("zones/"), str(group.name))
            for scope, listed in found
            if scope.startswith("zones/")
            for group in listed.network_endpoint_groups
        ]

    def message(self, kind: Kind, body: Mapping[str, Any]) -> Any:
        """
        The client's message for a resource.

        Raises:
            Invalid: The API has no such field or the value does not fit it.
        """
        json_format = importlib.import_module("google.protobuf.json_format")
        made = getattr(_compute_v1(), COLLECTIONS[kind].message)
        try:
            return made.from_json(json.dumps(body))
        except json_format.ParseError as error:
            raise Invalid(f"{kind.value} {body.get('name', '')}: {error}") from error

    def body(self, message: Any) -> dict[str, Any]:
        """The JSON of a resource; unlike the wire's, 64-bit numbers are numbers."""
        json_format = importlib.import_module("google.protobuf.json_format")
        raw = type(message).pb(message)
        found: dict[str, Any] = _numbers(json_format.MessageToDict(raw), raw.DESCRIPTOR)
        return found

    def _call(
        self, name: str, verb: str, request: Mapping[str, Any], what: str, seconds: float
    ) -> Any:
        client = self._client(name)
        with google_errors(what):
            answer = getattr(client, verb)(
                request=dict(request),
                retry=None,
                timeout=seconds,
                metadata=[("user-agent", user_agent())],
            )
            return list(answer) if verb in {"list", "aggregated_list"} else answer

    def _client(self, name: str) -> Any:
        with self._lock:
            if name not in self._clients:
                compute_v1 = _compute_v1()
                if self._credentials is None:
                    self._credentials = self._load()
                options = {"api_endpoint": self._endpoint} if self._endpoint else None
                self._clients[name] = getattr(compute_v1, name)(
                    credentials=self._credentials, client_options=options
                )
            return self._clients[name]


def _compute_v1() -> Any:
    return importlib.import_module("google.cloud.compute_v1")


def _numbers(value: Any, descriptor: Any) -> Any:
    """In JSON, protobuf writes 64-bit integers as strings in JSON; a spec holds numbers."""
    if descriptor.GetOptions().map_entry:
        return value
    fields = {field.json_name: field for field in descriptor.fields}
    return {key: _number(inner, fields[key]) for key, inner in value.items()}


def _number(value: Any, field: Any) -> Any:
    if isinstance(value, list):
        return [_number(inner, field) for inner in value]
    if field.type in {field.TYPE_INT64, field.TYPE_UINT64}:
        return int(value)
    if field.type == field.TYPE_MESSAGE and isinstance(value, dict):
        if field.message_type.GetOptions().map_entry:
            return value
        return _numbers(value, field.message_type)
    return value
