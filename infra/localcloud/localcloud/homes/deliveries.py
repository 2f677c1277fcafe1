"""
``python -m localcloud.homes.deliveries``: lets the functions of a stack run while it runs itself.

It switches the event sources of the functions and the clock on, and off when it is ended: what an
operator does on AWS to pause an installation. Messages wait meanwhile. AWS's scheduler goes no
finer than a minute; a lab that wants more ticks gets them from here, by invoking the same function.
"""

import argparse
import json
import signal
import threading
from collections.abc import Iterator
from typing import Any

from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

FINEST_SECONDS = 60.0


def switch(stack: str, *, on: bool) -> None:
    """Enable or disable every event source of *stack*'s functions, and its schedule."""
    session = Session()
    functions = session.client("lambda")
    for source in event_sources(functions, stack):
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=on)
    clock = session.client("scheduler")
    for schedule in clock.list_schedules()["Schedules"]:
        if not schedule["Name"].startswith(stack):
            continue
        found = clock.get_schedule(Name=schedule["Name"])
        kept = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        state = "ENABLED" if on else "DISABLED"
        clock.update_schedule(**{name: found[name] for name in kept}, State=state)


def event_sources(functions: Any, stack: str) -> Iterator[dict[str, Any]]:
    """Give the event source mappings of the functions of *stack*."""
    for source in functions.list_event_source_mappings()["EventSourceMappings"]:
        if source["FunctionArn"].split(":function:")[-1].startswith(f"{stack}-"):
            yield source


def tick(stack: str) -> None:
    """Invoke the function that publishes what is due; a failure is the next tick's business."""
    functions = Session().client("lambda")
    try:
        functions.invoke(FunctionName=f"{stack}-tick", Payload=json.dumps({}).encode())
    except (BotoCoreError, ClientError) as error:
        print(f"tick: {error}", flush=True)  # noqa: T201 - into the log of this process


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(description="Let the functions of a stack run.")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--tick-seconds", type=float, default=FINEST_SECONDS)
    words = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    switch(words.stack, on=True)
    while not ended.wait(words.tick_seconds):
        if words.tick_seconds < FINEST_SECONDS:
            tick(words.stack)
    switch(words.stack, on=False)


if __name__ == "__main__":
    main()
