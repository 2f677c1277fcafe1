"""Record sets of a hosted zone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_UNSAID: Final = frozenset({"healthCheck", "kind", "signatureRrdatas"})
_NOTHING: Final[tuple[Any, ...]] = (None, False, 0, "", [], {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """
    Another name whose records answer instead (Route 53 only).

    name: without the final dot, lower case.   hosted_zone: id of the zone that holds it; empty is
    the zone of the record itself.   evaluate: whether the record is as healthy as what it leads to.
    """

    name: str
    hosted_zone: str = ""
    evaluate: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSet:
    """
    All records of one name and type or, with a set identifier, one choice among them.

    name: without the final dot, lower case; a wildcard begins with `*.`.
    type: A, AAAA, CNAME, TXT ...
    ttl_seconds: 0 with an alias.
    values: sorted; TXT values without quotes; empty with an alias.
    policy: the provider's routing policy as JSON text when there is one (then *values* is empty):
        all choices of Cloud DNS, as `policy_text` writes them, or what this form has no field for;
        the latter is never ours and is read without harm.
    set_identifier: distinguishes choices of one name and type; the fields below need it, and one of
        weight, region, location and failover is given with it.
    weight: 0 to 255.   region: of AWS, for the least latency.
    location: `continent:EU`, `country:US`, `country:*` (everywhere else) or `subdivision:US/CA`.
    failover: `PRIMARY` or `SECONDARY`.
    health_check: id of a health check; while that fails, the choice is not given. In Cloud DNS the
        one of all addresses in *policy*.
    """

    name: str
    type: str
    ttl_seconds: int
    values: tuple[str, ...] = ()
    policy: str = ""
    set_identifier: str = ""
    weight: int | None = None
    region: str = ""
    location: str = ""
    failover: str = ""
    alias: Alias | None = None
    health_check: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What is unique within a zone."""
        return (self.name, self.type, self.set_identifier)

    @property
    def label(self) -> str:
        """`TYPE NAME`, and which choice."""
        return f"{self.type} {self.name} {self.set_identifier}".rstrip()

    @property
    def leads_to(self) -> str:
        """The name whose records answer instead; empty where it answers itself."""
        if self.alias:
            return self.alias.name
        return self.values[0] if self.type == "CNAME" and self.values else ""

    def as_json(self) -> Any:
        """Fields that say something."""
        found: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "ttl_seconds": self.ttl_seconds,
            "values": list(self.values),
        }
        for field in ("set_identifier", "weight", "region", "location", "failover", "health_check"):
            if (value := getattr(self, field)) not in {"", None}:
                found[field] = value
        if self.policy:
            found["policy"] = self.policy
        if self.alias:
            found["alias"] = {
                "name": self.alias.name,
                "hosted_zone": self.alias.hosted_zone,
                "evaluate": self.alias.evaluate,
            }
        return found


def policy_text(policy: Mapping[str, Any]) -> str:
    """
    A routing policy of Cloud DNS as text that is equal when the policy is.

    Items and addresses are in order; defaults, kinds and signatures are left out, and so is the
    health check, which is `RecordSet.health_check`.
    """
    return json.dumps(_plain(policy), sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        said = {name: _plain(item) for name, item in value.items() if name not in _UNSAID}
        return {
            name: item for name, item in said.items() if item not in _NOTHING or name == "weight"
        }
    if isinstance(value, list | tuple):
        return sorted(map(_plain, value), key=lambda item: json.dumps(item, sort_keys=True))
    return int(value) if isinstance(value, float) and value.is_integer() else value
