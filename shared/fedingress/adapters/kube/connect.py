"""
How connections to API servers come about: from a server's address, a kubeconfig, or a pod's own
service account. The official client is imported here, when the first connection is made.

No proxy of the environment is used (a kubeconfig's own `proxy-url` is) and no redirect followed: a
token is for one server only.
"""

# ruff: noqa: PLC0415  the SDK is imported where it is first needed, never with this module

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from fedingress.adapters.kube.connection import Connection, Credentials, Timeouts
from fedingress.adapters.kube.errors import excerpt
from fedingress.domain.errors import Invalid

_POOL_SOCKETS: Final = 32


def user_agent(concern: str) -> str:
    """`fedingress/<version> (<concern>)`, by which API servers and audit logs know us."""
    try:
        return f"fedingress/{version('federated-ingress')} ({concern})"
    except PackageNotFoundError:
        return f"fedingress/0 ({concern})"


def to_server(
    server: str,
    *,
    name: str,
    ca_data: str,
    credentials: Credentials,
    concern: str,
    timeouts: Timeouts | None = None,
) -> Connection:
    """
    A connection to *server* (https), whose certificate *ca_data* (PEM) has signed; an empty one
    means the public authorities.

    Raises:
        Invalid: The server's address is not https, or *ca_data* holds no certificate.
    """
    if not server.startswith("https://"):
        raise Invalid(f"{name}: {excerpt(server)} is not an https address")
    if ca_data and "-----BEGIN CERTIFICATE-----" not in ca_data:
        raise Invalid(f"{name}: its certificate authority is not in PEM form")
    configuration = _configuration()
    configuration.host = server.rstrip("/")
    # A context that holds one authority is built in a hundredth of the time that all of the
    # system's take, which counts with a hundred members.
    configuration.ca_cert_data = ca_data or None
    return _connection(configuration, name, credentials, concern, timeouts)


def from_kubeconfig(
    path: str,
    *,
    concern: str,
    context: str = "",
    timeouts: Timeouts | None = None,
) -> Connection:
    """
    A connection as *context* (the current one if empty) of the kubeconfig at *path*.

    Certificates, tokens and exec plugins are the official loader's business: the file is the
    user's own.

    Raises:
        Invalid: The file or the context cannot be used.
    """
    place = Path(path).expanduser()
    if not place.is_file():
        raise Invalid(f"{path} cannot be used: there is no such file")
    return _from_kubeconfig(
        {"config_file": str(place)}, path, context=context, concern=concern, timeouts=timeouts
    )


def from_kubeconfig_text(
    text: str,
    *,
    name: str,
    concern: str,
    context: str = "",
    timeouts: Timeouts | None = None,
) -> Connection:
    """
    The same of a kubeconfig that is no file; *name* says in errors where it was.

    Raises:
        Invalid: The text or the context cannot be used.
    """
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:  # what it says might quote the text, which holds a token
        raise Invalid(f"{name} holds no kubeconfig") from error
    if not isinstance(found, dict):
        raise Invalid(f"{name} holds no kubeconfig")
    return _from_kubeconfig(
        {"config_dict": found}, name, context=context, concern=concern, timeouts=timeouts
    )


def _from_kubeconfig(
    where: dict[str, Any], name: str, *, context: str, concern: str, timeouts: Timeouts | None
) -> Connection:
    from kubernetes import config
    from yaml import YAMLError

    configuration = _configuration()
    load: Any = (
        config.load_kube_config_from_dict if "config_dict" in where else config.load_kube_config
    )
    try:
        load(
            **where,
            context=context or None,
            client_configuration=configuration,
            persist_config=False,
        )
    except (config.ConfigException, OSError, ValueError, YAMLError) as error:
        raise Invalid(f"{name} cannot be used: {excerpt(str(error))}") from error
    except (TypeError, AttributeError, KeyError) as error:  # the loader does not check its types
        raise Invalid(f"{name} is no kubeconfig") from error
    told = context or "the config cluster"
    return _connection(configuration, told, _loaded(configuration), concern, timeouts)


def in_cluster(*, concern: str, timeouts: Timeouts | None = None) -> Connection:
    """
    A connection as the service account of the pod that we run in; its token is re-read.

    Raises:
        Invalid: We do not run in a pod.
    """
    from kubernetes import config

    configuration = _configuration()
    try:
        load: Any = config.load_incluster_config
        load(client_configuration=configuration)
    except config.ConfigException as error:
        raise Invalid(
            "no config cluster is named: set FEDINGRESS_KUBECONFIG to a kubeconfig that reaches it "
            "(a service account is used inside a pod only); of the lab: "
            'eval "$(fedingress local env)"'
        ) from error
    return _connection(
        configuration, "the config cluster", _loaded(configuration), concern, timeouts
    )


def _configuration() -> Any:
    from kubernetes.client import Configuration

    configuration = Configuration()
    configuration.proxy = None
    configuration.retries = False
    configuration.connection_pool_maxsize = _POOL_SOCKETS
    return configuration


def _connection(
    configuration: Any, name: str, credentials: Credentials, concern: str, timeouts: Timeouts | None
) -> Connection:
    from kubernetes.client import ApiClient

    client = ApiClient(configuration)
    client.user_agent = user_agent(concern)
    return Connection(client, name=name, credentials=credentials, timeouts=timeouts or Timeouts())


def _loaded(configuration: Any) -> Credentials:
    """What the official loader has put into *configuration*, refreshed by its own hook."""

    def authorization(_refused: str) -> str:
        if configuration.username:
            return str(configuration.get_basic_auth_token())
        token = configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        return str(token or "")

    return authorization
