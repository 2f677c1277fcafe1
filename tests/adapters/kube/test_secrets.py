"""
Tokens that are kept in a cloud's secret store, and Google's word on AWS: each from either home.

One server on loopback plays Secret Manager, Secrets Manager and Google's token exchange; it
verifies signatures of AWS by its own keys (the lab's), and Google's tokens by those it issued.
"""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from fedingress.adapters.gcp.record_sets import CloudDnsRecordSets
from fedingress.adapters.kube.amazon import AmazonIdentity
from fedingress.adapters.kube.credentials import MemberCredentials
from fedingress.adapters.kube.google import GoogleIdentity
from fedingress.domain.cluster import Access
from fedingress.domain.errors import Forbidden, Unavailable
from fedingress.domain.policy import ZoneRef
from fedingress.runtime.settings import read
from fedingress.runtime.wire import google_credentials
from localcloud.iam import Identities
from localcloud.iam.errors import StsError
from localcloud.iam.identities import role_arn
from localcloud.iam.signing import Request

pytestmark = pytest.mark.wire

ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:fleet/rack-AbCdEf"
VERSION = "projects/shop/secrets/rack/versions/latest"
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws"


class Clouds:
    """What the server knows, and what it was asked."""

    def __init__(self):
        self.identities = Identities()
        self.key = self.identities.key(role_arn("functions"), lifetime_seconds=3600)
        self.texts = {ARN: "sesame-aws\n", VERSION: "sesame-google\n"}
        self.issued, self.asked, self.status = set(), [], 0

    def answer(self, method, path, headers, body):
        self.asked.append(path)
        if self.status:
            return self.status, {}
        if path.endswith(":access"):
            return self._version(path, headers)
        if path.startswith("/dns/v1/"):
            bearer = headers.get("authorization", "").removeprefix("Bearer ")
            return (200, {"dnsName": "Example.com."}) if bearer in self.issued else (401, {})
        if path == "/v1/token":
            return self._exchange(json.loads(body) if body.startswith(b"{") else body)
        return self._secret(method, path, headers, body)

    def _version(self, path, headers):
        if headers.get("authorization", "").removeprefix("Bearer ") not in self.issued:
            return 401, {"error": {"code": 401}}
        text = self.texts.get(path.removeprefix("/v1/").removesuffix(":access"))
        if text is None:
            return 403, {"error": {"code": 403}}
        data = text if isinstance(text, bytes) else base64.b64encode(text.encode()).decode()
        return 200, {"payload": {"data": data if isinstance(data, str) else data.decode()}}

    def _secret(self, method, path, headers, body):
        request = Request(method=method, path=path, query=(), headers=headers, body=body)
        try:
            self.identities.who(request, service="secretsmanager")
        except StsError as error:
            return 400, {"__type": error.code, "message": error.message}
        text = self.texts.get(json.loads(body)["SecretId"])
        if text is None:
            return 400, {"__type": "AccessDeniedException", "message": "not authorized"}
        return 200, {"ARN": ARN, "Name": "rack", "SecretString": text}

    def _exchange(self, body):
        """Google verifies that STS would know the signer of the request within the token."""
        told = dict(parse_qsl(body.decode())) if isinstance(body, bytes) else body
        inner = json.loads(unquote(told["subject_token"]))
        url = urlsplit(inner["url"])
        headers = {item["key"].lower(): item["value"] for item in inner["headers"]}
        request = Request(
            method=inner["method"],
            path=url.path or "/",
            query=parse_qsl(url.query),
            headers={"host": url.netloc, **headers},
        )
        try:
            self.identities.who(request)
        except StsError as error:
            return 400, {"error": "invalid_grant", "error_description": error.code}
        assert headers["x-goog-cloud-target-resource"] == told["audience"] == AUDIENCE
        token = f"ya29.federated-{len(self.issued)}"
        self.issued.add(token)
        kind = "urn:ietf:params:oauth:token-type:access_token"
        return 200, {
            "access_token": token,
            "issued_token_type": kind,
            "token_type": "Bearer",
            "expires_in": 3600,
        }


@pytest.fixture
def clouds(monkeypatch):
    made = Clouds()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, found = made.answer(self.command, self.path, headers, self.rfile.read(length))
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST  # noqa: N815  the name that http.server calls

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "AWS_ACCESS_KEY_ID": made.key.key_id,
        "AWS_SECRET_ACCESS_KEY": made.key.secret,
        "AWS_SESSION_TOKEN": made.key.session_token,
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": made.url,
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    yield made
    server.shutdown()
    thread.join(10)
    server.server_close()


def federation(clouds):
    """What `gcloud iam workload-identity-pools create-cred-config --aws` writes."""
    return json.dumps(
        {
            "type": "external_account",
            "audience": AUDIENCE,
            "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
            "token_url": f"{clouds.url}/v1/token",
            "credential_source": {
                "environment_id": "aws1",
                "regional_cred_verification_url": (
                    "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
                ),
            },
        }
    )


def header(clouds, secret, *, google=None):
    google = google or GoogleIdentity(federation(clouds), secrets_endpoint=clouds.url)
    access = Access(provider="fedingress-token", server="https://127.0.0.1:1", token_secret=secret)
    found = MemberCredentials(lambda _: "", google=google, amazon=AmazonIdentity())
    return found.of(access)


def test_a_function_on_aws_has_a_google_token(clouds):
    """Its role's signature is exchanged; no key of Google's is anywhere. One serves all members."""
    google = GoogleIdentity(federation(clouds))
    access = Access(provider="gke", server="https://127.0.0.1:1")
    credentials = MemberCredentials(lambda _: "", google=google)
    found = {credentials.of(access)("") for _ in range(3)}

    assert found == {"Bearer ya29.federated-0"}
    assert clouds.asked == ["/v1/token"]


def test_a_function_on_aws_reaches_googles_own_apis(clouds):
    """Zones and load balancers of Google are spoken to by the same federation as members."""
    settings = read({"FEDINGRESS_GOOGLE_CREDENTIALS": federation(clouds)})
    zones = CloudDnsRecordSets(clouds.url, credentials=google_credentials(settings))
    zone = ZoneRef(provider="cloud-dns", project="lab", name="example-com", domain="example.com")

    assert zones.domain(zone) == "example.com"
    assert clouds.asked[0] == "/v1/token"

    clouds.identities.forget(clouds.key.key_id)
    refused = CloudDnsRecordSets(clouds.url, credentials=google_credentials(settings))
    with pytest.raises(Forbidden):
        refused.domain(zone)


def test_a_role_that_google_does_not_take(clouds):
    """The refusal is told, and holds no secret."""
    clouds.identities.forget(clouds.key.key_id)
    with pytest.raises(Forbidden, match="no Google credentials") as caught:
        GoogleIdentity(federation(clouds)).header()
    assert clouds.key.secret not in str(caught.value)
    assert clouds.key.session_token not in str(caught.value)


def test_a_token_of_secret_manager_is_read_from_aws(clouds):
    """By the federated identity, once while the member takes it."""
    found = header(clouds, VERSION)
    assert [found(""), found("")] == ["Bearer sesame-google"] * 2
    assert clouds.asked == ["/v1/token", f"/v1/{VERSION}:access"]
    clouds.texts[VERSION] = "rotated"
    assert found("Bearer sesame-google") == "Bearer rotated"


def test_a_token_of_secrets_manager_is_read_with_the_functions_role(clouds):
    """In the region of its ARN, signed."""
    assert header(clouds, ARN)("") == "Bearer sesame-aws"


@pytest.mark.parametrize("secret", [VERSION, ARN])
def test_a_secret_that_we_may_not_read_names_itself(clouds, secret):
    """And one that cannot be had just now is waited for."""
    kept = clouds.texts.pop(secret)
    with pytest.raises(Forbidden, match="rack"):
        header(clouds, secret)("")
    clouds.texts[secret] = " \n" if secret == ARN else b"%%%"
    with pytest.raises(Forbidden, match="holds no token"):
        header(clouds, secret)("")
    clouds.texts[secret] = kept
    google = GoogleIdentity(federation(clouds), secrets_endpoint=clouds.url)
    google.header()
    clouds.status = 503
    with pytest.raises(Unavailable) as caught:
        header(clouds, secret, google=google)("")
    assert "sesame" not in str(caught.value)
