"""The staged functions, once per run."""

import os

import pytest

from infra import stage


@pytest.fixture(scope="session")
def staged(tmp_path_factory):
    """Every function for both homes, in a folder."""
    try:
        os.environ["UV"] = stage.find_uv()  # of the checkout, where there is none on the PATH
    except stage.StagingError as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp("build")
    stage.stage_all(out, list(stage.HOMES))
    return out
