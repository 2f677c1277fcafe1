"""
The home on AWS, on one machine: the product's own template, deployed by the SAM command line.

ministack is AWS here: SNS, SQS, DynamoDB, Lambda, the scheduler, Secrets Manager and IAM, with
signatures and policies checked, so that each function runs on its own role. Functions run under
AWS's own client of the Lambda runtime, with nothing but their own packages. The stack is updated,
and deleted, as on AWS: `sam deploy`, `sam delete`.

Not modelled: what ministack does not (conditions in policies, memory, throttling), and its SNS does
not sign, so the functions are told not to ask for signatures.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.homes import HomeError, Process, thin
from localcloud.homes.batches import give_twins
from localcloud.homes.deliveries import event_sources
from localcloud.homes.environments import ROOT, MissingError, find_uv, programs
from localcloud.homes.ministack import REGION, Ministack
from localcloud.homes.watchers import watchers

STACK = "fedingress"
TEMPLATE = ROOT / "template.yaml"
BUCKET = "lab-packages"
SECRET = "lab-config-cluster"  # noqa: S105 - a name
WATCHER = "lab-watcher"

_PASSED_ON = ("GCE_METADATA_", "AWS_ENDPOINT_URL_", "NO_PROXY", "no_proxy", "GOOGLE_CLOUD_PROJECT")
"""What of the world's variables stands for the machine that the functions run on."""
_SECONDS = 600
_READY_SECONDS = 60.0
_WHY = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSite:
    """
    What the home must know of its world.

    state: folder for logs and builds.   world: the world's variables.
    kubeconfig: a context for each cluster, and `config`.   members: names.
    functions_kubeconfig: leads to the config cluster.   tick_seconds: between two ticks.
    """

    state: Path
    world: Mapping[str, str]
    kubeconfig: Path
    functions_kubeconfig: Path
    members: Sequence[str]
    tick_seconds: float = 60.0


class AwsHome:
    """From `start` to `close`."""

    def __init__(self, site: AwsSite) -> None:
        self._site = site
        passed = {k: v for k, v in site.world.items() if k.startswith(_PASSED_ON)}
        self.cloud = Ministack(site.state / "ministack.log", strict=True, environment=passed)
        self.outputs: dict[str, str] = {}
        self.notes: list[str] = []
        self._watcher: dict[str, str] = {}

    async def start(self) -> None:
        """
        Bring up AWS, build and deploy the stack.

        Raises:
            HomeError: Something cannot be installed, built or deployed.
        """
        try:
            await asyncio.to_thread(self.raise_stack)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End AWS and every function with it; twice is harmless."""
        await asyncio.to_thread(self.cloud.stop)

    async def ready(self) -> None:
        """
        Return once every queue is read.

        Raises:
            HomeError: One is not, in time.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while not await asyncio.to_thread(self._delivers):
            if time.monotonic() > deadline:
                raise HomeError("the queues of the functions are not read; see deliveries.log")
            await asyncio.sleep(0.2)

    def environment(self) -> Mapping[str, str]:
        """Where bus and store are for people, and the name of `repair`."""
        return {
            **self.cloud.variables(),
            "FEDINGRESS_BUS": f"sns:{self.outputs['WorkTopic']}",
            "FEDINGRESS_STORE": f"dynamodb:{self.outputs['StateTable']}",
            "LOCALCLOUD_AWS": self.cloud.url,
            "LOCALCLOUD_REPAIR": self.outputs["RepairFunction"],
            "LOCALCLOUD_STACK": STACK,
        }

    def processes(self) -> Mapping[str, Process]:
        """What lets the functions run: their event sources, switched on and off."""
        words = ("--stack", STACK, "--tick-seconds", f"{self._site.tick_seconds:g}")
        found = watchers(
            self._site.members,
            bus=f"sns:{self.outputs['ChangesTopic']}",
            kubeconfig=self._site.kubeconfig,
            folder=self._site.state / "watchers",
        )
        publisher = {**self.cloud.variables(), **self._watcher}
        return {
            "deliveries": Process(
                command=(sys.executable, "-m", "localcloud.homes.deliveries", *words),
                environment=self.cloud.variables(),
            ),
            **{
                name: Process(command=each.command, environment={**each.environment, **publisher})
                for name, each in found.items()
            },
        }

    def client(self, service: str) -> Any:
        """Give a client of boto3, as the account's administrator."""
        from boto3.session import Session  # noqa: PLC0415 - 0.1 s, for this home only

        mine = self.cloud.variables()
        session = Session(mine["AWS_ACCESS_KEY_ID"], mine["AWS_SECRET_ACCESS_KEY"])
        return session.client(service, region_name=REGION, endpoint_url=self.cloud.url)

    def raise_stack(self) -> None:
        """
        What `start` does, in the caller's own thread.

        Raises:
            HomeError: See `start`.
        """
        try:
            self.cloud.start()
            self.build()
        except (MissingError, TimeoutError) as error:
            raise HomeError(str(error)) from error
        self.client("s3").create_bucket(Bucket=BUCKET)
        text = self._site.functions_kubeconfig.read_text(encoding="utf-8")
        made = self.client("secretsmanager").create_secret(Name=SECRET, SecretString=text)
        self.deploy({"ConfigCluster": made["ARN"]})
        self._let_watchers_publish()

    def build(self) -> None:
        """
        Stage the functions and build their packages with `sam build`.

        Raises:
            HomeError: One cannot be built.
        """
        self._run(sys.executable, "-m", "infra.stage", "aws")
        self._sam("build", "--template", str(TEMPLATE), "--build-dir", str(self._built))

    def deploy(self, more: Mapping[str, str]) -> None:
        """
        Create the stack or update it with `sam deploy`.

        Args:
            more: Parameters of the template beside those that the lab always has.

        Raises:
            HomeError: It was refused.
        """
        world = self._site.world
        parameters = {
            "Runtime": "provided.al2023",
            "SnsSignatures": "off",
            "Owner": world["FEDINGRESS_OWNER"],
            "ComputeEndpoint": world["FEDINGRESS_COMPUTE_ENDPOINT"],
            "DnsEndpoint": world["FEDINGRESS_DNS_ENDPOINT"],
            **more,
        }
        given = [f"{name}={value}" for name, value in parameters.items()]
        words = ["deploy", "--template", str(self._built / "template.yaml"), "--stack-name", STACK]
        words += ["--s3-bucket", BUCKET, "--capabilities", "CAPABILITY_IAM"]
        words += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
        self._sam(*words, "--parameter-overrides", *given)
        found = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}

    def delete(self) -> None:
        """
        Delete the stack with `sam delete`.

        Raises:
            HomeError: Something could not be deleted.
        """
        self._sam("delete", "--stack-name", STACK, "--no-prompts", "--region", REGION)

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke one function by hand, as the administrator; what it answers."""
        answer = self.client("lambda").invoke(
            FunctionName=f"{STACK}-{function}", Payload=json.dumps(event).encode()
        )
        return json.loads(answer["Payload"].read())

    @property
    def _built(self) -> Path:
        return self._site.state / "sam"

    def _delivers(self) -> bool:
        sources = list(event_sources(self.client("lambda"), STACK))
        return bool(sources) and all(source["State"] == "Enabled" for source in sources)

    def _let_watchers_publish(self) -> None:
        iam = self.client("iam")
        iam.create_user(UserName=WATCHER)
        iam.attach_user_policy(UserName=WATCHER, PolicyArn=self.outputs["ChangesPolicy"])
        give_twins(iam, STACK, WATCHER)
        key = iam.create_access_key(UserName=WATCHER)["AccessKey"]
        self._watcher = {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def _sam(self, *words: str) -> None:
        try:
            sam, runtime = programs("sam") / "sam", programs("lambda") / "python"
        except MissingError as error:
            raise HomeError(str(error)) from error
        self._run(
            str(sam),
            *words,
            SAM_CLI_TELEMETRY="0",
            INSTALL=f"{sys.executable} {thin.__file__}",
            **{thin.PACKAGES: str(ROOT / "build" / "lambda"), thin.PYTHON: str(runtime)},
            **self.cloud.variables(),
        )

    def _run(self, *command: str, **variables: str) -> Sequence[str]:
        inherited = dict(os.environ)  # noqa: TID251 - a child needs PATH and HOME
        environment = {**inherited, **variables}
        if uv := find_uv():
            environment["UV"] = uv
        done = subprocess.run(  # noqa: S603 - our own words
            command,
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        if done.returncode:
            said = f"{done.stdout}\n{done.stderr}".strip()[-_WHY:]
            raise HomeError(f"{Path(command[0]).name} {' '.join(command[1:3])} failed:\n{said}")
        return done.stdout.splitlines()
