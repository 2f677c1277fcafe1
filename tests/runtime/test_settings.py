"""Settings: every variable, every fault at once, and hints for those who mistype."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.errors import Invalid
from fedingress.runtime.settings import Settings, read

EVERYTHING = {
    "FEDINGRESS_OWNER": "Lab-2",
    "FEDINGRESS_SOURCES": "directory:/srv/ingresses",
    "FEDINGRESS_KUBECONFIG": "/etc/kubeconfig",
    "FEDINGRESS_CONTEXT": "config",
    "FEDINGRESS_INVENTORY_NAMESPACE": "members",
    "FEDINGRESS_STORE": "sqlite:/var/lib/fedingress.db",
    "FEDINGRESS_BUS": "sns:arn:aws:sns:eu-west-1:000000000000:work",
    "FEDINGRESS_QUEUES": "https://sqs.example.com/0/work-",
    "FEDINGRESS_WORK": "projects/lab-1/subscriptions/work-fanout",
    "FEDINGRESS_CHANGES": "projects/lab-1/subscriptions/changes,arn:aws:sns:x:000000000000:c",
    "FEDINGRESS_TOKENS": "platform",
    "FEDINGRESS_CALLERS": "push@lab-1.example,tick@lab-1.example",
    "FEDINGRESS_AUDIENCE": "https://fanout.example",
    "FEDINGRESS_CERTS": "http://127.0.0.1:9/certs",
    "FEDINGRESS_SNS_SIGNATURES": "off",
    "FEDINGRESS_SIGNING_KEY": "/etc/fedingress/key.pem",
    "FEDINGRESS_WATCH": "member",
    "FEDINGRESS_CLUSTER": "gke-us",
    "FEDINGRESS_HEALTH": "[::1]:8080",
    "FEDINGRESS_CHECKPOINT": "/var/lib/watcher/checkpoint.json",
    "FEDINGRESS_DEBOUNCE_SECONDS": "0",
    "FEDINGRESS_SILENCE_SECONDS": "120",
    "FEDINGRESS_PUBSUB_ENDPOINT": "http://127.0.0.1:8085",
    "FEDINGRESS_SECRETMANAGER_ENDPOINT": "http://127.0.0.1:5",
    "FEDINGRESS_GOOGLE_CREDENTIALS": "{}",
    "FEDINGRESS_AWS_ROLE": "arn:aws:iam::123456789012:role/fedingress",
    "FEDINGRESS_AWS_ROLES": "222222222222=arn:aws:iam::222222222222:role/dns#hush",
    "FEDINGRESS_COMPUTE_ENDPOINT": "http://127.0.0.1:9",
    "FEDINGRESS_DNS_ENDPOINT": "https://dns.example.com/",
    "FEDINGRESS_LEASE_SECONDS": "90",
    "FEDINGRESS_TICK_SECONDS": "0.5",
    "FEDINGRESS_WORKERS": "3",
    "FEDINGRESS_FAN_OUT": "64",
    "FEDINGRESS_TRACES": "otel",
    "FEDINGRESS_LOG_LEVEL": "DEBUG",
}
names = st.sampled_from(sorted(EVERYTHING))


def reasons(**variables):
    with pytest.raises(Invalid) as caught:
        read({f"FEDINGRESS_{name}": value for name, value in variables.items()})
    return caught.value.reasons


def test_an_empty_environment_gives_the_defaults():
    """Nothing set, or only variables of others, is the defaults."""
    assert read({}) == Settings()
    assert read({"PATH": "/bin", "XFEDINGRESS_OWNER": "-", "FEDINGRESS_LOCAL": "x"}) == Settings()


def test_every_field_is_one_variable():
    """All variables together are read, each into its field, and no field is left out."""
    settings = read(EVERYTHING)

    assert {f"FEDINGRESS_{field.name.upper()}" for field in fields(Settings)} == set(EVERYTHING)
    assert settings == Settings(
        owner="Lab-2",
        sources="directory:/srv/ingresses",
        kubeconfig="/etc/kubeconfig",
        context="config",
        inventory_namespace="members",
        store="sqlite:/var/lib/fedingress.db",
        bus="sns:arn:aws:sns:eu-west-1:000000000000:work",
        queues="https://sqs.example.com/0/work-",
        work="projects/lab-1/subscriptions/work-fanout",
        changes="projects/lab-1/subscriptions/changes,arn:aws:sns:x:000000000000:c",
        tokens="platform",
        callers="push@lab-1.example,tick@lab-1.example",
        audience="https://fanout.example",
        certs="http://127.0.0.1:9/certs",
        sns_signatures="off",
        signing_key="/etc/fedingress/key.pem",
        watch="member",
        cluster="gke-us",
        health="[::1]:8080",
        checkpoint="/var/lib/watcher/checkpoint.json",
        debounce_seconds=0.0,
        silence_seconds=120.0,
        pubsub_endpoint="http://127.0.0.1:8085",
        secretmanager_endpoint="http://127.0.0.1:5",
        google_credentials="{}",
        aws_role="arn:aws:iam::123456789012:role/fedingress",
        aws_roles="222222222222=arn:aws:iam::222222222222:role/dns#hush",
        compute_endpoint="http://127.0.0.1:9",
        dns_endpoint="https://dns.example.com/",
        lease_seconds=90.0,
        tick_seconds=0.5,
        workers=3,
        fan_out=64,
        traces="otel",
        log_level="DEBUG",
    )


def test_the_processs_own_environment_is_read(monkeypatch):
    """Without an argument the process's variables count."""
    monkeypatch.setenv("FEDINGRESS_OWNER", "mine")
    assert read().owner == "mine"


def test_all_faults_are_told_at_once():
    """Seven faulty variables and an unknown one are eight reasons, each naming its variable."""
    told = reasons(
        OWNER="no spaces",
        SOURCES="folder:/x",
        STORE="redis:",
        COMPUTE_ENDPOINT="compute.example.com",
        LOG_LEVEL="LOUD",
        WORKERS="many",
        TICK_SECONDS="0",
        FANOUT="3",
    )

    assert sorted(text.split()[0] for text in told) == [
        "FEDINGRESS_COMPUTE_ENDPOINT",
        "FEDINGRESS_FANOUT",
        "FEDINGRESS_LOG_LEVEL",
        "FEDINGRESS_OWNER",
        "FEDINGRESS_SOURCES",
        "FEDINGRESS_STORE",
        "FEDINGRESS_TICK_SECONDS",
        "FEDINGRESS_WORKERS",
    ]


def test_an_unknown_variable_gets_a_hint():
    """A near miss is told which variable was meant; a far one only that there is none."""
    assert reasons(FANOUT="3") == ("FEDINGRESS_FANOUT is no setting; is FEDINGRESS_FAN_OUT meant?",)
    assert reasons(ZZZ="3") == ("FEDINGRESS_ZZZ is no setting",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OWNER", ""),
        ("OWNER", "-lab"),
        ("OWNER", "lab-"),
        ("OWNER", "lab\n"),
        ("OWNER", "x" * 41),
        ("OWNER", "\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("SOURCES", "directory:"),
        ("SOURCES", ""),
        ("STORE", "sqlite:"),
        ("STORE", "memory"),
        ("STORE", "firestore:"),
        ("STORE", "firestore:Acme-Prod"),
        ("STORE", "firestore:acme-prod/"),
        ("STORE", "firestore:acme-prod/x"),
        ("STORE", "firestore:acme-prod/(other)"),
        ("STORE", "dynamodb:"),
        ("STORE", "dynamodb:ab"),
        ("STORE", "dynamodb:a/b/c"),
        ("BUS", ""),
        ("BUS", "inprocess"),
        ("BUS", "pubsub:work"),
        ("BUS", "pubsub:lab/ab"),
        ("BUS", "pubsub:projects/lab/topics/work"),
        ("BUS", "sns:work"),
        ("BUS", "sns:arn:aws:sqs:eu-west-1:000000000000:work"),
        ("QUEUES", "work-"),
        ("PUBSUB_ENDPOINT", "127.0.0.1:8085"),
        ("SECRETMANAGER_ENDPOINT", "secretmanager"),
        ("AWS_ROLE", "fedingress"),
        ("INVENTORY_NAMESPACE", ""),
        ("INVENTORY_NAMESPACE", "a/b"),
        ("DNS_ENDPOINT", "https://"),
        ("LEASE_SECONDS", "10"),
        ("LEASE_SECONDS", "nan"),
        ("TICK_SECONDS", "inf"),
        ("WORKERS", "0"),
        ("WORKERS", "2.5"),
        ("FAN_OUT", "257"),
        ("LOG_LEVEL", "debug"),
    ],
)
def test_faulty_values_are_refused(name, value):
    """One reason, which names the variable."""
    (told,) = reasons(**{name: value})
    assert told.startswith(f"FEDINGRESS_{name} is ")


ROLE = "arn:aws:iam::222222222222:role/dns"


def test_each_fault_of_a_role_is_told_and_none_tells_a_secret():
    """Beside the faults of other settings; an external id is repeated nowhere."""
    roles = f"1=x,333333333333={ROLE}#hush!"
    told = reasons(AWS_ROLES=roles, LOG_LEVEL="debug")

    assert [each.startswith("FEDINGRESS_AWS_ROLES ") for each in told] == [True, True, True, False]
    assert "hush" not in str(told)
    kept = read({"FEDINGRESS_AWS_ROLES": f"222222222222={ROLE}#hush"})
    assert kept.aws_roles.endswith("#hush")
    assert "hush" not in repr(kept)


@pytest.mark.parametrize(
    "store",
    [
        "memory:",
        "sqlite:relative.db",
        "firestore:acme-prod",
        "firestore:acme-prod/(default)",
        "firestore:acme-prod/fed-ingress",
        "firestore:example.com:acme-prod/fed-ingress",
        "dynamodb:fedingress",
        "dynamodb:Fed_ingress.2-eu",
    ],
)
def test_stores(store):
    """Each kind of store, as its cloud lets it be named."""
    assert read({"FEDINGRESS_STORE": store}).store == store


@given(st.dictionaries(names, st.text(max_size=30)))
def test_any_text_is_a_setting_or_refused(variables):
    """Whatever stands in the variables, reading gives settings or reasons, and nothing else."""
    try:
        found = read(variables)
    except Invalid as error:
        found = error.reasons

    if not isinstance(found, Settings):
        assert found
        assert all(any(each.startswith(f"{name} ") for name in variables) for each in found)
