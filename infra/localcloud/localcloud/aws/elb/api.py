"""
ELBv2's describing operations, for one region at a time.

Not served: making and changing anything, which is the controllers' business here.

Source: ELBv2 API reference.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from localcloud.aws.elb.balancers import (
    Balancers,
    Listener,
    LoadBalancer,
    TargetGroup,
    tag_list,
)
from localcloud.aws.elb.hosted_zones import zone_of
from localcloud.aws.wire.errors import AwsError

Values = Mapping[str, Any]

MOST_NAMED = 20
_PAGE = 400
_SSL_POLICY = "ELBSecurityPolicy-2016-08"


class Elb:
    """The service; answers by operation, region and values."""

    def __init__(self, balancers: Balancers) -> None:
        self.balancers = balancers
        self._operations: Mapping[str, Callable[[str, Values], dict[str, Any]]] = {
            "DescribeLoadBalancers": self._load_balancers,
            "DescribeTargetGroups": self._target_groups,
            "DescribeTargetHealth": self._target_health,
            "DescribeListeners": self._listeners,
            "DescribeListenerCertificates": self._listener_certificates,
            "DescribeTags": self._tags,
        }

    def answer(self, operation: str, region: str, values: Values) -> dict[str, Any]:
        """
        Carry out one operation in a region.

        Raises:
            AwsError: Refused, or the local cloud does not serve it.
        """
        handler = self._operations.get(operation)
        if handler is None:
            raise AwsError("NotImplemented", f"The local cloud serves no {operation}", 501)
        return handler(region, values)

    def _load_balancers(self, region: str, values: Values) -> dict[str, Any]:
        found = self._of(region)
        arns, names = values.get("LoadBalancerArns", []), values.get("Names", [])
        if arns and names:
            message = (
                "Load balancer names and load balancer ARNs cannot be specified at the same time"
            )
            raise AwsError("ValidationError", message)
        _require_few(arns, names)
        if arns or names:
            known = {each.arn if arns else each.name: each for each in found}
            missing = [name for name in arns or names if name not in known]
            if missing:
                message = f"One or more load balancers not found: [{', '.join(missing)}]"
                raise AwsError("LoadBalancerNotFound", message)
            found = [known[name] for name in arns or names]
        page, marker = _page(found, values)
        return {"LoadBalancers": [_load_balancer(each) for each in page], "NextMarker": marker}

    def _target_groups(self, region: str, values: Values) -> dict[str, Any]:
        found = sorted(self.balancers.groups(region), key=lambda pair: pair[1].name)
        arns, names = values.get("TargetGroupArns", []), values.get("Names", [])
        _require_few(arns, names)
        if values.get("LoadBalancerArn"):
            balancer = self._balancer(region, values["LoadBalancerArn"])
            found = [pair for pair in found if pair[0] is balancer]
        if arns or names:
            found = [pair for pair in found if pair[1].arn in arns or pair[1].name in names]
            if len(found) < len(arns or names):
                raise AwsError("TargetGroupNotFound", "One or more target groups not found")
        page, marker = _page(found, values)
        return {"TargetGroups": [_target_group(*pair) for pair in page], "NextMarker": marker}

    def _target_health(self, region: str, values: Values) -> dict[str, Any]:
        arn = values["TargetGroupArn"]
        pair = next((p for p in self.balancers.groups(region) if p[1].arn == arn), None)
        if pair is None:
            raise AwsError("TargetGroupNotFound", "One or more target groups not found")
        balancer, group = pair
        states = self.balancers.states(balancer, group)
        addresses = {instance: address for address, instance in group.instances.items()}
        asked = [
            (addresses.get(each["Id"], each["Id"]), int(each.get("Port", group.port)))
            for each in values.get("Targets") or ()
        ]
        return {
            "TargetHealthDescriptions": [
                {
                    "Target": _target(group, place),
                    "HealthCheckPort": str(place[1]),
                    "TargetHealth": _state(group, place, states),
                }
                for place in asked or sorted(group.targets)
            ]
        }

    def _listeners(self, region: str, values: Values) -> dict[str, Any]:
        if "LoadBalancerArn" not in values:
            raise AwsError("ValidationError", "LoadBalancerArn must be specified")
        balancer = self._balancer(region, values["LoadBalancerArn"])
        return {"Listeners": [_listener(balancer, each) for each in balancer.listeners]}

    def _listener_certificates(self, region: str, values: Values) -> dict[str, Any]:
        arn = values["ListenerArn"]
        for balancer in self._of(region):
            for listener in balancer.listeners:
                if _listener_arn(balancer, listener) == arn:
                    default = listener.certificates[:1]
                    return {
                        "Certificates": [
                            {"CertificateArn": each, "IsDefault": each in default}
                            for each in listener.certificates
                        ]
                    }
        raise AwsError("ListenerNotFound", f"Listener '{arn}' not found")

    def _tags(self, region: str, values: Values) -> dict[str, Any]:
        _require_few(values["ResourceArns"])
        known = {each.arn: each.tags for each in self._of(region)}
        known |= {group.arn: group.tags for _, group in self.balancers.groups(region)}
        for arn in values["ResourceArns"]:
            if arn not in known:
                kind = "TargetGroup" if ":targetgroup/" in arn else "LoadBalancer"
                raise AwsError(f"{kind}NotFound", f"'{arn}' not found")
        return {
            "TagDescriptions": [
                {"ResourceArn": arn, "Tags": tag_list(known[arn])} for arn in values["ResourceArns"]
            ]
        }

    def _of(self, region: str) -> list[LoadBalancer]:
        found = (each for each in self.balancers.all.values() if each.region == region)
        return sorted(found, key=lambda each: each.name)

    def _balancer(self, region: str, arn: str) -> LoadBalancer:
        found = self.balancers.all.get(arn)
        if found is None or found.region != region:
            raise AwsError("LoadBalancerNotFound", f"Load balancer '{arn}' not found")
        return found


def _load_balancer(balancer: LoadBalancer) -> dict[str, Any]:
    return {
        "LoadBalancerArn": balancer.arn,
        "DNSName": balancer.dns_name,
        "CanonicalHostedZoneId": zone_of(balancer.region, balancer.kind),
        "CreatedTime": balancer.created,
        "LoadBalancerName": balancer.name,
        "Scheme": balancer.scheme,
        "State": {"Code": "active"},
        "Type": balancer.kind,
        "AvailabilityZones": [{"ZoneName": zone} for zone in balancer.zones],
        "IpAddressType": "dualstack" if balancer.sixth else "ipv4",
    }


def _listener(balancer: LoadBalancer, listener: Listener) -> dict[str, Any]:
    fixed = {"StatusCode": "404", "ContentType": "text/plain"}
    action: dict[str, Any] = {"Type": "fixed-response", "FixedResponseConfig": fixed}
    if listener.group:
        action = {"Type": "forward", "TargetGroupArn": balancer.groups[listener.group].arn}
    if listener.redirect:
        there = {"Protocol": "HTTPS", "Port": str(listener.redirect), "StatusCode": "HTTP_301"}
        same = {"Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}
        action = {"Type": "redirect", "RedirectConfig": {**there, **same}}
    found: dict[str, Any] = {
        "ListenerArn": _listener_arn(balancer, listener),
        "LoadBalancerArn": balancer.arn,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": [action],
    }
    if listener.protocol == "HTTPS":
        found["SslPolicy"] = _SSL_POLICY
        found["Certificates"] = [{"CertificateArn": each} for each in listener.certificates[:1]]
    return found


def _listener_arn(balancer: LoadBalancer, listener: Listener) -> str:
    return f"{balancer.arn.replace(':loadbalancer/', ':listener/')}/{listener.port:016x}"


def _target_group(balancer: LoadBalancer, group: TargetGroup) -> dict[str, Any]:
    check = group.check
    by_path = {"HealthCheckPath": check.path, "Matcher": {"HttpCode": check.codes}}
    return {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": group.protocol,
        **({"ProtocolVersion": "HTTP1"} if group.protocol == "HTTP" else {}),
        "Port": group.port,
        "HealthCheckProtocol": check.protocol,
        "HealthCheckPort": check.port,
        "HealthCheckEnabled": True,
        "HealthCheckIntervalSeconds": check.interval_seconds,
        "HealthCheckTimeoutSeconds": check.timeout_seconds,
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        **(by_path if check.protocol == "HTTP" else {}),
        "LoadBalancerArns": [balancer.arn],
        "TargetType": "instance" if group.instances else "ip",
        "IpAddressType": "ipv4",
    }


def _target(group: TargetGroup, place: tuple[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {"Id": group.instances.get(place[0], place[0]), "Port": place[1]}
    zone = None if group.instances else group.targets.get(place)
    return found if zone is None else {**found, "AvailabilityZone": zone}


def _state(
    group: TargetGroup, place: tuple[str, int], states: Mapping[tuple[str, int], bool]
) -> dict[str, str]:
    if place not in group.targets:
        text = "Target is not registered to the target group"
        return {"State": "unused", "Reason": "Target.NotRegistered", "Description": text}
    if place not in states:
        text = "Target registration is in progress"
        return {"State": "initial", "Reason": "Elb.RegistrationInProgress", "Description": text}
    if states[place]:
        return {"State": "healthy"}
    return {
        "State": "unhealthy",
        "Reason": "Target.FailedHealthChecks",
        "Description": "Health checks failed",
    }


def _require_few(*lists: Sequence[str]) -> None:
    if any(len(each) > MOST_NAMED for each in lists):
        raise AwsError("ValidationError", f"At most {MOST_NAMED} can be described at a time")


def _page(found: Iterable[Any], values: Values) -> tuple[list[Any], str | None]:
    rows = list(found)
    start = int(values.get("Marker") or 0)
    end = start + int(values.get("PageSize") or _PAGE)
    return rows[start:end], str(end) if end < len(rows) else None
