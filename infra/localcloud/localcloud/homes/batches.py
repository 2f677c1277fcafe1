"""
The rights that ministack asks for by other names than AWS does.

On AWS the right to publish or to send covers the calls that do so in batches (Service Authorization
Reference, Amazon SNS and Amazon SQS); ministack asks for an action named like the call. Whoever may
publish or send to something is given that action too, on the same thing and nothing else.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

TWINS: Mapping[str, str] = {
    "sns:Publish": "sns:PublishBatch",
    "sqs:SendMessage": "sqs:SendMessageBatch",
}
POLICY = "lab-batches"


def give_twins(iam: Any, stack: str, user: str) -> None:
    """Let the roles of *stack*, and the user, do in batches what they may do."""
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        if not name.startswith(f"{stack}-"):
            continue
        found = [*_attached(iam, iam.list_attached_role_policies(RoleName=name))]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            got = iam.get_role_policy(RoleName=name, PolicyName=policy)
            found += _statements(got["PolicyDocument"])
        if document := _twins(found):
            iam.put_role_policy(RoleName=name, PolicyName=POLICY, PolicyDocument=document)
    found = [*_attached(iam, iam.list_attached_user_policies(UserName=user))]
    iam.put_user_policy(UserName=user, PolicyName=POLICY, PolicyDocument=_twins(found))


def _attached(iam: Any, listed: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in listed["AttachedPolicies"]:
        arn = policy["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        got = iam.get_policy_version(PolicyArn=arn, VersionId=version)
        yield from _statements(got["PolicyVersion"]["Document"])


def _statements(document: Any) -> list[dict[str, Any]]:
    parsed = json.loads(document) if isinstance(document, str) else document
    return list(parsed["Statement"])


def _twins(statements: list[dict[str, Any]]) -> str:
    """Give a policy with the twin of each right in *statements*; empty if none has one."""
    found = []
    for each in statements:
        actions = [each["Action"]] if isinstance(each["Action"], str) else each["Action"]
        named = [TWINS[action] for action in actions if action in TWINS]
        if named:
            found.append({"Effect": "Allow", "Action": named, "Resource": each["Resource"]})
    return json.dumps({"Version": "2012-10-17", "Statement": found}) if found else ""
