"""The rights of functions on AWS, against the calls that our adapters make."""

import pytest

from tests.deploy import amazon_rights, template

READ = template.read()
ROLES = template.of_type(READ, "AWS::IAM::Role")
POLICIES = template.of_type(READ, "AWS::IAM::ManagedPolicy")


def statements(policy):
    """Of a managed policy."""
    return POLICIES[policy]["PolicyDocument"]["Statement"]


@pytest.mark.parametrize("policy", amazon_rights.POLICIES)
def test_what_is_called_is_granted_and_no_more(policy):
    """No call lacks its right, and no right lacks its call."""
    granted = [action for each in statements(policy) for action in each["Action"]]

    assert len(amazon_rights.needed(policy)) > 2
    assert set(granted) == amazon_rights.needed(policy)
    assert len(granted) == len(set(granted))


@pytest.mark.parametrize("policy", amazon_rights.POLICIES)
def test_everything_is_granted_only_where_nothing_finer_can_be(policy):
    """The others are for the hosted zones of the stack, for health checks, or for changes."""
    wide = {
        action
        for each in statements(policy)
        if each["Resource"] == "*"
        for action in each["Action"]
    }
    assert wide == amazon_rights.needed(policy) & amazon_rights.WIDE


def test_roles_of_zones_are_assumed_by_name_only():
    """The ARNs are the deployment's; without any, nobody may assume anything."""
    (only,) = statements("ZoneRolesPolicy")

    assert only["Action"] == "sts:AssumeRole"
    assert only["Resource"] == {"Ref": "ZoneRoleArns"}
    assert READ["Resources"]["ZoneRolesPolicy"]["Condition"] == "HasZoneRoles"
    attached = {"Fn::If": ["HasZoneRoles", {"Ref": "ZoneRolesPolicy"}, {"Ref": "AWS::NoValue"}]}
    having = {name for name, role in ROLES.items() if attached in role.get("ManagedPolicyArns", ())}
    assert having == {"DnsRole", "RepairRole"}
    assert READ["Parameters"]["ZoneRoles"]["NoEcho"] is True


@pytest.mark.parametrize(
    ("policy", "functions"),
    [("ZonesPolicy", {"DnsRole", "RepairRole"}), ("RegionsPolicy", {"BackendsRole", "RepairRole"})],
)
def test_only_the_concern_and_repair_may(policy, functions):
    """Which runs the concern by hand."""
    having = {
        name for name, role in ROLES.items() if {"Ref": policy} in role.get("ManagedPolicyArns", ())
    }
    assert having == functions
