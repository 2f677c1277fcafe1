"""The staged functions, once per run."""

import pytest

from infra import stage


@pytest.fixture(scope="session")
def staged(tmp_path_factory):
    """Every function for both homes, in a folder."""
    try:
        stage.find_uv()
    except stage.StagingError as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp("build")
    stage.stage_all(out, list(stage.HOMES))
    return out
