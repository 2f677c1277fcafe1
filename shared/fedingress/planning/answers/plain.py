"""
Members' load balancers as plain record sets, where the zone has no aliases: Cloud DNS.

```
members   address   record set            why
one       IP        A or AAAA             there is nobody else to lead to
one       name      CNAME, not the apex   likewise
several   any       refused               a failover that works while our functions are dead needs
                                          choices that the provider checks by itself
```

Cloud DNS checks IP addresses only, and only by a health check of its own that nothing here makes.

Source: Cloud DNS documentation, "DNS routing policies and health checks".
"""

from collections.abc import Sequence

from fedingress.domain.record import RecordSet
from fedingress.planning.answers.pools import Entry

PROVIDER = "cloud-dns"


def answers(
    host: str, entries: Sequence[Entry], ttl_seconds: int
) -> tuple[tuple[RecordSet, ...], str]:
    """The answers of *host*, and why there are none."""
    if len(entries) > 1:
        text = (
            f"{len(entries)} members answer themselves, and Cloud DNS would go on leading clients "
            "to one that fails; use a hosted zone of Route 53, or place the Ingress in one member"
        )
        return (), text
    (entry,) = entries
    kind = "CNAME" if entry.hosted_zone else entry.types[0]
    answer = RecordSet(name=host, type=kind, ttl_seconds=ttl_seconds, values=(entry.address,))
    return (answer,), ""
