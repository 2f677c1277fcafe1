"""The real clock."""

import time


class SystemClock:
    """The port `Clock` on this machine's time."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(max(0.0, seconds))
