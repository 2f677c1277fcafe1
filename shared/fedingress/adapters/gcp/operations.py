"""
Waiting for GCE's operations, side by side and within a budget.

Called by `load_balancers`. The API's own `wait` holds a request for up to two minutes, which fits
no budget of a function; reading with growing pauses does.

Source: compute v1, globalOperations.get, zoneOperations.get and the Operation resource.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from fedingress.adapters.gcp.compute import Compute
from fedingress.adapters.gcp.errors import RAISE_QUOTA, Missing
from fedingress.domain.errors import Unavailable
from fedingress.ports.load_balancers import Operation

_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0
_LEAST_TIMEOUT_SECONDS: Final = 0.5
_SIDE_BY_SIDE: Final = 8
_QUOTA: Final = "QUOTA_EXCEEDED"
"""Many quotas are looked at only once the change was accepted."""


def wait(
    compute: Compute, operations: Sequence[Operation], *, seconds: float, call_seconds: float
) -> tuple[Sequence[Operation], Sequence[str]]:
    """
    Read each operation until it is done, all in parallel; at least once.

    Args:
        compute: Where to ask.
        operations: Any number, of any project.
        seconds: The budget for all.
        call_seconds: The longest that one request may take.

    Returns:
        Those still pending, and a sentence for each that ended in an error.
    """
    if not operations:
        return [], []
    deadline = time.monotonic() + seconds
    pending, errors, pause = list(operations), [], _FIRST_PAUSE_SECONDS
    with ThreadPoolExecutor(max_workers=min(_SIDE_BY_SIDE, len(operations))) as pool:
        while True:
            left = max(deadline - time.monotonic(), _LEAST_TIMEOUT_SECONDS)
            limit = min(left, call_seconds)
            read = list(pool.map(partial(_read, compute, limit), pending))
            errors += [text for answers in read if answers is not None for text in answers]
            pending = [each for each, answers in zip(pending, read, strict=True) if answers is None]
            left = deadline - time.monotonic()
            if not pending or left <= 0:
                return pending, errors
            time.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def is_done(answer: Any) -> bool:
    """Whether an Operation message is at its end."""
    return bool(answer.status == type(answer).Status.DONE)


def errors_of(answer: Any) -> list[str]:
    """The sentences of an operation that failed; empty for one that went well."""
    found = [_sentence(each) for each in answer.error.errors]
    if not found and answer.http_error_message:
        found = [str(answer.http_error_message)]
    return found


def _sentence(fault: Any) -> str:
    text = str(fault.message or fault.code)
    return text.rstrip(".") + f"; {RAISE_QUOTA}" if _QUOTA in str(fault.code) else text


def _read(compute: Compute, seconds: float, operation: Operation) -> list[str] | None:
    """The errors of an operation that is done, None while it runs."""
    try:
        answer = compute.operation(operation, seconds=seconds)
    except Missing:
        # Kept for days, so it is over long ago; what it left is for the next observation to see.
        return []
    except Unavailable:
        return None
    if not is_done(answer):
        return None
    return [f"{operation.label}: {text}" for text in errors_of(answer)]
