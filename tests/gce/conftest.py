"""Many invocations over a wire are not worth a line each in the log."""

import logging

import pytest


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
