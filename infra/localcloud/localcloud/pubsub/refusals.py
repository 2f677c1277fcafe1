"""How Pub/Sub refuses: a gRPC status code and a sentence."""

import grpc

Code = grpc.StatusCode


class RefusedError(Exception):
    """Ends a call with *code*."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> RefusedError:
    """The request is wrong in itself."""
    return RefusedError(Code.INVALID_ARGUMENT, message)


def missing(name: str) -> RefusedError:
    """There is no such topic or subscription."""
    short = name.rsplit("/", 1)[-1]
    return RefusedError(Code.NOT_FOUND, f"Resource not found (resource={short}).")


def unmodelled(what: str) -> RefusedError:
    """Pub/Sub has it, the stand-in has not."""
    return RefusedError(Code.UNIMPLEMENTED, f"The local Pub/Sub does not model {what}.")
