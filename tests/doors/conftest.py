"""Doors that run for real, over a folder of their own."""

import importlib
import logging

import pytest

from fedingress.runtime import door
from tests.doors.home import FUNCTIONS, FolderHome


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The variables of a folder, and no instance before or after the test."""
    made = FolderHome(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def instance():
    """End what the doors of this test have wired, and their log."""
    log = logging.getLogger("fedingress")
    before = (log.handlers[:], log.level, log.propagate)
    yield
    door.close()
    log.handlers[:], log.level, log.propagate = before


@pytest.fixture
def google():
    """Google Cloud's way: `google("fanout")` posts to the door behind functions-framework."""
    functions_framework = pytest.importorskip("functions_framework")

    def client(concern):
        source = FUNCTIONS / concern / "main.py"
        app = functions_framework.create_app(
            target="on_push", source=str(source), signature_type="http"
        )
        return app.test_client()

    return client


@pytest.fixture
def amazon():
    """Amazon's way: `amazon("fanout")` is the handler."""
    return lambda concern: importlib.import_module(f"functions.{concern}.main").on_lambda_event
