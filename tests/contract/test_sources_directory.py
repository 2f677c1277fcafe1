"""The port `Sources` over a directory of YAML."""

import pytest

from fedingress.adapters.directory import DirectorySources
from tests.adapters.directory.desk import StillClock, write
from tests.contract.sources_suite import (
    Desk,
    SourcesSuite,
)


class TestDirectory(SourcesSuite):
    @pytest.fixture
    def desk(self, tmp_path):
        root = tmp_path / "sources"
        root.mkdir()

        def path(kind, namespace, name):
            return root / (namespace or "cluster") / f"{kind.lower()}-{name}.yaml"

        def put(manifest):
            meta = manifest["metadata"]
            write(path(manifest["kind"], meta.get("namespace", ""), meta["name"]), manifest)

        return Desk(
            port=DirectorySources(root, StillClock()),
            put=put,
            remove=lambda *parts: path(*parts).unlink(),
            break_down=lambda: root.rename(root.with_name("moved")),
        )
