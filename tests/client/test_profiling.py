"""What a node says of a model is believed only where it is a profile of that model."""

from __future__ import annotations

from typing import Any

import pytest

from edgechain.client.profiling import NodeAt, profile_on
from edgechain.errors import ProtocolError
from edgechain.spec.chain import ModelSource
from edgechain.spec.profile import DeviceProfile
from tests.transport.profiling import MODEL, Scales, order
from tests.transport.test_profile_call import weighing


def profile(**words: Any) -> str:
    """JSON of a profile of the model of ``order``."""
    source = ModelSource(file="m.tflite", sha256=order().sha256)
    usual = {"device": "pi-a", "model": source, "interpreter": "litert", "threads": 1}
    return DeviceProfile(**(usual | {"operator_ms": (1.0,)} | words)).model_dump_json()


async def said_by(scales: Scales, **words: Any) -> tuple[DeviceProfile, list[str]]:
    """What comes of it, and what was told meanwhile."""
    told: list[str] = []

    def progress(what: str, done: int, total: int) -> None:
        told.append(what)

    async with weighing(scales) as address:
        node = NodeAt(address, None, "pi-a")
        return await profile_on(node, order(**words), MODEL, progress), told


async def test_a_profile_of_this_model_is_taken() -> None:
    found, told = await said_by(Scales(says=profile()))
    assert found.model_dump_json() == profile()
    assert "weighing" in told
    found, _ = await said_by(Scales(says=profile(device="board")), device="board")
    assert found.device == "board"


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("{}", "is no profile"),
        ("no JSON", "is no profile"),
        (profile().replace('"threads":1', '"threads":1000'), "is no profile"),
        (profile().replace("1.0", "-1.0"), "is no profile"),
        (profile(device="pi-b"), "is of something else"),
        (profile(model=ModelSource(file="m.tflite", sha256="0" * 64)), "is of something else"),
        (profile(model=ModelSource(file="n.tflite", sha256=order().sha256)), "something else"),
        (profile(interpreter="\x1b[2J"), "holds control codes"),
        (profile(scaled_from="\x1b[2J"), "holds control codes"),
    ],
)
async def test_anything_else_is_not(says: str, reason: str) -> None:
    with pytest.raises(ProtocolError, match=f"pi-a: .*{reason}"):
        await said_by(Scales(says=says))


async def test_progress_is_no_markup() -> None:
    _, told = await said_by(Scales(says=profile(), does="[/red]"))
    assert "[/red]" not in told
    assert "measuring" in told
