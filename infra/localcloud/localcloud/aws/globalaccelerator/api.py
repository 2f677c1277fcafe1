"""
Global Accelerator's operations, for the account.

Not served: custom routing, bring-your-own addresses, cross-account attachments, dual stack, health
check settings of groups (load balancers have their own), port overrides, AddEndpoints and
RemoveEndpoints. The API answers in us-west-2 only, as the real one does.

Source: Global Accelerator API reference; "Quotas": 20 accelerators, 10 listeners of each, 10
endpoints of a group.
"""

import dataclasses
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from localcloud.aws.elb.balancers import ACCOUNT, Balancers
from localcloud.aws.globalaccelerator.accelerators import Accelerator, Group, Listener
from localcloud.aws.wire.errors import AwsError

REGION = "us-west-2"
MOST_ACCELERATORS = 20
_DEFAULT_WEIGHT = 128
_HIGHEST_PORT = 65535


class GlobalAccelerators:
    """
    The service.

    Attributes:
        all: Accelerators by ARN.
        changed: Called after each change.
    """

    def __init__(
        self,
        balancers: Balancers,
        clock: Callable[[], float],
        deploy_seconds: float,
        addresses: Callable[[], tuple[str, ...]],
    ) -> None:
        """
        Make an empty one.

        Args:
            balancers: What endpoints can be.
            clock: Seconds since 1970.
            deploy_seconds: How long a change is IN_PROGRESS; the real one takes minutes.
            addresses: Gives two static addresses.
        """
        self.all: dict[str, Accelerator] = {}
        self.changed: Callable[[], None] = lambda: None
        self.deploy_seconds = deploy_seconds
        self.addresses = addresses
        self._balancers = balancers
        self._clock = clock
        self._operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "CreateAccelerator": self._create,
            "DescribeAccelerator": lambda v: self._shown(self._accelerator(v["AcceleratorArn"])),
            "ListAccelerators": self._list,
            "UpdateAccelerator": self._update,
            "DeleteAccelerator": self._delete,
            "ListTagsForResource": self._tags,
            "CreateListener": self._create_listener,
            "ListListeners": self._listeners,
            "UpdateListener": self._update_listener,
            "DeleteListener": self._delete_listener,
            "CreateEndpointGroup": self._create_group,
            "ListEndpointGroups": self._groups,
            "UpdateEndpointGroup": self._update_group,
            "DeleteEndpointGroup": self._delete_group,
        }

    def answer(self, operation: str, region: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """
        Carry out one operation.

        Raises:
            AwsError: Refused, or the local cloud does not serve it.
        """
        if region != REGION:
            text = f"Global Accelerator's endpoint is in {REGION}, not in {region}"
            raise AwsError("UnrecognizedClientException", text)
        if operation not in self._operations:
            raise AwsError("NotImplemented", f"The local cloud serves no {operation}", 501)
        return self._operations[operation](values)

    def _create(self, values: Mapping[str, Any]) -> dict[str, Any]:
        token = values["IdempotencyToken"]
        for each in self.all.values():
            if each.token == token:
                return self._shown(each)
        if len(self.all) >= MOST_ACCELERATORS:
            raise AwsError("LimitExceededException", "The accelerators of the account are used up")
        now = self._clock()
        made = Accelerator(
            arn=f"arn:aws:globalaccelerator::{ACCOUNT}:accelerator/{uuid.uuid4()}",
            name=values["Name"],
            token=token,
            addresses=self.addresses(),
            created=now,
            changed=now,
            enabled=values.get("Enabled", True),
            tags={row["Key"]: row["Value"] for row in values.get("Tags") or ()},
        )
        self._keep(made)
        return self._shown(made)

    def _update(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = self._accelerator(values["AcceleratorArn"])
        self._keep(
            dataclasses.replace(
                found,
                name=values.get("Name", found.name),
                enabled=values.get("Enabled", found.enabled),
            )
        )
        return self._shown(self.all[found.arn])

    def _delete(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = self._accelerator(values["AcceleratorArn"])
        if found.enabled:
            raise AwsError(
                "AcceleratorNotDisabledException", "The accelerator must be disabled first"
            )
        if found.listeners:
            raise AwsError("AssociatedListenerFoundException", "The accelerator has a listener")
        if self._status(found) == "IN_PROGRESS":
            raise AwsError("TransactionInProgressException", "There's already a transaction")
        del self.all[found.arn]
        self.changed()
        return {}

    def _list(self, values: Mapping[str, Any]) -> dict[str, Any]:
        rows = [self._shown(each)["Accelerator"] for each in self.all.values()]
        return _page("Accelerators", rows, values)

    def _tags(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = self._accelerator(values["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": each} for key, each in sorted(found.tags.items())]}

    def _create_listener(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = self._accelerator(values["AcceleratorArn"])
        ports = _ports(values["PortRanges"])
        taken = [each for each in found.listeners.values() if _overlap(each.ports, ports)]
        if taken:
            if values["IdempotencyToken"] and taken[0].ports == ports:
                return {"Listener": _listener(taken[0])}
            raise AwsError("InvalidPortRangeException", "Another listener has these ports")
        made = Listener(
            arn=f"{found.arn}/listener/{uuid.uuid4().hex[:8]}",
            ports=ports,
            protocol=values["Protocol"],
            affinity=values.get("ClientAffinity", "NONE"),
        )
        self._put(found, made)
        return {"Listener": _listener(made)}

    def _update_listener(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found, listener = self._listener_of(values["ListenerArn"])
        ports = _ports(values["PortRanges"]) if "PortRanges" in values else listener.ports
        changed = dataclasses.replace(listener, ports=ports)
        self._put(found, changed)
        return {"Listener": _listener(changed)}

    def _delete_listener(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found, listener = self._listener_of(values["ListenerArn"])
        if listener.groups:
            raise AwsError("AssociatedEndpointGroupFoundException", "The listener has groups")
        left = {arn: each for arn, each in found.listeners.items() if arn != listener.arn}
        self._keep(dataclasses.replace(found, listeners=left))
        return {}

    def _listeners(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = self._accelerator(values["AcceleratorArn"])
        return _page("Listeners", [_listener(each) for each in found.listeners.values()], values)

    def _create_group(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found, listener = self._listener_of(values["ListenerArn"])
        region = values["EndpointGroupRegion"]
        if any(each.region == region for each in listener.groups.values()):
            raise AwsError(
                "EndpointGroupAlreadyExistsException", f"There is a group of {region} already"
            )
        arn = f"{listener.arn}/endpoint-group/{uuid.uuid4().hex[:12]}"
        return self._group_put(found, listener, Group(arn=arn, region=region), values)

    def _update_group(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found, listener, group = self._group_of(values["EndpointGroupArn"])
        return self._group_put(found, listener, group, values)

    def _group_put(
        self, found: Accelerator, listener: Listener, group: Group, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        dial = float(values.get("TrafficDialPercentage", group.dial))
        weights = group.weights
        if "EndpointConfigurations" in values:
            weights = self._weights(group.region, values["EndpointConfigurations"])
        changed = dataclasses.replace(group, dial=dial, weights=weights)
        groups = {**listener.groups, group.arn: changed}
        self._put(found, dataclasses.replace(listener, groups=groups))
        return {"EndpointGroup": self._group(changed)}

    def _delete_group(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found, listener, group = self._group_of(values["EndpointGroupArn"])
        left = {arn: each for arn, each in listener.groups.items() if arn != group.arn}
        self._put(found, dataclasses.replace(listener, groups=left))
        return {}

    def _groups(self, values: Mapping[str, Any]) -> dict[str, Any]:
        _, listener = self._listener_of(values["ListenerArn"])
        return _page("EndpointGroups", map(self._group, listener.groups.values()), values)

    def _weights(self, region: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        for row in rows:
            balancer = self._balancers.all.get(row["EndpointId"])
            if balancer is None or balancer.region != region:
                text = f"{row['EndpointId']} is no load balancer of {region}"
                raise AwsError("InvalidArgumentException", text)
        return {row["EndpointId"]: int(row.get("Weight", _DEFAULT_WEIGHT)) for row in rows}

    def _group(self, group: Group) -> dict[str, Any]:
        return {
            "EndpointGroupArn": group.arn,
            "EndpointGroupRegion": group.region,
            "TrafficDialPercentage": group.dial,
            "EndpointDescriptions": [
                {
                    "EndpointId": arn,
                    "Weight": weight,
                    "HealthState": "HEALTHY" if self.healthy(arn) else "UNHEALTHY",
                }
                for arn, weight in group.weights.items()
            ],
        }

    def healthy(self, arn: str) -> bool:
        """Whether a load balancer of that ARN answers."""
        balancer = self._balancers.all.get(arn)
        return balancer is not None and self._balancers.healthy(balancer)

    def _accelerator(self, arn: str) -> Accelerator:
        if arn not in self.all:
            raise AwsError("AcceleratorNotFoundException", f"There is no accelerator {arn}")
        return self.all[arn]

    def _listener_of(self, arn: str) -> tuple[Accelerator, Listener]:
        for found in self.all.values():
            if arn in found.listeners:
                return found, found.listeners[arn]
        raise AwsError("ListenerNotFoundException", f"There is no listener {arn}")

    def _group_of(self, arn: str) -> tuple[Accelerator, Listener, Group]:
        for found in self.all.values():
            for listener in found.listeners.values():
                if arn in listener.groups:
                    return found, listener, listener.groups[arn]
        raise AwsError("EndpointGroupNotFoundException", f"There is no endpoint group {arn}")

    def _put(self, found: Accelerator, listener: Listener) -> None:
        listeners = {**found.listeners, listener.arn: listener}
        self._keep(dataclasses.replace(found, listeners=listeners))

    def _keep(self, found: Accelerator) -> None:
        self.all[found.arn] = dataclasses.replace(found, changed=self._clock())
        self.changed()

    def _status(self, found: Accelerator) -> str:
        since = self._clock() - found.changed
        return "IN_PROGRESS" if since < self.deploy_seconds else "DEPLOYED"

    def _shown(self, found: Accelerator) -> dict[str, Any]:
        sets = {"IpFamily": "IPv4", "IpAddressFamily": "IPv4", "IpAddresses": [*found.addresses]}
        return {
            "Accelerator": {
                "AcceleratorArn": found.arn,
                "Name": found.name,
                "IpAddressType": "IPV4",
                "Enabled": found.enabled,
                "IpSets": [sets],
                "DnsName": found.dns_name,
                "Status": self._status(found),
                "CreatedTime": found.created,
                "LastModifiedTime": found.changed,
            }
        }


def _listener(listener: Listener) -> dict[str, Any]:
    return {
        "ListenerArn": listener.arn,
        "PortRanges": [{"FromPort": first, "ToPort": last} for first, last in listener.ports],
        "Protocol": listener.protocol,
        "ClientAffinity": listener.affinity,
    }


def _ports(rows: Iterable[Mapping[str, Any]]) -> tuple[tuple[int, int], ...]:
    found = tuple(sorted((int(row["FromPort"]), int(row["ToPort"])) for row in rows))
    if any(not 1 <= first <= last <= _HIGHEST_PORT for first, last in found):
        raise AwsError("InvalidPortRangeException", "A range goes from its first port to its last")
    return found


def _overlap(some: Iterable[tuple[int, int]], others: Sequence[tuple[int, int]]) -> bool:
    return any(a <= d and c <= b for a, b in some for c, d in others)


def _page(field: str, rows: Iterable[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    listed = list(rows)
    start, most = int(values.get("NextToken") or 0), int(values.get("MaxResults") or 10)
    following = str(start + most) if start + most < len(listed) else None
    return {field: listed[start : start + most], "NextToken": following}
