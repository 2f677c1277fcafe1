"""Options of the backend services, as a FederationPolicy gives them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """
    What a policy says nothing of is None, and left as it stands in the cloud.

    protocol: HTTP, HTTPS or HTTP2, spoken to pods; None asks their Services.
    affinity: NONE, CLIENT_IP or GENERATED_COOKIE.   cookie_seconds: 0 ends with the session.
    cdn, iap: whether they are on.   request_headers: each `Name:value`, added to every request.
    log_share: of requests, 0 to 1; 0 logs none.
    security_policy: the name of a security policy of Cloud Armor that others keep; empty for none
        of ours.
    """

    protocol: str | None = None
    affinity: str | None = None
    cookie_seconds: int | None = None
    cdn: bool | None = None
    iap: bool | None = None
    request_headers: tuple[str, ...] | None = None
    log_share: float | None = None
    security_policy: str = ""
