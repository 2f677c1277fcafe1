"""Refusals of AWS services, as their clients see them."""


class AwsError(Exception):
    """
    A request is refused.

    Attributes:
        code: For instance ``InvalidChangeBatch``.
        message: The service's own text.
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


# What an injected HTTP status means; 400 is the one that clients of Route 53 meet most.
_INJECTED = {
    400: ("Throttling", "Rate exceeded"),
    403: ("AccessDenied", "User is not authorized to perform this operation"),
    500: ("InternalFailure", "The request processing has failed because of an unknown error"),
    503: ("ServiceUnavailable", "The service is temporarily unavailable"),
}


def injected(status: int) -> AwsError:
    """Give the refusal that a fault with an HTTP *status* stands for."""
    code, message = _INJECTED.get(status, ("InternalFailure", "injected fault"))
    return AwsError(code, message, status)
