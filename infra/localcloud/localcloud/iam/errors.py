"""
Refusals of STS, as its query protocol writes them.

Source: AWS STS API reference, "Common Errors"; IAM User Guide, "Troubleshoot Signature Version 4".
"""

from html import escape

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class StsError(Exception):
    """An answer with a code and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> str:
        """Give the XML."""
        return (
            f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type>'
            f"<Code>{self.code}</Code><Message>{escape(self.message)}</Message></Error>"
            "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
        )
