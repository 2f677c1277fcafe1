"""Batches that Route 53 refuses, each with where its sentence is published."""

from tests.localcloud.aws.records import alias, failover, geo, latency, simple, weighted

W = "w.example.com."
A = "x.example.com."

# What is there before, the batch, the code, and the sentence of the service.
REFUSALS = [
    (  # external-dns #732
        [],
        [("DELETE", simple(A, "192.0.2.1"))],
        (
            "[Tried to delete resource record set [name='x.example.com.', type='A'] but it was not "
            "found]"
        ),
    ),
    (
        [simple(A, "192.0.2.1")],
        [("DELETE", simple(A, "192.0.2.2"))],
        (
            "[Tried to delete resource record set [name='x.example.com.', type='A'] but the values "
            "provided do not match the current values]"
        ),
    ),
    (  # cli53 #70
        [weighted(W, "a", 1)],
        [("DELETE", weighted(W, "a", 2))],
        (
            "[Tried to delete resource record set [name='w.example.com.', type='A', "
            "set-identifier='a'] but the values provided do not match the current values]"
        ),
    ),
    (  # Route 53 API reference: the same record set cannot be deleted twice in a batch
        [simple(A, "192.0.2.1")],
        [("DELETE", simple(A, "192.0.2.1"))] * 2,
        (
            "[Tried to delete resource record set [name='x.example.com.', type='A'] but it was not "
            "found]"
        ),
    ),
    (  # govuk-infrastructure pull request 140
        [simple(A, "192.0.2.1")],
        [("CREATE", simple(A, "192.0.2.2"))],
        (
            "[Tried to create resource record set [name='x.example.com.', type='A'] but it already "
            "exists]"
        ),
    ),
    (  # external-dns #1411, #3141
        [simple(W, "192.0.2.1")],
        [("CREATE", weighted(W, "a", 1))],
        (
            "[RRSet with DNS name w.example.com., type A, SetIdentifier a cannot be created as a "
            "non-weighted set exists with the same name and type.]"
        ),
    ),
    (  # external-dns #4345
        [latency(W, "us-east-1")],
        [("UPSERT", weighted(W, "a", 1))],
        (
            "[RRSet with DNS name w.example.com., type A, SetIdentifier a cannot be created as a "
            "non-weighted set exists with the same name and type.]"
        ),
    ),
    (  # external-dns #4058
        [weighted(W, "a", 1)],
        [("CREATE", simple(W, "192.0.2.1"))],
        (
            "[RRSet with DNS name w.example.com., type A cannot be created as other RRSets exist "
            "with the same name and type.]"
        ),
    ),
    (  # terraform-provider-aws #1961
        [weighted(W, "a", 1)],
        [("CREATE", weighted(W, "b", 1, ttl=300))],
        (
            "[RRSet with DNS name w.example.com., type A, SetIdentifier b cannot be created as "
            "weighted sets must contain the same TTL.]"
        ),
    ),
    (  # terraform-provider-aws #1668
        [latency(W, "eu-west-1", id="a")],
        [("CREATE", latency(W, "eu-west-1", id="b"))],
        (
            "[RRSet with DNS name w.example.com., type A, SetIdentifier b, and Region "
            "Name=eu-west-1 cannot be created because a latency RRSet with the same name, type "
            "and region already exists.]"
        ),
    ),
    (  # external-dns #1517
        [simple(A, "y.example.com", kind="CNAME")],
        [("CREATE", simple(A, "192.0.2.1"))],
        (
            "[RRSet of type A with DNS name x.example.com. is not permitted because a conflicting "
            "RRSet of type CNAME with the same DNS name already exists in zone example.com.]"
        ),
    ),
    (
        [simple(A, "192.0.2.1")],
        [("CREATE", simple(A, "y.example.com", kind="CNAME"))],
        (
            "[RRSet of type CNAME with DNS name x.example.com. is not permitted as it conflicts "
            "with other records with the same DNS name in zone example.com.]"
        ),
    ),
    (
        [],
        [("CREATE", simple("example.com", "y.example.com", kind="CNAME"))],
        (
            "RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone "
            "example.com."
        ),
    ),
    (
        [],
        [("CREATE", simple("x.example.org", "192.0.2.1"))],
        "[RRSet with DNS name x.example.org. is not permitted in zone example.com.]",
    ),
    (  # external-dns #421
        [],
        [("CREATE", simple("a..example.com", "192.0.2.1"))],
        "FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with 'a..example.com'",
    ),
    (
        [],
        [("CREATE", simple("a" * 64 + ".example.com", "192.0.2.1"))],
        "FATAL problem: DomainLabelTooLong (Domain label is too long)",
    ),
    (
        [],
        [("CREATE", simple(A, "no quotes", kind="TXT"))],
        (
            "[Invalid Resource Record: FATAL problem: InvalidCharacterString (Value should be "
            "enclosed in quotation marks) encountered with 'no quotes']"
        ),
    ),
    ([], [("CREATE", simple(A, "::g", kind="AAAA"))], "AAAARRDATAIllegalIPv6Address"),
    (
        [],
        [("CREATE", simple(A, "192.0.2.1", "192.0.2.1"))],
        "[Duplicate Resource Record: '192.0.2.1']",
    ),
    (
        [],
        [("CREATE", failover(A, "PRIMARY"))],
        "A non-alias primary resource record set must have an associated health check.",
    ),
    (
        [failover(A, "SECONDARY")],
        [("CREATE", {**failover(A, "SECONDARY"), "SetIdentifier": "other"})],
        "a SECONDARY failover RRSet with the same name and type already exists",
    ),
    (
        [geo(A, "a", CountryCode="*")],
        [("CREATE", geo(A, "b", CountryCode="*"))],
        "a geolocation RRSet with the same name, type and location already exists",
    ),
    ([], [("CREATE", geo(A, "a", CountryCode="CA", SubdivisionCode="QC"))], "CountryCode US"),
    ([], [("CREATE", geo(A, "a", CountryCode="CA", ContinentCode="NA"))], "exactly one"),
    ([], [("CREATE", simple(A, "192.0.2.1", HealthCheckId="none"))], "no health check none"),
]


POLICY = (
    "Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer, "
    "GeoProximityLocation, or CidrRoutingConfig], but found "
)
DATA = (
    "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
    "TrafficPolicyInstanceId], but found "
)
MISSHAPEN = [
    (simple(A, "192.0.2.1", SetIdentifier="a"), POLICY + "none in Change with"),
    (weighted(A, "a", 1, Region="us-east-1"), POLICY + "more than one in Change with"),
    (simple(A, "192.0.2.1", Weight=1), "Missing field 'SetIdentifier' in Change with"),
    ({"Name": A, "Type": "A", "TTL": 60}, DATA + "none in Change with"),
    (
        {**alias(A, W, "Z1"), "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]},
        DATA + "more than one in Change with",
    ),
    (
        weighted(A, "a", 999),
        (
            "1 validation error detected: Value '999' at "
            "'changeBatch.changes.1.member.resourceRecordSet.weight' failed to satisfy constraint: "
            "Member must have value less than or equal to 255"
        ),
    ),
    (weighted(A, "a" * 129, 1), "Member must have length less than or equal to 128"),
    (simple(A, "x", kind="NOPE"), "Member must satisfy enum value set: [SOA, A, TXT"),
]
