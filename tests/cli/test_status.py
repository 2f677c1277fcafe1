"""`fedingress status`: addresses, conditions and members, for people and for machines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.wire

KEYS = {"ingress", "addresses", "hosts", "deleting", "conditions", "clusters"}


def test_machines_read_everything(settled, fedingress):
    """One object an Ingress: its address, each condition in full, a row for each member."""
    answer = fedingress("status", "shop", "-o", "json")

    assert (answer.code, answer.err) == (0, "")
    (found,) = answer.json
    assert set(found) == KEYS
    assert found["hosts"] == ["shop.example.com", "api.example.com"]
    assert [text.count(".") for text in found["addresses"]] == [3]
    conditions = {each["type"]: each for each in found["conditions"]}
    assert conditions["Accepted"]["status"] == "True"
    for each in found["conditions"]:
        assert {"type", "status", "reason", "message", "lastTransitionTime"} <= set(each)
    assert set(found["clusters"]) == {"gke-us", "gke-eu"}
    for row in found["clusters"].values():
        assert {"state", "reason", "message", "endpoints", "healthy"} <= set(row)


def test_people_read_two_tables(settled, fedingress):
    """One Ingress: its address, then conditions, then members."""
    answer = fedingress("status", "shop")

    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0].startswith("shop/shop  address 127.")
    assert [line.split()[0] for line in lines if "MESSAGE" in line] == ["CONDITION", "CLUSTER"]
    assert any(line.startswith("Accepted") and "True" in line for line in lines)
    assert any(line.startswith("gke-eu") for line in lines)


def test_all_stand_in_one_table(settled, fedingress):
    """Without a name there is a line for each Ingress."""
    answer = fedingress("status")

    assert answer.out.splitlines()[0].split() == [
        *("INGRESS", "ADDRESS", "HOSTS", "STATE", "HEALTHY")
    ]
    assert any(line.startswith("shop/shop ") for line in answer.out.splitlines())


def test_the_console_script_is_quiet_in_a_pipe(settled):
    """As a process, with its output in a pipe: JSON on standard output and nothing else at all."""
    script = Path(sys.executable).parent / "fedingress"
    done = subprocess.run(
        [script, "status", "--output", "json"], capture_output=True, check=True, text=True
    )

    assert done.stderr == ""
    assert "shop/shop" in [each["ingress"] for each in json.loads(done.stdout)]
