"""
Health checks as the API keeps them: made once, updated by version, deleted for good.

What `checkers` find is combined in `health`.

Not modelled: checks on alarms have no alarm to follow, so their data is always insufficient;
routing controls (Application Recovery Controller).

Source: Route 53 API reference (CreateHealthCheck, UpdateHealthCheck); Developer Guide, "Quotas".
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.aws.wire.errors import AwsError

REGIONS = (
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
)
PROBING = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
MOST_CHECKS = 200
MOST_CHILDREN = 255
PAGE = 100

_FEWEST_REGIONS = 3
_INTERVALS = (10, 30)
_PORTS = {"HTTP": 80, "HTTP_STR_MATCH": 80, "HTTPS": 443, "HTTPS_STR_MATCH": 443}
_RESETTABLE = ("FullyQualifiedDomainName", "Regions", "ResourcePath", "ChildHealthChecks")


@dataclass(slots=True, kw_only=True)
class HealthCheck:
    """
    One health check.

    Attributes:
        id: A UUID.
        reference: The caller's.
        asked: The configuration as it was first given; what makes a second creation the same one.
        config: The configuration with its defaults.
        version: Rises with every update.
    """

    id: str
    reference: str
    asked: Mapping[str, Any]
    config: dict[str, Any]
    version: int = 1

    def json(self) -> dict[str, Any]:
        """Give ``HealthCheck``."""
        return {
            "Id": self.id,
            "CallerReference": self.reference,
            "HealthCheckConfig": self.config,
            "HealthCheckVersion": self.version,
        }


class HealthChecks:
    """
    The health checks of the account.

    Attributes:
        checks: By id.
        changed: Called after each change.
    """

    def __init__(self) -> None:
        self.checks: dict[str, HealthCheck] = {}
        self.changed: Callable[[], None] = lambda: None
        self._references: dict[str, HealthCheck] = {}  # those of deleted checks too

    def create(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """
        Make a health check, or give the one that the same request made before.

        Raises:
            AwsError: HealthCheckAlreadyExists, TooManyHealthChecks, InvalidInput.
        """
        reference, asked = given["CallerReference"], given["HealthCheckConfig"]
        known = self._references.get(reference)
        if known is not None:
            if known.id in self.checks and known.asked == asked:
                return self._made(known)
            message = f"A health check with the caller reference {reference} already exists"
            raise AwsError("HealthCheckAlreadyExists", message, 409)
        if len(self.checks) >= MOST_CHECKS:
            raise AwsError("TooManyHealthChecks", "Limits Exceeded: MAX_HEALTH_CHECKS")
        config = _with_defaults(asked)
        self._require_sound(config)
        check = HealthCheck(
            id=str(uuid.uuid4()), reference=reference, asked=dict(asked), config=config
        )
        self.checks[check.id] = self._references[reference] = check
        self.changed()
        return self._made(check)

    def get(self, check_id: str) -> HealthCheck:
        """
        Give a health check.

        Raises:
            AwsError: NoSuchHealthCheck.
        """
        found = self.checks.get(check_id)
        if found is None:
            message = f"A health check with id {check_id} does not exist."
            raise AwsError("NoSuchHealthCheck", message, 404)
        return found

    def update(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """
        Change the fields that are given; type, interval and latency measuring stay for ever.

        Raises:
            AwsError: NoSuchHealthCheck, HealthCheckVersionMismatch, InvalidInput.
        """
        check = self.get(given["HealthCheckId"])
        expected = given.get("HealthCheckVersion")
        if expected is not None and expected != check.version:
            message = (
                f"The value of HealthCheckVersion in the request ({expected}) doesn't match the "
                f"value of HealthCheckVersion in the health check ({check.version})."
            )
            raise AwsError("HealthCheckVersionMismatch", message, 409)
        config = {k: v for k, v in check.config.items() if k not in _reset(given)}
        kept = ("HealthCheckId", "HealthCheckVersion", "ResetElements")
        config.update({k: v for k, v in given.items() if k not in kept})
        config = _with_defaults(config)
        self._require_sound(config, check.id)
        check.config = config
        check.version += 1
        self.changed()
        return {"HealthCheck": check.json()}

    def delete(self, check_id: str) -> dict[str, Any]:
        """
        Delete a health check; record sets that name it are not looked for.

        Raises:
            AwsError: NoSuchHealthCheck.
        """
        del self.checks[self.get(check_id).id]
        self.changed()
        return {}

    def list(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Give a page of health checks by their ids."""
        marker, asked = given.get("Marker", ""), str(given.get("MaxItems", PAGE))
        if not asked.isdecimal() or int(asked) < 1:
            raise AwsError("InvalidInput", f"Invalid request: MaxItems '{asked}'")
        wanted = min(int(asked), PAGE)
        rest = [self.checks[key] for key in sorted(self.checks) if key >= marker]
        found: dict[str, Any] = {
            "HealthChecks": [check.json() for check in rest[:wanted]],
            "Marker": marker,
            "IsTruncated": len(rest) > wanted,
            "MaxItems": str(wanted),
        }
        if len(rest) > wanted:
            found["NextMarker"] = rest[wanted].id
        return found

    def _require_sound(self, config: Mapping[str, Any], own: str = "") -> None:
        faults = list(_faults(config))
        for child in config.get("ChildHealthChecks", ()):
            if child == own or self.checks.get(child) is None:
                faults.append(f"ChildHealthChecks: no health check {child}")
            elif self.checks[child].config["Type"] == "CALCULATED":
                faults.append(f"ChildHealthChecks: {child} is itself a calculated health check")
        if faults:
            raise AwsError("InvalidInput", "Invalid request: " + "; ".join(faults))

    @staticmethod
    def _made(check: HealthCheck) -> dict[str, Any]:
        location = f"https://route53.amazonaws.com/2013-04-01/healthcheck/{check.id}"
        return {"HealthCheck": check.json(), "Location": location}


def _with_defaults(asked: Mapping[str, Any]) -> dict[str, Any]:
    kind = asked["Type"]
    found = {"Inverted": False, "Disabled": False, **asked}
    if kind in PROBING:
        found = {"RequestInterval": 30, "FailureThreshold": 3, "MeasureLatency": False, **found}
        if kind in _PORTS:
            found.setdefault("Port", _PORTS[kind])
        if kind.startswith("HTTPS"):
            found.setdefault("EnableSNI", True)
    return found


def _faults(config: Mapping[str, Any]) -> Iterator[str]:
    kind = config["Type"]
    if kind in PROBING:
        yield from _probe_faults(config)
    elif kind == "CALCULATED":
        if "HealthThreshold" not in config:
            yield "HealthThreshold is required for a calculated health check"
        if len(config.get("ChildHealthChecks", ())) > MOST_CHILDREN:
            yield f"ChildHealthChecks: at most {MOST_CHILDREN}"
    elif kind == "CLOUDWATCH_METRIC":
        if "AlarmIdentifier" not in config:
            yield "AlarmIdentifier is required for a health check of type CLOUDWATCH_METRIC"
    else:
        yield f"no health checks of type {kind} in the local cloud"


def _probe_faults(config: Mapping[str, Any]) -> Iterator[str]:
    kind = config["Type"]
    if "IPAddress" not in config and "FullyQualifiedDomainName" not in config:
        yield "one of IPAddress and FullyQualifiedDomainName is required"
    if kind == "TCP" and "Port" not in config:
        yield "Port is required for a health check of type TCP"
    if kind == "TCP" and "ResourcePath" in config:
        yield "ResourcePath is not permitted for a health check of type TCP"
    if kind.endswith("STR_MATCH") != ("SearchString" in config):
        yield "SearchString is required for, and permitted only for, types with STR_MATCH"
    if config["RequestInterval"] not in _INTERVALS:
        yield "RequestInterval is 10 or 30 seconds"
    regions = config.get("Regions")
    if regions is not None and len(set(regions)) < _FEWEST_REGIONS:
        yield f"Regions: at least {_FEWEST_REGIONS}"


def _reset(given: Mapping[str, Any]) -> tuple[str, ...]:
    asked = given.get("ResetElements") or ()
    return tuple(field for field in asked if field in _RESETTABLE)
