"""How accounts of AWS are wired: each has its pace, and nothing is contacted until it is asked."""

import subprocess
import sys

import pytest

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.domain.errors import Forbidden
from fedingress.domain.policy import ZoneRef
from fedingress.ports.store import Key
from fedingress.runtime.settings import Settings
from fedingress.runtime.wire import make_accounts

OURS, THEIRS, OTHER = "111111111111", "222222222222", "333333333333"
SETTINGS = Settings(
    aws_role=f"arn:aws:iam::{OURS}:role/fedingress",
    aws_roles=f"{THEIRS}=arn:aws:iam::{THEIRS}:role/dns#hush",
)


def zone(account):
    return ZoneRef(provider="route53", project=account, name="Z1", domain="example.com")


def test_each_account_has_a_pace_of_its_own():
    """A request to one takes no turn of the other."""
    store = MemoryStore()
    accounts = make_accounts(SETTINGS, store)

    def paced():
        names = (OURS, THEIRS, "self")
        return [name for name in names if store.get(Key(family="rate", name=name))]

    accounts.of(zone(THEIRS)).ask("there", lambda: None, paced=True)
    assert paced() == [THEIRS]
    accounts.of(zone(OURS)).ask("here", lambda: None, paced=True)
    assert paced() == [OURS, THEIRS]
    assert accounts.of(zone("self")) is accounts.of(zone(OURS)) is accounts.own
    accounts.close()


def test_an_account_that_the_settings_do_not_name_stays_shut():
    """On Google Cloud our role tells our account, so not even STS is asked."""
    with pytest.raises(Forbidden, match="FEDINGRESS_AWS_ROLES"):
        make_accounts(SETTINGS, MemoryStore()).of(zone(OTHER))


def test_wiring_loads_no_sdk():
    """A function that never asks Amazon does not pay for boto3."""
    code = (
        "import sys\n"
        "from fedingress.adapters.stores.memory import MemoryStore\n"
        "from fedingress.runtime.settings import Settings\n"
        "from fedingress.runtime.wire import make_accounts\n"
        f"make_accounts(Settings(aws_roles={SETTINGS.aws_roles!r}), MemoryStore())\n"
        "print({'boto3', 'botocore'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
