"""
The home on AWS: the product's template, deployed by SAM onto ministack, with policies checked.

Aspects, in the order of a stack's life: create, invoke, rights, update, delete.
"""

import pytest
from botocore.exceptions import ClientError

from localcloud.homes import HomeError
from localcloud.homes.aws import STACK, AwsHome, AwsSite
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec
from tests.deploy.template import of_type, read
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The deployed stack, beside a world that its functions reach."""
    with running_world(WorldSpec(state=tmp_path_factory.mktemp("world"))) as running:
        world = running.world
        site = AwsSite(
            state=world.state,
            world=world.env(),
            kubeconfig=world.kubeconfig,
            functions_kubeconfig=world.functions_kubeconfig,
            members=(),
        )
        found = AwsHome(site)
        try:
            found.raise_stack()
        except HomeError as error:
            found.cloud.stop()
            if "cannot be installed" in str(error):
                pytest.skip(str(error))
            raise
        yield found
        found.cloud.stop()


def test_a_life_of_the_stack(home):
    """Created, its functions answer on their own roles; it is updated, and deleted to the last."""
    resources = home.client("cloudformation").describe_stack_resources(StackName=STACK)
    made = {each["LogicalResourceId"]: each for each in resources["StackResources"]}
    assert set(of_type(read(), "AWS::Serverless::Function")) <= set(made)
    assert {each["ResourceStatus"] for each in made.values()} == {"CREATE_COMPLETE"}

    assert home.invoke("tick", {}) == {"summary": "0 due, 0 resynced"}
    looked = home.invoke("repair", {"concern": "fanout", "unit": "shop/shop"})
    assert (looked["changes"], looked["dry_run"]) == ([], True)
    refused = home.invoke("repair", {"concern": "nobody", "unit": "shop/shop"})
    assert refused["errorType"] == "Invalid"

    _hurried(home)
    _watchers_may_only_tell_of_changes(home)
    until("what is no event to end as a dead letter", lambda: "nonsense" in _dead_letters(home))

    secret = home.client("secretsmanager").list_secrets()["SecretList"][0]["ARN"]
    home.deploy({"ConfigCluster": secret, "LogLevel": "DEBUG"})
    configured = home.client("lambda").get_function_configuration(FunctionName=f"{STACK}-dns")
    assert configured["Environment"]["Variables"]["FEDINGRESS_LOG_LEVEL"] == "DEBUG"
    assert home.invoke("tick", {})["summary"].startswith("0 due")

    home.delete()
    assert home.client("lambda").list_functions()["Functions"] == []
    assert home.client("dynamodb").list_tables()["TableNames"] == []


def _hurried(home):
    """Let fan-out's queue be read, and what failed come back in a second, not in half an hour."""
    sqs = home.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{STACK}-fanout")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    functions = home.client("lambda")
    (source,) = functions.list_event_source_mappings(FunctionName=f"{STACK}-fanout")[
        "EventSourceMappings"
    ]
    functions.update_event_source_mapping(UUID=source["UUID"], Enabled=True)


def _dead_letters(home):
    """The bodies of what fan-out could not take."""
    sqs = home.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{STACK}-fanout-dead")["QueueUrl"]
    return str(sqs.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages", []))


def _watchers_may_only_tell_of_changes(home):
    from boto3.session import Session

    watcher = home.processes()["watcher-config"].environment
    session = Session(watcher["AWS_ACCESS_KEY_ID"], watcher["AWS_SECRET_ACCESS_KEY"])
    sns = session.client("sns", region_name="us-east-1", endpoint_url=home.cloud.url)
    named = {"concern": {"DataType": "String", "StringValue": "fanout"}}
    changes = home.outputs["ChangesTopic"]
    sns.publish(TopicArn=changes, Message="nonsense", MessageAttributes=named)
    with pytest.raises(ClientError, match="not authorized"):
        sns.publish(TopicArn=home.outputs["WorkTopic"], Message="x")
