"""
Random schedules from the command line: play seeds again, or many more than the suite has time for.

    python -m tests.schedules --seed 7
    python -m tests.schedules --level queue --seed 0 --count 10000
    python -m tests.schedules --level stores --count 200
    python -m tests.schedules --level product-stores --count 300

Levels: `ports`, the whole product in memory (`tests.schedules.product`); `queue`, the queue and
`invoke` alone (`tests.runtime.queue_schedules`); `stores`, the queue over every store: memory,
SQLite, and DynamoDB and Firestore where ministack and Google's emulator can run; `product-stores`,
the whole product over DynamoDB and Firestore. Exit status 1 with the first seed that does not hold.
"""

import argparse
import subprocess
import sys
import time

from fedingress.adapters.stores.memory import MemoryStore
from tests.runtime import queue_schedules
from tests.schedules import product

LEVELS = ("ports", "queue", "stores", "product-stores")
OVER_STORES = {"stores": "random_schedules", "product-stores": "product_schedules"}


def main(words=None):
    """Play what the command line asks for; the exit status."""
    asked = _asked(words)
    seeds = range(asked.seed, asked.seed + asked.count)
    if asked.level in OVER_STORES:
        return _stores(asked)
    began = time.monotonic()
    try:
        if asked.level == "ports":
            tally = product.play_all(seeds)
        else:
            tally = queue_schedules.play_all(seeds, MemoryStore)
    except AssertionError as error:
        print(error, file=sys.stderr)
        return 1
    seconds = time.monotonic() - began
    print(f"{asked.level}, seeds {seeds[0]} to {seeds[-1]} hold in {seconds:.1f} s: {tally}")
    return 0


def _asked(words):
    parser = argparse.ArgumentParser(prog="python -m tests.schedules", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--level", choices=LEVELS, default="ports")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many, one after the other")
    return parser.parse_args(words)


def _stores(asked):
    """Their servers are fixtures, so pytest starts and ends them."""
    which = OVER_STORES[asked.level]
    command = [sys.executable, "-m", "pytest", "-q", "-k", which, "tests/stores"]
    more = ["--schedules-seed", str(asked.seed), "--schedules-count", str(asked.count)]
    return subprocess.run([*command, *more, "--timeout", "7200"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
