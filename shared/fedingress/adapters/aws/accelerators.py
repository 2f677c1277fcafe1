"""
Global Accelerator behind the port `Accelerators`.

Called by the concern `backends`. An accelerator is found by its name and known by its tags. What is
created carries an idempotency token made of the name, so that a lost reply makes no second one.

Source: Global Accelerator API reference; its only endpoint is in us-west-2. DeleteAccelerator wants
an accelerator without listeners that is disabled, and whose disabling is everywhere.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from fedingress.adapters.aws.clients import Clients
from fedingress.domain.accelerator import Accelerator, EndpointGroup
from fedingress.domain.errors import Conflict, Invalid
from fedingress.ports.guard import Guard

T = TypeVar("T")
_REGION: Final = "us-west-2"
_PAGE: Final = 100
_DEFAULT_WEIGHT: Final = 128


class GlobalAccelerators:
    """The port `Accelerators` over one account."""

    def __init__(self, clients: Clients) -> None:
        self.call_timeout_seconds = clients.call_timeout_seconds
        self._clients = clients

    def find(self, name: str, tags: Mapping[str, str]) -> Accelerator | None:
        """By name, then by tags; others' of the same name are passed over."""
        for row in self._pages("list_accelerators", "Accelerators"):
            if row["Name"] == name and self._tagged(row["AcceleratorArn"], tags):
                return self._whole(row)
        return None

    def create(self, name: str, tags: Mapping[str, str], guard: Guard) -> Accelerator:
        """Make one."""
        body = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
        answer = self._ask(
            lambda api: api.create_accelerator(
                Name=name, Enabled=True, IdempotencyToken=_token(name, body), Tags=body
            ),
            guard,
        )
        return _bare(answer["Accelerator"])

    def listen(self, found: Accelerator, ports: tuple[int, ...], guard: Guard) -> Accelerator:
        """One listener of TCP, a range for each port."""
        ranges = [{"FromPort": each, "ToPort": each} for each in ports]
        if found.listener:
            self._ask(
                lambda api: api.update_listener(ListenerArn=found.listener, PortRanges=ranges),
                guard,
            )
        else:
            self._ask(
                lambda api: api.create_listener(
                    AcceleratorArn=found.arn,
                    Protocol="TCP",
                    PortRanges=ranges,
                    IdempotencyToken=_token(found.arn, ranges),
                ),
                guard,
            )
        return self._whole(
            self._ask(lambda api: api.describe_accelerator(AcceleratorArn=found.arn))["Accelerator"]
        )

    def put_group(self, found: Accelerator, group: EndpointGroup, guard: Guard) -> None:
        """Whole groups: endpoints that are not named are taken out."""
        body: dict[str, Any] = {
            "TrafficDialPercentage": float(group.dial),
            "EndpointConfigurations": [
                {"EndpointId": arn, "Weight": weight} for arn, weight in group.weights
            ],
        }
        if group.arn:
            self._ask(
                lambda api: api.update_endpoint_group(EndpointGroupArn=group.arn, **body), guard
            )
            return
        token = _token(found.listener, group.region)
        self._ask(
            lambda api: api.create_endpoint_group(
                ListenerArn=found.listener,
                EndpointGroupRegion=group.region,
                IdempotencyToken=token,
                **body,
            ),
            guard,
        )

    def delete_group(self, group: EndpointGroup, guard: Guard) -> None:
        """Remove one."""
        self._gone(lambda api: api.delete_endpoint_group(EndpointGroupArn=group.arn), guard)

    def retire(self, found: Accelerator, guard: Guard) -> None:
        """All groups and the listener and the disabling at once; the deletion when that is done."""
        for group in found.groups:
            self.delete_group(group, guard)
        if found.listener:
            self._gone(lambda api: api.delete_listener(ListenerArn=found.listener), guard)
        if found.enabled:
            self._ask(
                lambda api: api.update_accelerator(AcceleratorArn=found.arn, Enabled=False), guard
            )
        elif found.deployed:
            self._gone(lambda api: api.delete_accelerator(AcceleratorArn=found.arn), guard)

    def _gone(self, call: Callable[[Any], Any], guard: Guard) -> None:
        try:
            self._ask(call, guard)
        except Conflict as error:
            if "NotFoundException" not in str(error):
                raise

    def _tagged(self, arn: str, tags: Mapping[str, str]) -> bool:
        try:
            found = self._ask(lambda api: api.list_tags_for_resource(ResourceArn=arn))["Tags"]
        except Conflict:
            return False
        return tags.items() <= {row["Key"]: row["Value"] for row in found}.items()

    def _whole(self, row: Mapping[str, Any]) -> Accelerator:
        bare = _bare(row)
        listeners = list(self._pages("list_listeners", "Listeners", AcceleratorArn=bare.arn))
        if not listeners:
            return bare
        arn, ranges = listeners[0]["ListenerArn"], listeners[0]["PortRanges"]
        groups = map(_group, self._pages("list_endpoint_groups", "EndpointGroups", ListenerArn=arn))
        return _bare(
            row,
            listener=str(arn),
            ports=tuple(sorted(int(each["FromPort"]) for each in ranges)),
            groups=tuple(sorted(groups, key=lambda each: each.region)),
        )

    def _pages(self, operation: str, field: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
        asked["MaxResults"] = _PAGE
        while True:
            page = self._ask(lambda api, asked=dict(asked): getattr(api, operation)(**asked))  # type: ignore[misc]
            yield from page[field]
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]

    def _ask(self, call: Callable[[Any], T], guard: Guard | None = None) -> T:
        """
        Make one request.

        Raises:
            Conflict: What it is about is not there any more, or is there already.
        """
        api = self._clients.get("globalaccelerator", _REGION)
        try:
            return self._clients.ask("Global Accelerator", lambda: call(api), guard=guard)
        except Invalid as error:
            if "NotFoundException" in str(error) or "AlreadyExistsException" in str(error):
                raise Conflict(str(error)) from error
            raise


def _bare(row: Mapping[str, Any], **more: Any) -> Accelerator:
    sets = {str(each.get("IpAddressFamily", "IPv4")): each for each in row.get("IpSets") or ()}
    return Accelerator(
        name=str(row["Name"]),
        arn=str(row["AcceleratorArn"]),
        enabled=bool(row["Enabled"]),
        deployed=row["Status"] == "DEPLOYED",
        addresses=tuple(sets.get("IPv4", {}).get("IpAddresses") or ()),
        addresses6=tuple(sets.get("IPv6", {}).get("IpAddresses") or ()),
        **more,
    )


def _group(row: Mapping[str, Any]) -> EndpointGroup:
    weights = (
        (str(each["EndpointId"]), int(each.get("Weight", _DEFAULT_WEIGHT)))
        for each in row.get("EndpointDescriptions") or ()
    )
    return EndpointGroup(
        region=str(row["EndpointGroupRegion"]),
        dial=round(row.get("TrafficDialPercentage", 100)),
        weights=tuple(sorted(weights)),
        arn=str(row["EndpointGroupArn"]),
    )


def _token(*words: object) -> str:
    return hashlib.sha256(repr(words).encode()).hexdigest()
