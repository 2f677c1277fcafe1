"""
The roles by which zones of other AWS accounts are reached, as the deployment's settings name them.

Called by `runtime.settings` and `runtime.wire`. Users' policies name accounts, never roles: whoever
could choose the role would have us act for another tenant (the confused deputy).

Source: IAM User Guide, "IAM identifiers", "The confused deputy problem"; STS API reference,
AssumeRole (ExternalId: 2 to 1224 of letters, digits and `_+=,.@:/-`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from fedingress.domain.errors import Invalid

ROLE: Final = r"arn:aws[a-z-]*:iam::\d{12}:role/[-A-Za-z0-9_+=,.@/]{1,512}"
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ARN: Final = re.compile(ROLE, re.ASCII)
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRole:
    """
    The role of *account* (12 digits) that we assume there.

    external_id: what its trust policy asks for; empty for nothing. It is never shown.
    """

    account: str
    arn: str
    external_id: str = field(default="", repr=False)


def account_roles(text: str) -> dict[str, AccountRole]:
    """
    Account -> its role, from `ACCOUNT=ARN[#EXTERNAL_ID]` with commas or new lines between.

    Where there are several lines, a comma within one is part of a name or of an external id.

    Raises:
        Invalid: One reason per fault; none of them repeats an external id.
    """
    found: dict[str, AccountRole] = {}
    reasons: list[str] = []
    lines = "\n" if "\n" in text.strip() else ","
    written = [each.strip() for each in text.split(lines)]
    for number, entry in enumerate((each for each in written if each), start=1):
        account, equals, rest = entry.partition("=")
        arn, hash_, external_id = rest.partition("#")
        role = AccountRole(account=account.strip(), arn=arn.strip(), external_id=external_id)
        if not equals or not _ACCOUNT.fullmatch(role.account):
            reasons.append(f"entry {number} is not ACCOUNT=ROLE_ARN with an account of 12 digits")
            continue
        reasons += _faults(role, told=bool(hash_))
        if role.account in found:
            reasons.append(f"names the account {role.account} twice")
        found[role.account] = role
    if reasons:
        raise Invalid(reasons)
    return found


def _faults(role: AccountRole, *, told: bool) -> Iterator[str]:
    if not _ARN.fullmatch(role.arn):
        yield f"gives the account {role.account} no ARN of an IAM role"
    elif (where := role.arn.split(":")[4]) != role.account:
        yield f"gives the account {role.account} a role of the account {where}"
    if told and not _EXTERNAL_ID.fullmatch(role.external_id):
        yield (
            f"gives the account {role.account} an external id that is not 2 to 1224 letters, "
            "digits and _+=,.@:/-"
        )
