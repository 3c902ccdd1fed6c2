from collections.abc import Iterator
from pathlib import Path

import pytest

from qframe.backends import embedded
from qframe.backends.embedded.backend import EmbeddedBackend


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def backend(folder: Path) -> Iterator[EmbeddedBackend]:
    opened = embedded.open(str(folder))
    yield opened
    opened.close()
