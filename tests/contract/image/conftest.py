"""One image for all tests of this folder; it takes a minute or two to build."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.conftest import missing
from tests.contract.image.building import TOOLS, Builder, Image


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The built image, mounted."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        missing(f"{', '.join(absent)} (Debian packages buildah and mmdebstrap)")
    if os.geteuid() != 0:
        missing("root, which building an image without a container engine takes,")
    folder = tmp_path_factory.mktemp("image")
    builder = Builder(folder)
    try:
        yield builder.build()
    finally:
        builder.clean()
