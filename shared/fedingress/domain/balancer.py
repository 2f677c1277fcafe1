"""Load balancers of a region, which a member's own controller made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """
    One regional load balancer.

    name: its DNS name, lower case, without the final dot.
    arn: empty for one that is known by its name only.
    hosted_zone: of its DNS name, for aliases.   dual_stack: whether it answers over IPv6 too.
    state: `active`, `provisioning`, `active_impaired` or `failed`; empty when not known.
    healthy: whether every target group in use has a healthy target; None when not known.
    """

    name: str
    region: str
    arn: str = ""
    hosted_zone: str = ""
    dual_stack: bool = False
    state: str = ""
    healthy: bool | None = None
