"""
One AWS account in memory, as far as global traffic needs it, and the hosted zones of others.

Other parts of the local cloud read and write it in process; `server` puts it on the wire. Not
modelled, besides what each module names: signatures (any permanent key is taken), IAM's policies,
billing.

Source: Route 53 Developer Guide, "Quotas" (zones, health checks and requests are counted for each
account); CloudWatch User Guide, "Metrics concepts" (metrics are their account's).
"""

import functools
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.aws.acm.api import Acm
from localcloud.aws.acm.certificates import Certificates
from localcloud.aws.cloudwatch.api import CloudWatch
from localcloud.aws.cloudwatch.metrics import Metrics
from localcloud.aws.elb.api import Elb
from localcloud.aws.elb.balancers import ACCOUNT, Balancers
from localcloud.aws.elb.targets import alias_fault
from localcloud.aws.globalaccelerator.api import GlobalAccelerators
from localcloud.aws.route53.api import Route53
from localcloud.calls import Calls
from localcloud.faults import Faults

__all__ = ["ACCOUNT", "AwsCloud", "DnsAccount"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsAccount:
    """
    An account as far as hosted zones need it.

    Attributes:
        route53: Its zones, record sets and health checks, with an allowance of requests.
        metrics: What CloudWatch has of them.
        cloudwatch: CloudWatch, which tells of it.
    """

    route53: Route53
    metrics: Metrics
    cloudwatch: CloudWatch


class AwsCloud:
    """
    The account.

    Attributes:
        route53: Hosted zones, record sets, health checks.
        balancers: Load balancers of all regions.
        elb: ELBv2, which tells of them.
        certificates: Certificates of all regions.
        acm: ACM, which keeps them.
        metrics: What CloudWatch has.
        cloudwatch: CloudWatch, which tells of it.
        accelerators: Global Accelerator.
        accounts: Every account that somebody asked for, by its number; ours is among them.
        who: Gives the account of an access key and session token; raises `AwsError`.
        calls: Writes that took effect, by caller.
        faults: What goes wrong on the wire.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        sync_seconds: float = 0.5,
        processing_seconds: float = 0.01,
        requests_per_second: float | None = 5.0,
        deploy_seconds: float = 0.5,
    ) -> None:
        """
        Make an empty account.

        Args:
            clock: Seconds since 1970.
            sync_seconds: How long changes of record sets are PENDING; Amazon's take up to 60 s.
            processing_seconds: How long a change keeps its zone from taking another.
            requests_per_second: What Route 53 lets through; None is everything.
            deploy_seconds: How long accelerators are IN_PROGRESS; Amazon's take minutes.
        """
        self.clock = clock
        self.balancers = Balancers()
        self.elb = Elb(self.balancers)
        self._open = functools.partial(
            Route53,
            clock=clock,
            sync_seconds=sync_seconds,
            processing_seconds=processing_seconds,
            requests_per_second=requests_per_second,
        )
        self.certificates = Certificates()
        self.acm = Acm(self.certificates, self.balancers.showing, clock)
        self.accounts: dict[str, DnsAccount] = {}
        self.who: Callable[[str, str], str] = lambda _key, _token: ACCOUNT
        own = self.account(ACCOUNT)
        self.route53, self.metrics, self.cloudwatch = own.route53, own.metrics, own.cloudwatch
        numbers = itertools.count(1)
        self.accelerators = GlobalAccelerators(
            self.balancers,
            clock,
            deploy_seconds,
            lambda: (f"192.0.2.{next(numbers)}", f"192.0.2.{next(numbers)}"),
        )
        self.calls = Calls()
        self.faults = Faults()

    def account(self, number: str) -> DnsAccount:
        """Give the account of that number; an empty one when nobody asked for it before."""
        if number not in self.accounts:
            route53, metrics = self._open(), Metrics()
            route53.balancer = alias_fault(self.balancers)
            self.accounts[number] = DnsAccount(
                route53=route53, metrics=metrics, cloudwatch=CloudWatch(metrics)
            )
        return self.accounts[number]
