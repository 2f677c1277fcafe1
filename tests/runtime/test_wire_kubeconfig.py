"""A kubeconfig that stands in a secret, as functions have it that have no files."""

import json

import pytest

from fedingress.adapters.kube.amazon import AmazonIdentity
from fedingress.adapters.kube.google import GoogleIdentity
from fedingress.domain.errors import Forbidden, Invalid
from fedingress.runtime.settings import Settings
from fedingress.runtime.wire import config_connection

ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:config-AbCdEf"
VERSION = "projects/lab/secrets/config/versions/latest"
KUBECONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "secret-token"}}],
    "contexts": [
        {"name": "config", "context": {"cluster": "c", "user": "u"}},
        {"name": "other", "context": {"cluster": "missing", "user": "u"}},
    ],
    "current-context": "config",
}


@pytest.fixture
def secrets(monkeypatch):
    """What both clouds keep, by reference."""
    kept = {ARN: json.dumps(KUBECONFIG), VERSION: json.dumps(KUBECONFIG)}
    for identity in (AmazonIdentity, GoogleIdentity):
        monkeypatch.setattr(identity, "secret", lambda _self, name: kept[name])
    return kept


@pytest.mark.parametrize("reference", [ARN, VERSION])
def test_a_secret_holds_the_kubeconfig(secrets, reference):
    """Either cloud's secret leads to the server that it names, with its token."""
    connection = config_connection(Settings(kubeconfig=reference), "tests")

    assert connection._client.configuration.host == "https://127.0.0.1:1"
    assert connection._credentials(False) == "Bearer secret-token"
    connection.close()


@pytest.mark.parametrize(
    "text", ["", "secret-token: [", "[1]", "secret-token", '{"clusters": 7, "contexts": 7}']
)
def test_another_text_is_refused_and_not_quoted(secrets, text):
    """The error names the secret, never what is in it."""
    secrets[ARN] = text

    with pytest.raises(Invalid) as told:
        config_connection(Settings(kubeconfig=ARN), "tests")
    assert ARN in str(told.value)
    assert "secret-token" not in str(told.value)


def test_a_context_that_leads_nowhere_is_refused(secrets):
    """The setting chooses the context in a secret, too."""
    with pytest.raises(Invalid, match="cannot be used"):
        config_connection(Settings(kubeconfig=ARN, context="other"), "tests")


def test_a_secret_that_may_not_be_read_says_so(monkeypatch):
    """What the cloud refuses reaches the caller."""

    def refuse(_self, name):
        raise Forbidden(f"{name}: AWS answers AccessDeniedException")

    monkeypatch.setattr(AmazonIdentity, "secret", refuse)

    with pytest.raises(Forbidden, match="AccessDenied"):
        config_connection(Settings(kubeconfig=ARN), "tests")
