"""
The hosted zones of Elastic Load Balancing's own names, for aliases.

Source: AWS General Reference, "Elastic Load Balancing endpoints and quotas", column "Route 53
hosted zone ID" of Application Load Balancers.
"""

APPLICATION = {
    "af-south-1": "Z268VQBMOI5EKX",
    "ap-east-1": "Z3DQVH9N71FHZ0",
    "ap-northeast-1": "Z14GRHDCWA56QT",
    "ap-northeast-2": "ZWKZPGTI48KDX",
    "ap-northeast-3": "Z5LXEXXYW11ES",
    "ap-south-1": "ZP97RAFLXTNZK",
    "ap-southeast-1": "Z1LMS91P8CMLE5",
    "ap-southeast-2": "Z1GM3OXH4ZPM65",
    "ca-central-1": "ZQSVJUPU6J1EY",
    "eu-central-1": "Z215JYRZR1TBD5",
    "eu-north-1": "Z23TAZ6LKFMNIO",
    "eu-south-1": "Z3ULH7SSC9OV64",
    "eu-west-1": "Z32O12XQLNTSW2",
    "eu-west-2": "ZHURV8PSTC4K8",
    "eu-west-3": "Z3Q77PNBQS71R4",
    "me-south-1": "ZS929ML54UICD",
    "sa-east-1": "Z2P70J7HTTTPLU",
    "us-east-1": "Z35SXDOTRQ7X7K",
    "us-east-2": "Z3AADJGX6KTTL2",
    "us-west-1": "Z368ELLRRE2KJ0",
    "us-west-2": "Z1H1FL5HABSF5",
}


def zone_of(region: str) -> str:
    """
    Give the hosted zone id of a region's Application Load Balancers.

    Raises:
        LookupError: Not in the table.
    """
    if region not in APPLICATION:
        raise LookupError(f"no hosted zone of load balancers is known for {region}")
    return APPLICATION[region]


def suffix_of(region: str) -> str:
    """Give what the names of a region's Application Load Balancers end in, with a final dot."""
    return f"{region}.elb.amazonaws.com."
