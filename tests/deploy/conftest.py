"""What tests of flashing share: a board behind a real sshd, and a Debian Trixie.

Making a board's environment takes the longest, so one process of pytest has all tests of it: they
are in the xdist group ``sshd``, those of Trixie in ``trixie``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import trixie as debian
from tests.deploy.board import Board, board, make_wheels, tree


@pytest.fixture(scope="session")
def flashed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """A board that runs the chain since its first flash, which `story` tells of."""
    folder = tmp_path_factory.mktemp("flashed")
    with board(folder, make_wheels(folder / "packages")) as made:
        above = made.root.parent
        made.story["before"] = tree(above)
        made.story["shown"] = made("flash", made.config, "--dry-run").out
        made.story["after the dry run"] = tree(above)
        made.story["first"] = made.flash()
        yield made


@pytest.fixture
def cut_otherwise(flashed: Board) -> Iterator[Path]:
    """The board's chain directory, which may be changed; it is as before at the end."""
    chain, kept = flashed.project / "digits", flashed.project / "kept"
    shutil.copytree(chain, kept)
    yield chain
    shutil.rmtree(chain)
    kept.rename(chain)


@pytest.fixture(scope="session")
def trixie(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root of a Debian Trixie; whoever wants it is in the xdist group ``trixie``."""
    if reason := debian.no_trixie():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("trixie")
    yield debian.unpack(folder)
    shutil.rmtree(folder)
