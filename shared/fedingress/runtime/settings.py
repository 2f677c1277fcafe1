"""Every setting of the product, read once from the environment, with all faults told together."""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches

from fedingress.domain.errors import Invalid
from fedingress.planning.decode.roles import ROLE, account_roles


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    One field per variable `FEDINGRESS_<FIELD>`.

    owner: names this installation in every ownership mark; letters, digits and dashes.
    sources: `cluster` (a config cluster) or `directory:PATH`.
    kubeconfig, context: of the config cluster; both empty inside a pod means its service account.
        A kubeconfig is a path, or a secret's `arn:...` or `projects/P/secrets/S/versions/V`.
    inventory_namespace: where ClusterProfiles and tombstones are.
    store: `sqlite:PATH`, `memory:`, `firestore:PROJECT[/DATABASE]` or `dynamodb:TABLE`.
    bus: `inprocess:`, `pubsub:PROJECT/TOPIC` or `sns:TOPIC_ARN`.
    queues: with `sns:`, the concerns' SQS queues, which hold delayed work: a JSON object from
        concern to URL, or the beginning of the URLs, which the concern's name ends.
    work, changes: of a door, the subscriptions (`projects/PROJECT/subscriptions/NAME`) or topics'
        ARNs by which the installation's own events come, and those of clusters; lists with commas.
        The topic of `sns:` counts as work.
    tokens: `verify` those that HTTP doors are called with, or the `platform` has verified them.
    callers, audience: whose tokens, by e-mail address, and for whom; lists with commas.
    certs: where the keys of those tokens are.
    sns_signatures: `verify` them, or `off` where the queues are trusted alone.
    signing_key: of a watcher, the file with the private key of its cluster (`cluster key`).
    watch: of a watcher, what its cluster is: `config` or `member`.
    cluster: of a watcher, the name of its cluster, by which its events are known.
    health: of a watcher or the embedded home, `HOST:PORT` of its probes and metrics; empty for
        none, port 0 for any.
    checkpoint: of a watcher, the file in which it keeps what it knows; empty for none.
    debounce_seconds: of a watcher, how long changes are collected before they are published.
    silence_seconds: of a watcher, how long an API server may say nothing before the link is dead.
    compute_endpoint, dns_endpoint, pubsub_endpoint, secretmanager_endpoint: other than Google's
        own, for a private or local cloud.
    google_credentials: outside Google Cloud, the JSON of a credential configuration for workload
        identity federation; it holds no secret. Empty: Google's default credentials.
    aws_role: on Google Cloud, the ARN of the IAM role that its identity is exchanged for. Empty:
        the credentials that AWS's SDK finds.
    aws_roles: of hosted zones' other accounts, the roles that we assume there:
        `ACCOUNT=ROLE_ARN[#EXTERNAL_ID]`, with commas or new lines between; it is never shown.
    lease_seconds: of one run; well above any call's timeout (10 s), below the function's.
    tick_seconds: of the embedded home.   workers: runs at a time in one process.
    fan_out: clusters or calls at a time within one run.
    traces: `off`, or `otel` for spans of the OpenTelemetry API.
    log_level: of the logger `fedingress`.
    """

    owner: str = "default"
    sources: str = "cluster"
    kubeconfig: str = ""
    context: str = ""
    inventory_namespace: str = "fedingress-inventory"
    store: str = "sqlite:.fedingress/state.db"
    bus: str = "inprocess:"
    queues: str = ""
    work: str = ""
    changes: str = ""
    tokens: str = "verify"
    callers: str = ""
    audience: str = ""
    certs: str = "https://www.googleapis.com/oauth2/v1/certs"
    sns_signatures: str = "verify"
    signing_key: str = ""
    watch: str = ""
    cluster: str = ""
    health: str = ""
    checkpoint: str = ""
    debounce_seconds: float = 1.0
    silence_seconds: float = 70.0
    compute_endpoint: str = ""
    dns_endpoint: str = ""
    pubsub_endpoint: str = ""
    secretmanager_endpoint: str = ""
    google_credentials: str = ""
    aws_role: str = ""
    aws_roles: str = field(default="", repr=False)
    lease_seconds: float = 60.0
    tick_seconds: float = 60.0
    workers: int = 8
    fan_out: int = 32
    traces: str = "off"
    log_level: str = "INFO"


_PREFIX = "FEDINGRESS_"
_NUMBERS = {
    "debounce_seconds": (0.0, 60.0),
    "silence_seconds": (1.0, 600.0),
    "lease_seconds": (20.0, 900.0),
    "tick_seconds": (0.5, 3600.0),
}
_COUNTS = {"workers": (1, 256), "fan_out": (1, 256)}
_OTHERS = ("local",)
"""Variables with our prefix that belong to tools beside us."""
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_URL = (r"(https?://[^\s/]\S*)?", "an http or https URL")
# Google Cloud, "Creating and managing projects" (an older one may have a domain before its id);
# Firestore, "Manage databases"; DynamoDB, "Naming rules".
_PROJECT = r"([a-z][-.a-z0-9]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]"
_DATABASE = r"(\(default\)|[a-z][-a-z0-9]{2,61}[a-z0-9])"
_TABLE = r"[-_.A-Za-z0-9]{3,255}"
_PUBSUB_PROJECT = r"([a-z0-9.-]+:)?[a-z0-9-]+"
_PUBSUB_NAME = r"[A-Za-z][-A-Za-z0-9_.~+%]{2,254}"
_PUBSUB_TOPIC = rf"{_PUBSUB_PROJECT}/{_PUBSUB_NAME}"
_SNS_TOPIC = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[-A-Za-z0-9_]{1,256}"
_WAY = rf"(projects/{_PUBSUB_PROJECT}/subscriptions/{_PUBSUB_NAME}|{_SNS_TOPIC})"
_WAYS = (
    rf"({_WAY}(,{_WAY})*)?",
    "a list of projects/PROJECT/subscriptions/NAME or topics' ARNs, with commas between them",
)
_SHAPES = {
    # it stands in labels of Kubernetes, which begin and end with a letter or digit
    "owner": (
        r"[A-Za-z0-9]([-A-Za-z0-9]{0,38}[A-Za-z0-9])?",
        "up to 40 letters, digits and, between them, dashes",
    ),
    "sources": (r"cluster|directory:.+", "cluster or directory:PATH"),
    "inventory_namespace": (r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "the name of a namespace"),
    "store": (
        rf"memory:|sqlite:.+|firestore:{_PROJECT}(/{_DATABASE})?|dynamodb:{_TABLE}",
        "sqlite:PATH, memory:, firestore:PROJECT[/DATABASE] or dynamodb:TABLE",
    ),
    "bus": (
        rf"inprocess:|pubsub:{_PUBSUB_TOPIC}|sns:{_SNS_TOPIC}",
        "inprocess:, pubsub:PROJECT/TOPIC or sns:TOPIC_ARN",
    ),
    "queues": (r"(https?://\S+|\{.*\})?", "the beginning of a URL or a JSON object of URLs"),
    "work": _WAYS,
    "changes": _WAYS,
    "tokens": ("verify|platform", "verify or platform"),
    "callers": (r"([^\s,@]+@[^\s,@]+(,[^\s,@]+@[^\s,@]+)*)?", "a list of e-mail addresses"),
    "audience": (r"([^\s,]+(,[^\s,]+)*)?", "a list without spaces"),
    "certs": (r"https?://[^\s/]\S*", "an http or https URL"),
    "sns_signatures": ("verify|off", "verify or off"),
    "watch": ("(config|member)?", "config or member"),
    # it stands in the source of events
    "cluster": (r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?", "the name of a cluster"),
    "health": (r"(([-.A-Za-z0-9]+|\[[0-9a-f:]+\]):\d{1,5})?", "HOST:PORT"),
    "compute_endpoint": _URL,
    "dns_endpoint": _URL,
    "pubsub_endpoint": _URL,
    "traces": ("off|otel", "off or otel"),
    "secretmanager_endpoint": _URL,
    "aws_role": (
        rf"({ROLE})?",
        "the ARN of an IAM role",
    ),
    "log_level": ("|".join(_LEVELS), f"one of {', '.join(_LEVELS)}"),
}
_TEXTS = tuple(each.name for each in fields(Settings) if each.name not in _NUMBERS | _COUNTS)


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """
    The settings of this process.

    Args:
        environment: Instead of the process's own, for tests.

    Raises:
        Invalid: One reason per faulty or unknown variable.
    """
    found = os.environ if environment is None else environment  # noqa: TID251  the one place
    reasons: list[str] = []
    values: dict[str, object] = {}
    for variable, value in sorted(found.items()):
        name = variable.removeprefix(_PREFIX).lower()
        if not variable.startswith(_PREFIX) or name in _OTHERS:
            continue
        try:
            values[name] = _value(name, value)
        except ValueError as error:
            reasons.append(f"{variable} {error}")
    reasons += _faults({**asdict(Settings()), **values})
    if reasons:
        raise Invalid(reasons)
    return Settings(**values)  # type: ignore[arg-type]  # names and types were checked above


def _value(name: str, value: str) -> str | float:
    """
    The value of one setting.

    Raises:
        ValueError: There is no such setting, or it is not the number that it must be.
    """
    if name in _TEXTS:
        return value
    if name not in _NUMBERS | _COUNTS:
        near = get_close_matches(name, [*_TEXTS, *_NUMBERS, *_COUNTS], n=1)
        hint = f"; is {_PREFIX}{near[0].upper()} meant?" if near else ""
        raise ValueError(f"is no setting{hint}")
    low, high = (_NUMBERS | _COUNTS)[name]
    try:
        number = int(value) if name in _COUNTS else float(value)
    except ValueError:
        raise ValueError(f"is {value!r}, not a number") from None
    if not low <= number <= high:
        raise ValueError(f"is {value}, not within {low:g} to {high:g}")
    return number


def _faults(values: Mapping[str, object]) -> list[str]:
    roles: tuple[str, ...] = ()
    try:
        account_roles(str(values["aws_roles"]))
    except Invalid as error:
        roles = error.reasons
    return [
        *(f"{_PREFIX}AWS_ROLES {why}" for why in roles),
        *_misshaped(values),
    ]


def _misshaped(values: Mapping[str, object]) -> list[str]:
    return [
        f"{_PREFIX}{name.upper()} is {values[name]!r}, not {what}"
        for name, (pattern, what) in _SHAPES.items()
        if not re.fullmatch(pattern, str(values.get(name, "")))
    ]
