"""Roles of other accounts as settings name them: what is understood, what each fault says."""

import pytest

from fedingress.domain.errors import Invalid
from fedingress.planning.decode.roles import AccountRole, account_roles

ONE = "arn:aws:iam::111111111111:role/dns"
TWO = "arn:aws-cn:iam::222222222222:role/path/dns+x"


def role(account, arn, external_id=""):
    return AccountRole(account=account, arn=arn, external_id=external_id)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        (f"111111111111={ONE}", [role("111111111111", ONE)]),
        (f"111111111111={ONE}#acme/1", [role("111111111111", ONE, "acme/1")]),
        (
            f"111111111111={ONE}#x-1, 222222222222={TWO},",
            [role("111111111111", ONE, "x-1"), role("222222222222", TWO)],
        ),
        (
            f"\n111111111111={ONE}#x,y=z\n\n222222222222={TWO}\n",
            [role("111111111111", ONE, "x,y=z"), role("222222222222", TWO)],
        ),
    ],
)
def test_what_is_understood(text, expected):
    """Commas or new lines between; with new lines an external id may hold a comma."""
    assert account_roles(text) == {each.account: each for each in expected}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fedingress", "entry 1 is not ACCOUNT=ROLE_ARN"),
        (f"11111111111={ONE}", "entry 1 is not ACCOUNT=ROLE_ARN"),
        (f"111111111111 {ONE}", "entry 1 is not ACCOUNT=ROLE_ARN"),
        ("111111111111=dns", "the account 111111111111 no ARN"),
        ("111111111111=arn:aws:iam::111111111111:user/dns", "no ARN of an IAM role"),
        (f"222222222222={ONE}", "222222222222 a role of the account 111111111111"),
        (f"111111111111={ONE}#", "an external id that is not 2 to 1224"),
        (f"111111111111={ONE}#secret!", "an external id that is not 2 to 1224"),
        (f"111111111111={ONE},111111111111={ONE}", "the account 111111111111 twice"),
    ],
)
def test_what_each_fault_says(text, reason):
    """One reason, which never repeats an external id."""
    with pytest.raises(Invalid) as refused:
        account_roles(text)

    (said,) = refused.value.reasons
    assert reason in said
    assert "secret" not in said


def test_all_faults_are_told_at_once():
    """Whoever mends them mends all."""
    with pytest.raises(Invalid) as refused:
        account_roles(f"x,222222222222={ONE}#!,111111111111=y")

    assert len(refused.value.reasons) == 4


def test_an_external_id_is_not_shown():
    """Neither in logs nor in tracebacks."""
    assert "hush-hush" not in repr(role("111111111111", ONE, "hush-hush"))
