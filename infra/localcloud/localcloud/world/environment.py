"""
What a world tells its users: settings for the functions, variables and a function for a shell.

The product never knows that it is in the lab: it gets endpoints from its own settings and from the
variables that the official SDKs read. Pure; `world` gives the ports.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_NO_PROXY = "127.0.0.1,localhost,127.0.0.0/8,::1"

_FCURL = r"""
# fcurl [--region REGION] [-6] URL [curl arguments, in any order]: ask the lab's DNS, as a client of
# that region would, and request URL from the address it gave; with -6 over IPv6, from nowhere.
fcurl() {
  _fc_region=${LOCALCLOUD_REGION} _fc_type=A
  if [ "$1" = --region ]; then _fc_region=$2; shift 2; fi
  if [ "$1" = -6 ]; then _fc_type=AAAA; shift; fi
  _fc_url=
  for _fc_word in "$@"; do
    case $_fc_word in http://*|https://*) _fc_url=$_fc_word; break ;; esac
  done
  if [ -z "$_fc_url" ]; then
    echo "fcurl: no URL that begins with http:// or https://" >&2; return 2
  fi
  _fc_host=${_fc_url#*://}; _fc_host=${_fc_host%%[/?#]*}; _fc_host=${_fc_host%%:*}
  _fc_name=$(printf '%s' "$_fc_region" | tr 'a-z-' 'A-Z_')
  eval "_fc_client=\${LOCALCLOUD_CLIENT_${_fc_name}:-}"
  if [ -z "$_fc_client" ]; then
    echo "fcurl: no region $_fc_region; there are: $LOCALCLOUD_REGIONS" >&2; return 2
  fi
  if command -v dig >/dev/null 2>&1; then
    _fc_address=$(dig +short +time=2 +tries=2 -b "$_fc_client" -p "${LOCALCLOUD_DNS##*:}" \
      "@${LOCALCLOUD_DNS%:*}" "$_fc_host" "$_fc_type" | grep -E '^[0-9a-f:.]+$' | head -n 1)
  else
    _fc_address=$(fedingress local resolve --client "$_fc_client" --type "$_fc_type" "$_fc_host" \
      | head -n 1)
  fi
  if [ -z "$_fc_address" ]; then
    echo "fcurl: the lab's DNS has no address for $_fc_host" >&2; return 6
  fi
  if [ "$_fc_type" = AAAA ]; then
    _fc_http=$(_fc_port "$_fc_address" 80) _fc_https=$(_fc_port "$_fc_address" 443)
    curl --silent --show-error --noproxy '*' --connect-to "$_fc_host:80:[::1]:$_fc_http" \
      --connect-to "$_fc_host:443:[::1]:$_fc_https" "$@"
    return
  fi
  curl --silent --show-error --noproxy '*' --interface "$_fc_client" \
    --connect-to "$_fc_host:80:$_fc_address:$LOCALCLOUD_HTTP_PORT" \
    --connect-to "$_fc_host:443:$_fc_address:$LOCALCLOUD_HTTPS_PORT" "$@"
}
_fc_port() {
  curl --silent --noproxy '*' "$LOCALCLOUD_CONTROL/ports/$1/$2" \
    | sed -n 's/.*"port": *\([0-9]*\).*/\1/p'
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """
    Where the parts of a running world are.

    Attributes:
        state: Folder of its files.
        kubeconfig: One context per cluster, for people.
        functions_kubeconfig: The one context ``config``, for the functions.
        gcp_port: Compute Engine and Cloud DNS.
        metadata_port: Metadata server.
        sts_port: AWS STS.
        aws_key: Access key of the functions' role, and its secret.
        aws_port: Every service of Amazon's.
        dns_port: DNS answers.
        control_port: Control API.
        http_port: In place of 80.
        https_port: In place of 443.
        project: GCP project.
        aws_roles: The roles of other accounts, as the functions' setting names them.
        clients: Region to the source address of its clients.
    """

    state: Path
    kubeconfig: Path
    functions_kubeconfig: Path
    gcp_port: int
    metadata_port: int
    sts_port: int
    aws_key: tuple[str, str] = field(repr=False)
    aws_port: int
    dns_port: int
    control_port: int
    http_port: int
    https_port: int
    project: str
    aws_roles: str = field(repr=False)
    clients: Mapping[str, str]


def environment(places: Places) -> dict[str, str]:
    """Give every variable, for the functions, the SDKs, ``kubectl``, ``gcloud`` and people."""
    google = f"http://127.0.0.1:{places.gcp_port}"
    metadata = f"127.0.0.1:{places.metadata_port}"
    clients = {
        f"LOCALCLOUD_CLIENT_{region.upper().replace('-', '_')}": address
        for region, address in places.clients.items()
    }
    return {
        "FEDINGRESS_KUBECONFIG": str(places.functions_kubeconfig),
        "FEDINGRESS_COMPUTE_ENDPOINT": google,
        "FEDINGRESS_DNS_ENDPOINT": google,
        "FEDINGRESS_STORE": f"sqlite:{places.state / 'store.sqlite'}",
        "FEDINGRESS_OWNER": "lab",
        "FEDINGRESS_LOCAL": str(places.state),
        **({"FEDINGRESS_AWS_ROLES": places.aws_roles} if places.aws_roles else {}),
        "GCE_METADATA_HOST": metadata,
        "GCE_METADATA_IP": metadata,
        "GCE_METADATA_ROOT": metadata,
        "GOOGLE_CLOUD_PROJECT": places.project,
        **_amazon(places.aws_key, f"http://127.0.0.1:{places.aws_port}"),
        "AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{places.sts_port}",
        "NO_PROXY": _NO_PROXY,
        "no_proxy": _NO_PROXY,
        "KUBECONFIG": str(places.kubeconfig),
        "CLOUDSDK_CONFIG": str(places.state / "gcloud"),
        "CLOUDSDK_CORE_PROJECT": places.project,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{google}/compute/v1/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_DNS": f"{google}/dns/v1/",
        "LOCALCLOUD_DNS": f"127.0.0.1:{places.dns_port}",
        "LOCALCLOUD_HTTP_PORT": str(places.http_port),
        "LOCALCLOUD_HTTPS_PORT": str(places.https_port),
        "LOCALCLOUD_CA": str(places.state / "ca.pem"),
        "LOCALCLOUD_CONTROL": f"http://127.0.0.1:{places.control_port}",
        "LOCALCLOUD_REGIONS": " ".join(places.clients),
        "LOCALCLOUD_REGION": next(iter(places.clients)),
        **clients,
    }


def _amazon(key: tuple[str, str], endpoint: str) -> dict[str, str]:
    """What boto3 and the ``aws`` command read; STS and EKS clusters verify who signed."""
    return {
        "AWS_ENDPOINT_URL_ACM": endpoint,
        "AWS_ENDPOINT_URL_CLOUDWATCH": endpoint,
        "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2": endpoint,
        "AWS_ENDPOINT_URL_GLOBAL_ACCELERATOR": endpoint,
        "AWS_ENDPOINT_URL_ROUTE_53": endpoint,
        "AWS_ACCESS_KEY_ID": key[0],
        "AWS_SECRET_ACCESS_KEY": key[1],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def shell(variables: Mapping[str, str]) -> str:
    """Give text for ``eval`` in a POSIX shell: the variables and the function ``fcurl``."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(lines) + "\n" + _FCURL
