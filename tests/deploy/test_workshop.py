"""What flashing looks up once for all devices of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from edgechain.deploy.blobs import Blob
from edgechain.deploy.bundle import Wheel
from edgechain.deploy.platform import Platform
from edgechain.deploy.workshop import Workshop
from edgechain.spec.config import NodeConfig
from edgechain.spec.progress import Say
from tests.chain import chains
from tests.security.members import fleet

WHEEL = Wheel("pip-25.0-py3-none-any.whl", Blob.of(b"pip"))


class Shelf:
    """Gives the same wheel to everybody and notes who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []

    def __call__(
        self, platform: Platform, interpreter: str, *, extras: Sequence[str], say: Say
    ) -> Sequence[Wheel]:
        self.asked.append((str(platform), interpreter, tuple(extras)))
        return (WHEEL,)


@pytest.mark.may_block
async def test_each_kind_of_device_gets_what_its_file_needs(tmp_path: Path) -> None:
    chains.write(tmp_path / "five", chains.five_stages())
    shelf = Shelf()
    workshop = Workshop(fleet(tmp_path, ()), shelf)
    kinds: tuple[dict[str, object], ...] = (
        {},
        {"slots": 3},
        {"interpreter": "tflite"},
        {"discovery": "dns", "dns": {"service": "edgechain.service.consul"}},
    )
    for more in kinds:
        said = {"name": "pi-a", "chain": "five", "stages": ["left"], **more}
        config = NodeConfig.model_validate(said)
        platform = Platform("3.11", "aarch64")
        await workshop.bundle(config, tmp_path / "pi-a.yaml", platform, 0, lambda _: None)
    kind = "Python 3.11 on aarch64"
    assert shelf.asked == [
        (kind, "auto", ()),
        (kind, "tflite", ()),
        (kind, "auto", ("dns",)),
    ]
