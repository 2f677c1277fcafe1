"""
Clients for each AWS account that zones are in: our own, and those whose role we may assume.

Called by `route53` and, through `wire`, for health checks, which stand in their zone's account: its
quota counts them, and who owns the zone sees what moves its answers. Which role it is says the
deployment, never a policy.

Source: Route 53 Developer Guide, "Quotas" (of requests and of health checks, per account); STS API
reference, GetCallerIdentity.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Final

from fedingress.adapters.aws.clients import Clients
from fedingress.domain.errors import Forbidden
from fedingress.domain.policy import ZoneRef
from fedingress.planning.decode.roles import AccountRole
from fedingress.planning.decode.zones import OWN_ACCOUNT

SETTING: Final = "FEDINGRESS_AWS_ROLES"


class Accounts:
    """
    One per process; safe to call from many threads.

    own: clients of our own identity.   own_account: its account, where that is known.
    roles: account -> its role.   assume: gives the clients of a role.
    """

    def __init__(
        self,
        own: Clients,
        *,
        own_account: str = "",
        roles: Mapping[str, AccountRole] | None = None,
        assume: Callable[[AccountRole], Clients] | None = None,
    ) -> None:
        self.own = own
        self._own_account = own_account
        self._roles = dict(roles or {}) if assume else {}
        self._assume = assume
        self._made: dict[str, Clients] = {}
        self._lock = threading.Lock()

    def of(self, zone: ZoneRef) -> Clients:
        """
        The clients for all that is in the account of *zone*; its role is assumed at a call.

        Raises:
            Forbidden: The account is not ours, and we have no role there.
            Unavailable: STS does not tell which account is ours.
        """
        account = zone.project
        if account == OWN_ACCOUNT:
            return self.own
        with self._lock:
            if self._assume is not None and account in self._roles:
                if account not in self._made:
                    self._made[account] = self._assume(self._roles[account])
                return self._made[account]
            if account == self._ours():
                return self.own
        raise Forbidden(
            f"hosted zone {zone.name} is in the account {account}, where we have no role: add "
            f"{account}=arn:aws:iam::{account}:role/NAME to {SETTING}"
        )

    def close(self) -> None:
        """Drop the connections; a later call makes new ones."""
        with self._lock:
            for clients in (self.own, *self._made.values()):
                clients.close()

    def _ours(self) -> str:
        """Our own account, asked for once."""
        if not self._own_account:
            sts = self.own.get("sts")
            told = self.own.ask("STS", sts.get_caller_identity)
            self._own_account = str(told["Account"])
        return self._own_account
