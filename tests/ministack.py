"""
AWS on loopback for tests: the home's own ministack, in an environment of its own.

The environment is made once per checkout and kept; where it cannot be made, the tests skip and say
why.
"""

import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcloud.homes.environments import MissingError
from localcloud.homes.ministack import ACCOUNT, REGION, Ministack

__all__ = ["ACCOUNT", "REGION", "running", "variables"]


def variables(url: str) -> dict[str, str]:
    """What boto3 reads to talk to the ministack at *url*, and to nobody else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@contextmanager
def running(log: Path):
    """A ministack on a free port; gives its URL; skips where it cannot be installed."""
    server = Ministack(log)
    try:
        server.start()
    except MissingError as missing:
        pytest.skip(str(missing))
    try:
        yield server.url
    finally:
        server.stop()
