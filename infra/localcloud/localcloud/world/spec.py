"""What a world is made of, as a user or a test asks for it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.homes import HOMES
from localcloud.workloads.addresses import FIRST_POD

PROVIDERS = ("gcp", "aws", "onprem")

_ACCOUNT = re.compile(r"(?!0{12})[0-9]{12}")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSpec:
    """
    One member cluster.

    Attributes:
        name: Of the cluster, its profile and its kubectl context.
        provider: One of `PROVIDERS`.
        region: In the provider's own words.
        zones: Where its nodes are; at least one. A zone has one node, of provider ``gcp`` two.
        network: The VPC of a member of provider ``gcp``, in the world's project.
    """

    name: str
    provider: str
    region: str
    zones: tuple[str, ...]
    network: str = "default"

    @property
    def nodes(self) -> tuple[tuple[str, str], ...]:
        """Name and zone of each node."""
        if self.provider != "gcp":
            return tuple((f"{self.name}-{zone}", zone) for zone in self.zones)
        return tuple((f"{self.name}-{zone}-{n}", zone) for zone in self.zones for n in (1, 2))

    @property
    def node_tags(self) -> tuple[str, ...]:
        """Network tags of its nodes, as GKE gives them; none elsewhere."""
        return (f"gke-{self.name}-node",) if self.provider == "gcp" else ()

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.network) is None:
            raise ValueError(f"{self.network!r} is no name for a network")
        if self.network != "default" and self.provider != "gcp":
            raise ValueError(f"{self.name}: only members of provider gcp have a network")
        if _NAME.fullmatch(self.name) is None or self.name == "config":
            raise ValueError(f"{self.name!r} is no name for a member cluster")
        if self.provider not in PROVIDERS:
            raise ValueError(f"{self.name}: provider is one of {', '.join(PROVIDERS)}")
        if not self.region or not self.zones or not all(self.zones):
            raise ValueError(f"{self.name}: a region and at least one zone")
        if len(self.nodes) >= FIRST_POD:
            raise ValueError(f"{self.name}: at most {FIRST_POD - 1} nodes, not {len(self.nodes)}")


DEFAULT_MEMBERS = (
    MemberSpec(
        name="gke-us",
        provider="gcp",
        region="us-central1",
        zones=("us-central1-a", "us-central1-b"),
    ),
    MemberSpec(
        name="gke-eu",
        provider="gcp",
        region="europe-west1",
        zones=("europe-west1-b", "europe-west1-c"),
    ),
    MemberSpec(
        name="eks-us", provider="aws", region="us-east-1", zones=("us-east-1a", "us-east-1b")
    ),
    MemberSpec(
        name="eks-ap",
        provider="aws",
        region="ap-southeast-1",
        zones=("ap-southeast-1a", "ap-southeast-1b"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSpec:
    """
    A world.

    Attributes:
        members: Its member clusters, names distinct.
        config_is_member: The config cluster is a member too, under the first member's name; it
            then is that cluster, and there is no other config cluster.
        project: GCP project of everything.
        dns_zone: Name of the managed zone.
        dns_name: Its domain, with a final dot.
        hosted_zone: Domain of the hosted zone of Route 53, with a final dot.
        accounts: Other accounts of Amazon's (12 digits), each with the domain of its hosted zone.
        operation_seconds: How long an operation of the cloud takes.
        manifests: Folder with ``crds`` and ``admission``; None takes the repository's own.
        state: Folder for kubeconfigs, the store and logs; None makes a temporary one that goes
            with the world.
        functions: Command that serves the functions in the embedded home; empty starts none, in
            any home.
        home: Where the functions run, one of `localcloud.homes.HOMES`.
        tick_seconds: Of the scheduler of a cloud's home; the embedded one ticks by itself.
    """

    members: tuple[MemberSpec, ...] = DEFAULT_MEMBERS
    config_is_member: bool = False
    project: str = "lab"
    dns_zone: str = "example-com"
    dns_name: str = "example.com."
    hosted_zone: str = "aws.example.com."
    accounts: tuple[tuple[str, str], ...] = ()
    operation_seconds: float = 0.2
    manifests: Path | None = None
    state: Path | None = None
    functions: tuple[str, ...] = field(default=())
    home: str = "embedded"
    tick_seconds: float = 60.0

    def __post_init__(self) -> None:
        names = [member.name for member in self.members]
        if not names or len(set(names)) < len(names):
            raise ValueError("a world has at least one member, and each name once")
        if self.home not in HOMES:
            raise ValueError(f"a home is one of {', '.join(HOMES)}; not {self.home!r}")
        numbers = [number for number, _ in self.accounts]
        if len({*numbers}) < len(numbers) or not all(map(_ACCOUNT.fullmatch, numbers)):
            raise ValueError("other accounts have 12 digits, not all zeros, and each number once")
        if self.tick_seconds <= 0:
            raise ValueError("there is some time between two ticks")

    @property
    def regions(self) -> tuple[str, ...]:
        """Give every region once, in the order of the members; clients can be in each."""
        return tuple(dict.fromkeys(member.region for member in self.members))


def accounts_from(text: str) -> tuple[tuple[str, str], ...]:
    """
    Give the other accounts that a command line names.

    Args:
        text: ``ACCOUNT=DOMAIN``, separated by commas.

    Raises:
        ValueError: An entry is none.
    """
    found = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        account, equals, domain = word.partition("=")
        if not (equals and domain):
            raise ValueError(f"{word!r} is not ACCOUNT=DOMAIN")
        found.append((account, domain.removesuffix(".") + "."))
    return tuple(found)


def members_from(text: str) -> tuple[MemberSpec, ...]:
    """
    Give the members that a command line names.

    Args:
        text: Separated by commas: a default member's name, or
            ``NAME=PROVIDER/REGION/ZONE[+ZONE...][/NETWORK]``.

    Raises:
        ValueError: Unknown name, or a member that cannot be.
    """
    known = {member.name: member for member in DEFAULT_MEMBERS}
    found = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, equals, place = word.partition("=")
        if not equals and name not in known:
            raise ValueError(
                f"{name!r} is none of {', '.join(known)}; a new member is "
                "NAME=PROVIDER/REGION/ZONE[+ZONE...][/NETWORK]"
            )
        if not equals:
            found.append(known[name])
            continue
        provider, _, rest = place.partition("/")
        region, _, rest = rest.partition("/")
        zones, _, network = rest.partition("/")
        member = MemberSpec(
            name=name,
            provider=provider,
            region=region,
            zones=tuple(filter(None, zones.split("+"))),
            network=network or "default",
        )
        found.append(member)
    return tuple(found)
