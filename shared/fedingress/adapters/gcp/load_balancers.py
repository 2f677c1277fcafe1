"""
GCE's global load balancing behind the port `LoadBalancers`.

Called by the concern `backends`. Names are deterministic and marks stand in the description, so
that a write that comes late or twice finds what it needs to see that it is not wanted any more.

Source: compute v1 reference: firewalls, globalAddresses, healthChecks, backendServices, urlMaps,
targetHttpProxies, targetHttpsProxies, sslCertificates, sslPolicies, globalForwardingRules.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from fedingress.adapters.gcp import canonical, https_proxies, operations
from fedingress.adapters.gcp.agent import default_credentials
from fedingress.adapters.gcp.compute import COLLECTIONS, Compute
from fedingress.adapters.gcp.errors import Missing
from fedingress.domain.errors import Conflict, Invalid, Unavailable, Unsupported
from fedingress.domain.graph import GlobalResource, GroupRef, Kind, NegRef
from fedingress.planning.diff import fingerprint
from fedingress.ports.guard import Guard
from fedingress.ports.load_balancers import GroupHealth, Operation

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "fedingress.dev")
_WINDOW_SECONDS: Final = 60
_INCARNATIONS: Final = 16
_SIDE_BY_SIDE: Final = 8
_SET_LABELS: Final = "set_labels_unary"


class GceLoadBalancers:
    """
    The port `LoadBalancers` on google-cloud-compute.

    endpoint: `https://host[:port]`, or None for Google's own.
    page_size: resources per page of a list.   now: Unix seconds.
    credentials: gives google-auth's, at the first call.
    """

    def __init__(
        self,
        endpoint: str | None,
        *,
        call_timeout_seconds: float = 10.0,
        page_size: int = 500,
        now: Callable[[], float] = time.time,
        credentials: Callable[[], Any] = default_credentials,
    ) -> None:
        self.call_timeout_seconds = call_timeout_seconds
        self._page_size = page_size
        self._now = now
        self._compute = Compute(endpoint, credentials)

    def observe(self, project: str, kinds: Sequence[Kind], prefix: str) -> Sequence[GlobalResource]:
        """One list per kind, in parallel; sorted by path."""

        def read(kind: Kind) -> list[GlobalResource]:
            request = {
                "project": project,
                "filter": f'name eq "{prefix}.*"',
                "max_results": self._page_size,
            }
            if kind is Kind.INSTANCE_GROUP:
                found = self._compute.instance_groups(request, seconds=self.call_timeout_seconds)
            else:
                found = self._ask(kind, "list", request, f"{project}: {kind.value}")
            bodies = [self._compute.body(message) for message in found]
            return [canonical.resource(kind, project, body) for body in bodies]

        if not kinds:
            return []
        with ThreadPoolExecutor(max_workers=min(_SIDE_BY_SIDE, len(kinds))) as pool:
            found = [item for items in pool.map(read, kinds) for item in items]
        return sorted(found, key=lambda item: item.path)

    def create(self, desired: GlobalResource, guard: Guard) -> Operation | None:
        """
        Insert under a request id that a retry within a minute would repeat.

        GCE answers a known request id with the operation of back then, even when the resource has
        been deleted since. An operation that is over without a living resource is such an echo;
        then the next incarnation is tried.
        """
        if desired.kind is Kind.INSTANCE_GROUP:
            raise Unsupported(f"{desired.label} is its cluster's to make")
        message = self._compute.message(desired.kind, canonical.body(desired))
        argument = COLLECTIONS[desired.kind].argument
        window = int(self._now() // _WINDOW_SECONDS)
        for number in range(_INCARNATIONS):
            request = {
                "project": desired.project,
                "request_id": request_id(desired, f"{window}.{number}"),
                f"{argument}_resource": message,
            }
            guard.check(self.call_timeout_seconds)
            answer = self._ask(desired.kind, "insert_unary", request, desired.label)
            if not operations.is_done(answer) or operations.errors_of(answer):
                return _operation(desired, answer)
            if self._get(desired) is not None:
                return _operation(desired, answer)
        raise Unavailable(f"{desired.label} vanishes as often as it is created")

    def update(
        self, observed: GlobalResource, desired: GlobalResource, guard: Guard
    ) -> Operation | None:
        """PATCH the fields that differ; PUT the whole where a field has to go; or one setter."""
        fields = canonical.changes(observed, desired)
        if not fields:
            return None
        current = self._get(observed)
        if current is None:
            raise Conflict(f"{observed.label} is gone")
        _check_same(observed, current)
        if str(current.get("fingerprint", "")) != observed.version:
            raise Conflict(f"{observed.label} has changed since it was observed")
        verb, request = self._writing(desired, current, fields)
        request = _place(desired) | request
        if verb == _SET_LABELS:  # the one method that does not call it by its kind
            request["resource"] = request.pop(COLLECTIONS[desired.kind].argument)
        guard.check(self.call_timeout_seconds)
        try:
            answer = self._ask(desired.kind, verb, request, desired.label)
        except Missing as error:
            raise Conflict(f"{desired.label} is gone") from error
        return _operation(desired, answer)

    def delete(self, observed: GlobalResource, guard: Guard) -> Operation | None:
        """
        Delete by name, after reading mark and id again.

        GCE cannot guard a delete. A late one is harmless all the same: the name is ours alone, and
        what is needed again is created again.
        """
        if observed.kind is Kind.INSTANCE_GROUP:
            raise Unsupported(f"{observed.label} is its cluster's to delete")
        current = self._get(observed)
        if current is None:
            return None
        _check_same(observed, current)
        request = _place(observed)
        guard.check(self.call_timeout_seconds)
        try:
            answer = self._ask(observed.kind, "delete_unary", request, observed.label)
        except Missing:
            return None
        return _operation(observed, answer)

    def wait(
        self, pending: Sequence[Operation], *, seconds: float
    ) -> tuple[Sequence[Operation], Sequence[str]]:
        """Read the operations until they are done or *seconds* are over."""
        return operations.wait(
            self._compute, pending, seconds=seconds, call_seconds=self.call_timeout_seconds
        )

    def groups(self, project: str, prefix: str) -> Sequence[NegRef]:
        """One aggregated list over all zones."""
        request = {
            "project": project,
            "filter": f'name eq "{prefix}.*"',
            "max_results": self._page_size,
        }
        names = self._compute.groups(request, seconds=self.call_timeout_seconds)
        return sorted(NegRef(project=project, zone=zone, name=name) for zone, name in names)

    def health(self, service: GlobalResource, negs: Sequence[GroupRef]) -> Sequence[GroupHealth]:
        """
        Ask for each NEG in parallel; those that are not attached are left out, as unknown.

        Endpoints are counted from the answer: GCE lists all of a group, probed or not.
        """

        def read(neg: GroupRef) -> GroupHealth | None:
            request = {
                "project": service.project,
                "backend_service": service.name,
                "resource_group_reference_resource": {"group": canonical.link(neg.path)},
            }
            try:
                answer = self._ask(service.kind, "get_health", request, service.label)
            except Invalid:
                return None
            states = [str(each.health_state) for each in answer.health_status]
            return GroupHealth(neg=neg, endpoints=len(states), healthy=states.count("HEALTHY"))

        attached = {entry.get("group") for entry in service.spec.get("backends") or ()}
        asked = [neg for neg in negs if neg.path in attached]
        if not asked:
            return []
        with ThreadPoolExecutor(max_workers=min(_SIDE_BY_SIDE, len(asked))) as pool:
            return [found for found in pool.map(read, asked) if found is not None]

    def _ask(self, kind: Kind, verb: str, request: dict[str, Any], what: str) -> Any:
        return self._compute.ask(kind, verb, request, what=what, seconds=self.call_timeout_seconds)

    def _get(self, item: GlobalResource) -> dict[str, Any] | None:
        request = _place(item)
        try:
            return self._compute.body(self._ask(item.kind, "get", request, item.label))
        except Missing:
            return None

    def _writing(
        self, desired: GlobalResource, current: dict[str, Any], fields: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """The client's method for a change, and its request without project and name."""
        if setter := _setter(desired, current, fields):
            return setter
        if fields.keys() == {"securityPolicy"}:
            value = fields["securityPolicy"]
            reference = {"security_policy": canonical.link(value)} if value else {}
            return "set_security_policy_unary", {"security_policy_reference_resource": reference}
        if desired.kind is Kind.BACKEND_SERVICE:
            fields = {key: value for key, value in fields.items() if key != "securityPolicy"}
        argument = f"{COLLECTIONS[desired.kind].argument}_resource"
        if desired.kind is Kind.URL_MAP or canonical.clears(fields):
            # How a PATCH merges path matchers is not documented; a PUT leaves nothing open.
            kept = {k: v for k, v in current.items() if k not in canonical.OUTPUT_ONLY}
            whole = canonical.merged(kept, fields)
            return "update_unary", {argument: self._compute.message(desired.kind, whole)}
        part = canonical.canonical(fields)
        if "fingerprint" in current:
            part["fingerprint"] = current["fingerprint"]
        return "patch_unary", {argument: self._compute.message(desired.kind, part)}


def request_id(desired: GlobalResource, incarnation: str) -> str:
    """The same for the same wish of the same owner; a UUID, as GCE asks."""
    uid = desired.mark.uid if desired.mark else ""
    parts = (uid, desired.path, fingerprint(desired.spec), incarnation)
    return str(uuid.uuid5(_NAMESPACE, "\0".join(parts)))


def _setter(
    desired: GlobalResource, current: dict[str, Any], fields: dict[str, Any]
) -> tuple[str, dict[str, Any]] | None:
    """The method of a kind that has setters only, and its request; None for other kinds."""
    if desired.kind is Kind.INSTANCE_GROUP:
        named = {
            "fingerprint": current.get("fingerprint", ""),
            "named_ports": fields["namedPorts"],
        }
        return "set_named_ports_unary", {"instance_groups_set_named_ports_request_resource": named}
    if desired.kind is Kind.TARGET_HTTP_PROXY:
        reference = {"url_map": canonical.link(fields["urlMap"])}
        return "set_url_map_unary", {"url_map_reference_resource": reference}
    if desired.kind is Kind.TARGET_HTTPS_PROXY:
        return https_proxies.setting(fields)
    if desired.kind is Kind.FORWARDING_RULE and "labels" in fields:  # the mark, before the target
        labelled = {
            "labels": {**(current.get("labels") or {}), **fields["labels"]},
            "label_fingerprint": current.get("labelFingerprint", ""),
        }
        return _SET_LABELS, {"global_set_labels_request_resource": labelled}
    if desired.kind is Kind.FORWARDING_RULE:
        reference = {"target": canonical.link(fields["target"])}
        return "set_target_unary", {"target_reference_resource": reference}
    return None


def _place(item: GlobalResource) -> dict[str, Any]:
    """Where a resource stands, as requests say it."""
    place = {"project": item.project, COLLECTIONS[item.kind].argument: item.name}
    return {**place, "zone": item.zone} if item.zone else place


def _check_same(observed: GlobalResource, current: dict[str, Any]) -> None:
    now = canonical.resource(observed.kind, observed.project, current)
    if (now.mark, now.output["id"]) != (observed.mark, observed.output.get("id")):
        raise Conflict(f"{observed.label} is not the one that was observed")


def _operation(item: GlobalResource, answer: Any) -> Operation:
    return Operation(project=item.project, name=str(answer.name), label=item.label, zone=item.zone)
