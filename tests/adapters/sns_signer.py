"""SNS's signature, for tests: a key and certificate of its own, and notifications signed by it."""

import base64
import datetime as dt
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from fedingress.adapters.sns_signatures import signed

URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"


class SnsSigner:
    """Signs as SNS does, and serves the certificate as its address would."""

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        self.asked = []

    def __call__(self, url):
        """The certificate, whatever the address."""
        self.asked.append(url)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    def notification(self, message, topic, *, version="2", **more):
        """A notification of *topic*, signed."""
        made = {
            "Type": "Notification",
            "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
            "TopicArn": topic,
            "Message": message if isinstance(message, str) else json.dumps(message),
            "Timestamp": "2026-11-20T19:13:55.749Z",
            "SignatureVersion": version,
            "SigningCertURL": URL,
            **more,
        }
        digest = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = self.key.sign(signed(made), padding.PKCS1v15(), digest)
        return made | {"Signature": base64.b64encode(signature).decode()}
