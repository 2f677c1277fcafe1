"""
The AWS template against `functions/`, the settings, the code, and AWS's own checks.

Aspects: a function for each folder; the order of the timeouts; the bus and its filters; dead
letters; the table; settings; least rights; the validators, and that they can fail.
"""

import json
import re
import subprocess

import pytest

from fedingress.adapters.kube.connection import Timeouts
from fedingress.adapters.stores import dynamodb
from fedingress.domain.work import CONCERNS
from fedingress.runtime import settings
from infra import stage
from localcloud.homes.environments import MissingError, programs
from tests.deploy import amazon_rights, template

READ = template.read()
FUNCTIONS = template.of_type(READ, "AWS::Serverless::Function")
QUEUES = template.of_type(READ, "AWS::SQS::Queue")
SUBSCRIPTIONS = template.of_type(READ, "AWS::SNS::Subscription")
ROLES = template.of_type(READ, "AWS::IAM::Role")
GLOBALS = READ["Globals"]["Function"]
TITLES = {name: name.title() for name in stage.names()}


@pytest.fixture(scope="module")
def sam():
    """The folder of `sam` and `cfn-lint`."""
    try:
        return programs("sam")
    except MissingError as missing:
        pytest.skip(str(missing))


def test_each_folder_is_a_function_and_no_other():
    """Named, built and entered as its folder says."""
    assert set(FUNCTIONS) == set(TITLES.values())
    for name, title in TITLES.items():
        properties = FUNCTIONS[title]
        assert properties["CodeUri"] == f"build/aws/{name}"
        assert properties["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{name}"}
        assert properties["Role"] == {"Fn::GetAtt": f"{title}Role.Arn"}
        assert READ["Resources"][title]["Metadata"] == {"BuildMethod": "makefile"}
    assert GLOBALS["Handler"] == "main.on_lambda_event"


def test_the_runtime_is_the_one_that_packages_are_installed_for():
    """Wheels are chosen for the Python that runs them."""
    (version,) = re.findall(
        r'RUNTIME = "([0-9.]+)"', (stage.INSTALLER / "install.py").read_text("utf-8")
    )
    assert READ["Parameters"]["Runtime"]["Default"] == f"python{version}"


def test_each_time_is_longer_than_the_one_it_encloses():
    """A call ends within a lease, a lease within the function, and that within the visibility."""
    lease = float(GLOBALS["Environment"]["Variables"]["FEDINGRESS_LEASE_SECONDS"])
    timeout = GLOBALS["Timeout"]

    assert 2 * Timeouts().call_seconds < lease < timeout <= 900
    assert all("Timeout" not in properties for properties in FUNCTIONS.values())
    for name in CONCERNS:
        # AWS Lambda, "Configuring a queue to use with Lambda": at least six times the timeout
        assert QUEUES[f"{TITLES[name]}Queue"]["VisibilityTimeout"] >= 6 * timeout


@pytest.mark.parametrize("concern", CONCERNS)
def test_each_concern_has_its_queue_and_its_dead_letters(concern):
    """Fed by its filter, read in batches with partial failures, and watched when it gives up."""
    title = TITLES[concern]
    source = FUNCTIONS[title]["Events"]["Deliveries"]
    alarm = READ["Resources"][f"{title}DeadLettersAlarm"]["Properties"]

    assert source["Type"] == "SQS"
    assert source["Properties"]["Queue"] == {"Fn::GetAtt": f"{title}Queue.Arn"}
    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert QUEUES[f"{title}Queue"]["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": f"{title}DeadLetters.Arn"},
        "maxReceiveCount": 5,
    }
    assert f"{title}DeadLetters" in QUEUES
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": f"{title}DeadLetters.QueueName"}
    assert SUBSCRIPTIONS[f"{title}Work"] == {
        "TopicArn": {"Ref": "Work"},
        "Protocol": "sqs",
        "Endpoint": {"Fn::GetAtt": f"{title}Queue.Arn"},
        "FilterPolicy": {"concern": [concern]},
    }


def test_only_fan_out_hears_the_clusters():
    """One subscription of the topic that watchers publish to, and only that door trusts it."""
    heard = [each for each in SUBSCRIPTIONS.values() if each["TopicArn"] == {"Ref": "Changes"}]
    own = {name: each.get("Environment", {}).get("Variables") for name, each in FUNCTIONS.items()}
    name = "FEDINGRESS_CHANGES"

    assert [each["Endpoint"] for each in heard] == [{"Fn::GetAtt": "FanoutQueue.Arn"}]
    assert len(SUBSCRIPTIONS) == len(CONCERNS) + 1
    told = {function: each[name] for function, each in own.items() if name in (each or {})}
    assert told == {"Fanout": {"Ref": "Changes"}}


def test_the_clock_ticks_each_minute():
    """As often as the scheduler can, and a lost tick is the next one's business."""
    tick = FUNCTIONS["Tick"]["Events"]["EachMinute"]

    assert tick["Type"] == "ScheduleV2"
    assert tick["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert not FUNCTIONS["Repair"].get("Events")


def test_the_table_is_the_one_the_store_is_tested_with():
    """Keys, index, expiry and billing are those of `infra/aws/table.json`."""
    path = stage.ROOT / "infra" / "aws" / "table.json"
    assert READ["Resources"]["State"]["Properties"] == json.loads(path.read_text("utf-8"))


def test_every_variable_is_a_setting_that_can_be_read():
    """With values as CloudFormation gives them, the settings have no fault."""
    variables = GLOBALS["Environment"]["Variables"] | {"FEDINGRESS_CHANGES": {"Ref": "Changes"}}
    topic = "arn:aws:sns:us-east-1:123456789012:fedingress"
    known = {
        "State": "fedingress-State-1",
        "Work": f"{topic}-work",
        "Changes": f"{topic}-changes",
        "ConfigCluster": "arn:aws:secretsmanager:us-east-1:123456789012:secret:config",
        **{f"{TITLES[name]}Queue": f"https://sqs/1/{name}" for name in CONCERNS},
    }
    known |= {
        name: str(each["Default"]) for name, each in READ["Parameters"].items() if "Default" in each
    }

    def value(given):
        match given:
            case {"Ref": name}:
                return known[name]
            case {"Fn::Sub": text}:
                return re.sub(r"\$\{(\w+)\}", lambda found: known[found[1]], text)
        return given

    found = settings.read({name: value(given) for name, given in variables.items()})

    assert found.bus == f"sns:{topic}-work"
    assert found.changes == f"{topic}-changes"
    assert {name: json.loads(found.queues)[name] for name in CONCERNS} == {
        name: f"https://sqs/1/{name}" for name in CONCERNS
    }
    assert found.store == "dynamodb:fedingress-State-1"


def test_a_function_may_do_to_the_table_what_the_store_does():
    """No call of the adapter lacks its right, and no right lacks its call."""
    text = (
        stage.ROOT / "shared" / "fedingress" / "adapters" / "stores" / "dynamodb.py"
    ).read_text()
    calls = set(re.findall(r"\.((?:batch_)?(?:get|put|delete|update)_item|query|scan)\b", text))
    (policy,) = READ["Resources"]["StatePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    index = {"Fn::Sub": f"${{State.Arn}}/index/{dynamodb.INDEX}"}

    assert {f"dynamodb:{''.join(each.title().split('_'))}" for each in calls} == set(
        policy["Action"]
    )
    assert policy["Resource"] == [{"Fn::GetAtt": "State.Arn"}, index]


def test_no_role_may_more_than_its_own():
    """Each function writes its own log, reads its own queue, and nothing of the rights is wild."""
    for name, title in TITLES.items():
        role = ROLES[f"{title}Role"]
        (own,) = role["Policies"]
        allowed = {
            action: statement["Resource"]
            for statement in own["PolicyDocument"]["Statement"]
            for action in (
                [statement["Action"]]
                if isinstance(statement["Action"], str)
                else statement["Action"]
            )
        }
        assert allowed["logs:PutLogEvents"] == {"Fn::GetAtt": f"{title}Log.Arn"}
        assert allowed.get("sqs:ReceiveMessage") == (
            {"Fn::GetAtt": f"{title}Queue.Arn"} if name in CONCERNS else None
        )
        assert not any("*" in action for action in allowed)
    shared = template.of_type(READ, "AWS::IAM::ManagedPolicy")
    for name, policy in shared.items():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            assert "*" not in json.dumps(statement["Action"])
            assert "*" not in json.dumps(statement) or name in amazon_rights.POLICIES


def identities(title):
    """A function's role, and its sessions."""
    session = "arn:${AWS::Partition}:sts::${AWS::AccountId}:assumed-role/${%s}/*"
    return [{"Fn::GetAtt": f"{title}Role.Arn"}, {"Fn::Sub": session % f"{title}Role"}]


def test_only_the_functions_publish_work():
    """The topic of work and the queues are closed to every other identity of the account."""
    (deny,) = READ["Resources"]["WorkIsOurs"]["Properties"]["PolicyDocument"]["Statement"]
    allow, refuse = READ["Resources"]["QueuesAreOurs"]["Properties"]["PolicyDocument"]["Statement"]
    ours = [each for title in TITLES.values() for each in identities(title)]
    senders = [each for name in (*CONCERNS, "repair") for each in identities(TITLES[name])]
    topics = [{"Ref": "Changes"}, {"Ref": "Work"}]

    def ordered(roles):
        return sorted(roles, key=json.dumps)

    listed = deny["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
    assert (deny["Effect"], ordered(listed)) == ("Deny", ordered(ours))
    assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": topics}}
    others = refuse["Condition"]["ArnNotEqualsIfExists"]
    assert refuse["Effect"] == "Deny"
    assert others["aws:SourceArn"] == topics
    assert ordered(others["aws:PrincipalArn"]) == ordered(senders)


def test_sam_and_cloudformation_accept_it(sam, tmp_path):
    """Plain validation, then the translated template under cfn-lint, which no longer translates."""
    done = subprocess.run(
        [sam / "sam", "validate", "--template", template.TEMPLATE],
        capture_output=True,
        text=True,
        check=False,
        env={"AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0", "HOME": str(tmp_path)},
    )
    translated = template.translate(sam, template.TEMPLATE.read_text(encoding="utf-8"))

    assert "is a valid SAM Template" in done.stdout + done.stderr
    assert template.lint(sam, tmp_path, translated) == ""
    kinds = [each["Type"] for each in translated["Resources"].values()]
    assert kinds.count("AWS::Lambda::EventSourceMapping") == len(CONCERNS)
    assert kinds.count("AWS::Lambda::Function") == len(TITLES)


def test_a_reference_to_nothing_is_found(sam, tmp_path):
    """The check fails where a function's variable names a resource that is not there."""
    text = template.TEMPLATE.read_text(encoding="utf-8")
    broken = template.translate(sam, text.replace("!Ref LogLevel", "!Ref LogLevle"))

    assert "E1020" in template.lint(sam, tmp_path, broken)
