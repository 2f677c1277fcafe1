"""
Route 53's operations, by name: from a decoded request to the members of an answer.

Not served: traffic policies, DNSSEC, CIDR collections, query logging, delegation sets,
geoproximity and IP-based routing, and what is not in `Route53.operations`.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.aws.route53.health import Observation
from localcloud.aws.route53.health_checks import HealthChecks
from localcloud.aws.route53.hosted_zones import HostedZones
from localcloud.aws.route53.throttle import Throttle
from localcloud.aws.wire.errors import AwsError

Values = Mapping[str, Any]
Observations = Callable[[str], Mapping[str, Observation]]

_MOST_TAGGED = 10


class Route53:
    """
    The service.

    Attributes:
        zones: Hosted zones.
        checks: Health checks.
        observe: Gives what the checkers see of a health check, by region.
        failures: Gives the last bad thing each of them saw.
        balancer: Gives what is wrong with an alias to a load balancer: by zone id, name and type.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        sync_seconds: float,
        processing_seconds: float,
        requests_per_second: float | None,
    ) -> None:
        """
        Make an account without zones.

        Args:
            clock: Seconds since 1970.
            sync_seconds: How long a change is PENDING.
            processing_seconds: How long a change keeps its zone busy.
            requests_per_second: The account's allowance; None is no limit.
        """
        self.zones = HostedZones(clock, sync_seconds)
        self.checks = HealthChecks()
        self.observe: Observations = lambda _id: {}
        self.failures: Observations = lambda _id: {}
        self.balancer: Callable[[str, str, str], str] = _no_balancers
        self._tags: dict[tuple[str, str], dict[str, str]] = {}
        self._throttle = Throttle(requests_per_second, clock)
        self._processing_seconds = processing_seconds
        self._simple: Mapping[str, Callable[[Values], dict[str, Any]]] = {
            "CreateHostedZone": self._create_zone,
            "GetHostedZone": lambda v: self.zones.described(self.zones.zone(v["Id"])),
            "DeleteHostedZone": lambda v: self.zones.delete(v["Id"]),
            "ListHostedZones": self.zones.list,
            "ListHostedZonesByName": self.zones.list_by_name,
            "GetHostedZoneCount": lambda _v: {"HostedZoneCount": len(self.zones.zones)},
            "AssociateVPCWithHostedZone": lambda v: self.zones.associate(
                v["HostedZoneId"], v["VPC"]
            ),
            "ListResourceRecordSets": self.zones.list_record_sets,
            "GetChange": lambda v: self.zones.get_change(v["Id"]),
            "CreateHealthCheck": self.checks.create,
            "GetHealthCheck": lambda v: {"HealthCheck": self.checks.get(v["HealthCheckId"]).json()},
            "UpdateHealthCheck": self.checks.update,
            "DeleteHealthCheck": lambda v: self.checks.delete(v["HealthCheckId"]),
            "ListHealthChecks": self.checks.list,
            "GetHealthCheckCount": lambda _v: {"HealthCheckCount": len(self.checks.checks)},
            "GetHealthCheckStatus": lambda v: self._observations(v, self.observe),
            "GetHealthCheckLastFailureReason": lambda v: self._observations(v, self.failures),
            "ChangeTagsForResource": self._change_tags,
            "ListTagsForResource": self._list_tags,
            "ListTagsForResources": self._list_tags_of_many,
        }

    async def answer(self, operation: str, values: Values) -> dict[str, Any]:
        """
        Carry out one operation.

        Raises:
            AwsError: Refused, or the local cloud does not serve it.
        """
        self._throttle.take()
        if operation == "ChangeResourceRecordSets":
            return await self._change(values)
        handler = self._simple.get(operation)
        if handler is None:
            message = f"The local cloud serves no {operation}"
            raise AwsError("NotImplemented", message, 501)
        return handler(values)

    async def _change(self, values: Values) -> dict[str, Any]:
        zone = self.zones.zone(values["HostedZoneId"])
        if zone.busy:
            message = (
                "The request was rejected because Route 53 was still processing a prior request."
            )
            raise AwsError("PriorRequestNotComplete", message)
        zone.busy = True
        try:
            # Even a client that has gone away has asked; its change is carried out.
            return await asyncio.shield(asyncio.ensure_future(self._process(values)))
        finally:
            zone.busy = False

    async def _process(self, values: Values) -> dict[str, Any]:
        if self._processing_seconds:
            await asyncio.sleep(self._processing_seconds)
        zone = self.zones.zone(values["HostedZoneId"])
        return self.zones.change(
            zone, values["ChangeBatch"], self.balancer, self.checks.checks.__contains__
        )

    def _create_zone(self, values: Values) -> dict[str, Any]:
        made = self.zones.create(values)
        bare = made["HostedZone"]["Id"].strip("/")
        return {**made, "Location": f"https://route53.amazonaws.com/2013-04-01/{bare}"}

    def _observations(self, values: Values, source: Observations) -> dict[str, Any]:
        check = self.checks.get(values["HealthCheckId"])
        if check.config["Type"] in ("CALCULATED", "CLOUDWATCH_METRIC"):
            message = "The status of calculated and CloudWatch health checks is not observed"
            raise AwsError("InvalidInput", message)
        return {
            "HealthCheckObservations": [
                {
                    "Region": region,
                    "IPAddress": address,
                    "StatusReport": {"Status": sentence, "CheckedTime": at},
                }
                for region, (address, sentence, at) in source(check.id).items()
            ]
        }

    def _change_tags(self, values: Values) -> dict[str, Any]:
        tags = dict(self._tags_of(values["ResourceType"], values["ResourceId"]))
        for key in values.get("RemoveTagKeys", ()):
            tags.pop(key, None)
        tags.update({each["Key"]: each.get("Value", "") for each in values.get("AddTags", ())})
        self._tags[values["ResourceType"], values["ResourceId"]] = tags
        return {}

    def _list_tags(self, values: Values) -> dict[str, Any]:
        return {"ResourceTagSet": self._tag_set(values["ResourceType"], values["ResourceId"])}

    def _list_tags_of_many(self, values: Values) -> dict[str, Any]:
        kind, ids = values["ResourceType"], values["ResourceIds"]
        if len(ids) > _MOST_TAGGED:
            raise AwsError("InvalidInput", f"ResourceIds: at most {_MOST_TAGGED}")
        return {"ResourceTagSets": [self._tag_set(kind, each) for each in ids]}

    def _tag_set(self, kind: str, name: str) -> dict[str, Any]:
        tags = [{"Key": key, "Value": value} for key, value in self._tags_of(kind, name).items()]
        return {"ResourceType": kind, "ResourceId": name, "Tags": tags}

    def _tags_of(self, kind: str, name: str) -> Mapping[str, str]:
        if kind == "healthcheck":
            self.checks.get(name)
        else:
            self.zones.zone(name)
        return self._tags.get((kind, name), {})


def _no_balancers(_zone_id: str, _name: str, _kind: str) -> str:
    return "the alias target name does not lie within the target zone"
