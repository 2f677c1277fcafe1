"""`fedingress serve`: the embedded home in the foreground."""

import signal
import sys
import threading

EXAMPLES = """Examples:

FEDINGRESS_KUBECONFIG=~/.kube/config FEDINGRESS_CONTEXT=config fedingress serve

FEDINGRESS_SOURCES=directory:examples/shop fedingress serve

Settings are variables: docs/reference/settings.md.
"""


def serve() -> None:
    """Run everything in this one process, until it is interrupted; it logs to standard error."""
    from fedingress.runtime.embedded import Embedded  # noqa: PLC0415  loads every adapter
    from fedingress.runtime.home import log_to_stderr  # noqa: PLC0415
    from fedingress.runtime.settings import read  # noqa: PLC0415

    settings = read()
    log_to_stderr(settings.log_level)
    until = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: until.set())
    print(f"serving {settings.sources}, state in {settings.store}", file=sys.stderr)
    Embedded(settings).run(until)
