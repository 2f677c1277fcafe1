"""Short words for record sets."""


def simple(name, *values, kind="A", ttl=60, **more):
    return {
        "Name": name,
        "Type": kind,
        "TTL": ttl,
        "ResourceRecords": [{"Value": value} for value in values],
        **more,
    }


def weighted(name, identifier, weight, value="192.0.2.1", **more):
    return simple(name, value, SetIdentifier=identifier, Weight=weight, **more)


def latency(name, region, value="192.0.2.1", **more):
    return simple(name, value, SetIdentifier=more.pop("id", region), Region=region, **more)


def geo(name, identifier, value="192.0.2.1", **place):
    more = {"HealthCheckId": place.pop("check")} if "check" in place else {}
    return simple(name, value, SetIdentifier=identifier, GeoLocation=place, **more)


def failover(name, role, value="192.0.2.1", **more):
    return simple(name, value, SetIdentifier=role.lower(), Failover=role, **more)


def alias(name, target, zone_id, kind="A", evaluate=True, **more):
    return {
        "Name": name,
        "Type": kind,
        "AliasTarget": {
            "HostedZoneId": zone_id.rpartition("/")[2],
            "DNSName": target,
            "EvaluateTargetHealth": evaluate,
        },
        **more,
    }
