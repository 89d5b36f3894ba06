"""A camera's run against chains in memory: order, bounds, counts, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.client.account import Account
from edgechain.client.album import Album
from edgechain.client.camera import Camera, FrameReport, Report
from edgechain.client.sight import sight_of
from edgechain.client.sources import open_source
from edgechain.errors import DeadlineExceeded, Dropped, EdgechainError, InvalidMedia, Unavailable
from edgechain.spec.chain import ChainManifest
from edgechain.vision.labels import read_labels
from edgechain.vision.pictures import read_picture, write_picture
from tests.client.whole import Answer, manifest_of, whole_model
from tests.vision.made import spec

MANIFEST = manifest_of(
    [spec(1, 4, 4, 3, dtype="uint8", name="photo")], [spec(1, 256, name="scores")]
)


@dataclass
class Brightness:
    """Says the first pixel's red as the class. Can fail by class, and be held back."""

    manifest: ChainManifest = MANIFEST
    errors: dict[int, EdgechainError] = field(default_factory=dict)
    delays: dict[int, float] = field(default_factory=dict)
    held: asyncio.Event | None = None
    full: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: int = 0
    most: int = 0

    async def infer(self, inputs: Mapping[str, NDArray[Any]]) -> Answer:
        number = int(inputs["in0"][0, 0, 0, 0])
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.under_way == 4:
            self.full.set()
        try:
            await asyncio.sleep(self.delays.get(number, 0))
            if self.held is not None:
                await self.held.wait()
        finally:
            self.under_way -= 1
        if number in self.errors:
            raise self.errors[number]
        return Answer({"out0": np.eye(256, dtype=np.float32)[[number]]}, 0.25)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures, each of its number's grey."""
    for number in range(10):
        image = np.full((4, 4, 3), number, np.uint8)
        write_picture(tmp_path / "in" / f"{number}.png", image)
    return tmp_path / "in"


async def camera(chain: Brightness, path: Path, **options: Any) -> Camera:
    source = await asyncio.to_thread(open_source, str(path))
    return Camera(chain, source, sight_of(chain.manifest), **options)


async def run(
    chain: Brightness, path: Path, report: Report = lambda _: None, **options: Any
) -> Account:
    running = await camera(chain, path, **options)
    return await running.run(report)


def album(folder: Path, path: Path) -> Album:
    return Album(folder, open_source(str(path)))


def break_picture(path: Path) -> None:
    path.write_bytes(b"broken")


def numbers(reports: list[FrameReport]) -> list[int]:
    return [r.findings.items[0].number for r in reports if r.findings is not None]


async def test_frames_are_told_in_order_whatever_returns_first(folder: Path) -> None:
    chain = Brightness(delays={0: 0.05, 3: 0.03, 4: 0.02})
    reports: list[FrameReport] = []
    account = await run(chain, folder, reports.append)
    assert numbers(reports) == list(range(10))
    assert [report.index for report in reports] == list(range(10))
    assert (account.sent, account.answered, account.failed) == (10, 10, 0)
    assert (account.p50, account.p99) == (0.25, 0.25)
    assert chain.most <= 4


async def test_a_frame_is_told_as_soon_as_it_is_its_turn(folder: Path) -> None:
    chain, first = Brightness(held=asyncio.Event()), asyncio.Event()
    assert chain.held is not None
    reports: list[FrameReport] = []

    def report(one: FrameReport) -> None:
        reports.append(one)
        first.set()

    running = asyncio.create_task(run(chain, folder, report, limit=1))
    chain.held.set()
    await first.wait()
    await running
    assert len(reports) == 1


async def test_errors_are_counted_by_type_and_the_rest_goes_on(folder: Path) -> None:
    await asyncio.to_thread(break_picture, folder / "5.png")
    chain = Brightness(
        errors={2: DeadlineExceeded("late"), 3: Unavailable("neck", "gone"), 4: Dropped("newer")}
    )
    reports: list[FrameReport] = []
    account = await run(chain, folder, reports.append)
    assert numbers(reports) == [0, 1, 6, 7, 8, 9]
    assert (account.sent, account.answered, account.dropped, account.failed) == (10, 6, 1, 3)
    assert dict(account.errors) == {"DeadlineExceeded": 1, "Unavailable": 1, "InvalidMedia": 1}
    assert str(reports[2]) == "2.png: late"
    assert str(reports[5]).startswith(f"{folder}/5.png: cannot be read")
    assert reports[2].as_json() == {
        "frame": 2, "source": "2.png", "error": "DeadlineExceeded", "reason": "late",
    }  # fmt: skip


async def test_a_limit_takes_no_frame_more(folder: Path) -> None:
    account = await run(Brightness(), folder, lambda _: None, limit=3)
    assert (account.sent, account.answered) == (3, 3)


async def test_stop_answers_what_is_under_way(folder: Path) -> None:
    chain = Brightness(held=asyncio.Event())
    assert chain.held is not None
    running = await camera(chain, folder)
    task = asyncio.create_task(running.run(lambda _: None))
    await chain.full.wait()
    running.stop()
    chain.held.set()
    account = await task
    assert (account.sent, account.answered, account.failed) == (4, 4, 0)


async def test_a_cancelled_run_closes_its_account(folder: Path, tmp_path: Path) -> None:
    chain = Brightness(held=asyncio.Event())
    pages = await asyncio.to_thread(album, tmp_path / "out", folder)
    running = await camera(chain, folder, album=pages)
    task = asyncio.create_task(running.run(lambda _: None))
    await chain.full.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    account = running.account()
    assert account.under_way == 0
    assert dict(account.errors) == {"Cancelled": account.sent}
    assert chain.under_way == 0


async def test_a_source_that_cannot_be_read_raises(folder: Path) -> None:
    await asyncio.to_thread(break_picture, folder / "5.png")
    running = await camera(Brightness(), folder / "5.png")
    with pytest.raises(InvalidMedia, match="cannot be read"):
        await running.run(lambda _: None)
    assert running.account().sent == 0


async def test_a_picture_that_cannot_be_saved_is_a_failed_frame(
    folder: Path, tmp_path: Path
) -> None:
    pages = await asyncio.to_thread(album, tmp_path / "out", folder)
    await asyncio.to_thread((tmp_path / "out" / "3.png").mkdir, parents=True)
    account = await run(Brightness(), folder, lambda _: None, album=pages)
    assert (account.answered, dict(account.errors)) == (9, {"InvalidMedia": 1})


async def test_an_output_that_does_not_come_is_an_error(folder: Path) -> None:
    class Mute(Brightness):
        async def infer(self, inputs: Mapping[str, NDArray[Any]]) -> Answer:
            return Answer({}, 0.1)

    account = await run(Mute(), folder, lambda _: None, limit=2)
    assert dict(account.errors) == {"ProtocolError": 2}


@pytest.mark.models
@pytest.mark.images
def test_real_pictures_through_a_real_model(models: Path, images: Path, tmp_path: Path) -> None:
    labels = read_labels(models / "labelmap.txt")
    source = open_source(str(images))
    reports: list[FrameReport] = []
    with whole_model(models / "detect.tflite") as chain:
        sight = sight_of(chain.manifest, labels=labels)
        running = Camera(chain, source, sight, album=Album(tmp_path, source))
        account = asyncio.run(running.run(reports.append))
    assert (account.sent, account.answered) == (4, 4)
    assert str(reports[0]).startswith("bus.jpg  person 0.83 x3, bus 0.72   ")
    assert str(reports[1]).startswith("cat_720p.jpg  cat 0.72   ")
    for path in images.iterdir():
        drawn, plain = read_picture(tmp_path / path.name), read_picture(path)
        assert drawn.shape == plain.shape
        assert np.abs(drawn.astype(int) - plain).max() > 50
