"""
ACM's operations on imported certificates, for one region at a time.

Not served: certificates that Amazon issues (requests, validation, renewal), private authorities,
export, tags of their own, filters.

Source: ACM API reference; an import with an ARN replaces what that ARN had, wherever it is shown.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.aws.acm.certificates import Certificate, Certificates, new_arn, read, tags_of
from localcloud.aws.elb.balancers import ACCOUNT
from localcloud.aws.wire.errors import AwsError

Values = Mapping[str, Any]

_PAGE = 1000


class Acm:
    """The service; answers by operation, region and values."""

    def __init__(
        self,
        certificates: Certificates,
        in_use_by: Callable[[str], list[str]],
        clock: Callable[[], float],
    ) -> None:
        """
        Serve *certificates*.

        Args:
            certificates: Of the account.
            in_use_by: ARN of a certificate -> ARNs of the load balancers that show it.
            clock: Seconds since 1970.
        """
        self.certificates = certificates
        self._in_use_by = in_use_by
        self._clock = clock
        self._operations: Mapping[str, Callable[[str, Values], dict[str, Any]]] = {
            "ImportCertificate": self._import,
            "DescribeCertificate": self._describe,
            "GetCertificate": self._get,
            "ListCertificates": self._list,
            "DeleteCertificate": self._delete,
        }

    def answer(self, operation: str, region: str, values: Values) -> dict[str, Any]:
        """
        Carry out one operation in a region.

        Raises:
            AwsError: Refused, or the local cloud does not serve it.
        """
        handler = self._operations.get(operation)
        if handler is None:
            raise AwsError("NotImplemented", f"The local cloud serves no {operation}", 501)
        return handler(region, values)

    def _import(self, region: str, values: Values) -> dict[str, Any]:
        arn = values.get("CertificateArn")
        before = self._found(region, arn) if arn else None
        if before is not None and values.get("Tags"):
            raise AwsError("ValidationException", "A reimported certificate keeps its tags.")
        chain = _text(values, "Certificate")
        key = _text(values, "PrivateKey")
        try:
            leaf = read(chain, key)
        except ValueError as reason:
            raise AwsError("ValidationException", str(reason)) from reason
        made = Certificate(
            arn=before.arn if before else new_arn(region, ACCOUNT),
            region=region,
            leaf=leaf,
            chain=f"{chain.strip()}\n{_text(values, 'CertificateChain').strip()}".strip() + "\n",
            key=key,
            imported=self._clock(),
            tags=before.tags if before else tags_of(values.get("Tags")),
        )
        self.certificates.put(made)
        return {"CertificateArn": made.arn}

    def _describe(self, region: str, values: Values) -> dict[str, Any]:
        found = self._found(region, values["CertificateArn"])
        names = found.names
        return {
            "Certificate": {
                "CertificateArn": found.arn,
                "DomainName": names[0] if names else "",
                "SubjectAlternativeNames": list(names),
                "Serial": f"{found.leaf.serial_number:032x}",
                "Subject": found.leaf.subject.rfc4514_string(),
                "Issuer": found.leaf.issuer.rfc4514_string(),
                "ImportedAt": found.imported,
                "NotBefore": found.leaf.not_valid_before_utc.timestamp(),
                "NotAfter": found.leaf.not_valid_after_utc.timestamp(),
                "Status": "ISSUED",
                "Type": "IMPORTED",
                "InUseBy": self._in_use_by(found.arn),
            }
        }

    def _get(self, region: str, values: Values) -> dict[str, Any]:
        return {"Certificate": self._found(region, values["CertificateArn"]).chain}

    def _list(self, region: str, values: Values) -> dict[str, Any]:
        rows = sorted(
            (each for each in self.certificates.all.values() if each.region == region),
            key=lambda each: each.arn,
        )
        start = int(values.get("NextToken") or 0)
        end = start + int(values.get("MaxItems") or _PAGE)
        return {
            "CertificateSummaryList": [
                {
                    "CertificateArn": each.arn,
                    "DomainName": each.names[0] if each.names else "",
                    "Status": "ISSUED",
                    "Type": "IMPORTED",
                    "InUse": bool(self._in_use_by(each.arn)),
                }
                for each in rows[start:end]
            ],
            "NextToken": str(end) if end < len(rows) else None,
        }

    def _delete(self, region: str, values: Values) -> dict[str, Any]:
        found = self._found(region, values["CertificateArn"])
        if self._in_use_by(found.arn):
            message = f"Certificate {found.arn} in account {ACCOUNT} is in use."
            raise AwsError("ResourceInUseException", message)
        self.certificates.remove(found.arn)
        return {}

    def _found(self, region: str, arn: str) -> Certificate:
        found = self.certificates.find(region, arn)
        if found is None:
            message = f"Could not find certificate {arn}."
            raise AwsError("ResourceNotFoundException", message)
        return found


def _text(values: Values, name: str) -> str:
    """The text of a member that is a blob, which travels in base64."""
    try:
        return base64.b64decode(values.get(name, ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AwsError("SerializationException", f"{name} is no PEM in base64") from error
