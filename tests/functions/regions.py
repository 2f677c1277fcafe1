"""
A federation in memory whose members' own load balancers answer: EKS members, a zone of Route 53.

`play` lets each member's controller give its Ingresses a load balancer and an address, as the AWS
Load Balancer Controller does; `endpoints` sets how many pods of a Service are ready.
"""

from typing import Any

from fedingress.adapters.memory.record_sets import MemoryRecordSets
from fedingress.domain.balancer import Balancer
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.policy import ZoneRef
from fedingress.domain.report import BackendsReport, FanoutReport, ZoneIntent
from fedingress.domain.target import Target
from fedingress.domain.work import Work
from tests.functions.world import KEY, World, ingress_manifest, member

HOSTED = ZoneRef(provider="route53", project="self", name="Z1", domain="aws.example.com")
HOST = "shop.aws.example.com"
EKS = (
    member("eks-us", provider="aws", region="us-east-1"),
    member("eks-ap", provider="aws", region="ap-southeast-1"),
    member("gke-us"),
)
POLICY: dict[str, Any] = {
    "topology": "aws",
    "dns": {
        "zones": [{"provider": "route53", "name": "Z1", "domain": "aws.example.com"}],
        "ttlSeconds": 5,
    },
}


class Regions(World):
    """
    Two EKS members in two regions, and one of GKE that topology `aws` cannot serve.

    idle: concerns whose works are lost.
    """

    def __init__(self, members: tuple[MemberCluster, ...] = EKS) -> None:
        self.idle: set[str] = set()
        super().__init__(members)
        self.records = MemoryRecordSets((HOSTED,))
        self._wire()
        for each in members:
            for service in ("web", "api") if each.provider == "aws" else ():
                self.endpoints(each.name, service, ready=2, wanted=2)

    def deliver(self, work: Work, delivery: str) -> None:
        if work.concern not in self.idle:
            super().deliver(work, delivery)

    def install(self, **policy: Any) -> None:
        super().install(**(POLICY | policy))

    def submit_shop(self, **more: Any) -> None:
        """The shop, served by everyone in the end."""
        self.submit(ingress_manifest(host=HOST, **more))
        self.quiet()

    def endpoints(self, cluster: str, service: str, *, ready: int, wanted: int) -> None:
        """How many pods of a Service there are, and how many are ready."""
        listed = [
            {"addresses": [f"10.0.0.{number + 1}"], "conditions": {"ready": number < ready}}
            for number in range(wanted)
        ]
        self.members[cluster].put(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": f"{service}-1",
                    "namespace": "shop",
                    "labels": {"kubernetes.io/service-name": service},
                },
                "addressType": "IPv4",
                "endpoints": listed,
            }
        )

    def address(self, cluster: str) -> str:
        """Of the member's load balancer."""
        return f"k8s-shop-{cluster}.{self.inventory[cluster].region}.elb.amazonaws.com"

    def play(self) -> bool:
        """Let the controllers act; whether anything is new."""
        news = False
        for name, found in self.inventory.items():
            for item in self.members[name].list("Ingress"):
                if item["spec"].get("ingressClassName") == "alb" and not item.get("status"):
                    address = self.address(name)
                    self.balancers.found[address] = Balancer(
                        name=address,
                        region=found.region,
                        arn=f"arn:{name}",
                        hosted_zone="Z35SXDOTRQ7X7K",
                        state="active",
                        healthy=True,
                    )
                    copy = item["metadata"]["name"]
                    self.set_status(name, {"hostname": address.upper()}, copy=copy)
                    news = True
        return news

    def set_status(self, cluster: str, *entries: dict[str, str], copy: str = "shop") -> None:
        """Write an address into a copy's status, or nothing."""
        manifest = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"namespace": "shop", "name": copy},
            "status": {"loadBalancer": {"ingress": list(entries)}},
        }
        self.members[cluster].objects.apply(
            manifest, manager="elbv2-controller", subresource="status", force=True
        )

    def quiet(self) -> None:
        """Until functions and controllers have nothing more to do."""
        self.settle()
        while self.play():
            for source in self.sources.list():
                self.tell("fanout", str(source.key))
            self.settle()

    def fanned(self) -> FanoutReport:
        """What fan-out reported."""
        found = self.ports.ledger.report("fanout", str(KEY), FanoutReport)
        assert found is not None
        return found

    def built(self) -> BackendsReport:
        """What backends reported."""
        found = self.ports.ledger.report("backends", str(KEY), BackendsReport)
        assert found is not None
        return found

    def intent(self) -> ZoneIntent:
        """What the zone was told."""
        (found,) = self.ports.ledger.intents(HOSTED.unit, ZoneIntent).values()
        return found

    def targets(self) -> dict[str, Target]:
        """Those of the intent, by cluster."""
        return {body["cluster"]: Target.decode(body) for body in self.intent().targets}
