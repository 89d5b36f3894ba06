"""A camera's run against chains in memory: order, bounds, counts, and how it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.client.account import Account
from edgechain.client.album import Album
from edgechain.client.camera import Camera, FrameReport, Report
from edgechain.client.live import LiveSource
from edgechain.client.sight import sight_of
from edgechain.client.sources import open_source
from edgechain.client.tally import ChainStatistics
from edgechain.errors import (
    DeadlineExceeded,
    Dropped,
    EdgechainError,
    GenerationChanged,
    InvalidMedia,
    Unavailable,
)
from edgechain.spec.chain import ChainManifest
from edgechain.vision.labels import read_labels
from edgechain.vision.pictures import read_picture, write_picture
from tests.chain.nodes import until
from tests.client.whole import NOTHING, Answer, manifest_of, whole_model
from tests.vision.made import spec

Inputs = Mapping[str, NDArray[Any]]
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

    async def infer(self, inputs: Inputs, *, newest: bool = False) -> Answer:
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

    def statistics(self) -> ChainStatistics:
        return NOTHING


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures, each of its number's grey."""
    for number in range(10):
        image = np.full((4, 4, 3), number, np.uint8)
        write_picture(tmp_path / "in" / f"{number}.png", image)
    return tmp_path / "in"


async def camera(chain: Brightness, path: Path, **options: Any) -> Camera:
    source = await asyncio.to_thread(open_source, str(path))
    return Camera(chain, source, sight_of, **options)


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
        async def infer(self, inputs: Inputs, *, newest: bool = False) -> Answer:
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
        look = partial(sight_of, labels=labels)
        running = Camera(chain, source, look, album=Album(tmp_path, source))
        account = asyncio.run(running.run(reports.append))
    assert (account.sent, account.answered) == (4, 4)
    assert str(reports[0]).startswith("bus.jpg  person 0.83 x3, bus 0.72   ")
    assert str(reports[1]).startswith("cat_720p.jpg  cat 0.72   ")
    for path in images.iterdir():
        drawn, plain = read_picture(tmp_path / path.name), read_picture(path)
        assert drawn.shape == plain.shape
        assert np.abs(drawn.astype(int) - plain).max() > 50


# The newest counts --------------------------------------------------------------------------------


async def test_a_live_source_does_not_wait_and_every_frame_is_accounted_for(folder: Path) -> None:
    """Two are held in the chain; of the others the last one only is still to be sent."""
    chain = Brightness(held=asyncio.Event())
    assert chain.held is not None
    reports: list[FrameReport] = []
    running = await camera(chain, folder, live=True, in_flight=2)
    task = asyncio.create_task(running.run(reports.append))
    await until(lambda: running.account().sent == 10, "the source is at its end")
    await until(lambda: chain.under_way == 2, "two are under way")
    chain.held.set()
    account = await task
    assert (account.sent, account.answered, account.dropped, account.failed) == (10, 3, 7, 0)
    assert numbers(reports) == [0, 1, 9]
    assert [report.index for report in reports] == list(range(10))
    assert {type(report.error) for report in reports[2:9]} == {Dropped}


async def test_a_live_source_plays_at_its_own_speed(folder: Path) -> None:
    source = await asyncio.to_thread(open_source, str(folder))
    began = time.monotonic()
    came = [time.monotonic() - began async for _ in LiveSource(source, 50.0).frames(time.monotonic)]
    assert all(at >= number / 50 - 0.001 for number, at in enumerate(came))
    account = await run(Brightness(), folder, limit=5, live=True)
    assert (account.sent, account.answered + account.dropped) == (5, 5)


async def test_a_broken_frame_of_a_live_source_takes_no_place(folder: Path) -> None:
    for number in range(4):
        await asyncio.to_thread(break_picture, folder / f"{number}.png")
    account = await run(Brightness(), folder, live=True, in_flight=1)
    assert account.failed == 4
    assert account.answered >= 1
    assert account.sent == account.answered + account.dropped + account.failed == 10


# A chain that is not there, or not the same any more ----------------------------------------------


@dataclass
class Clock:
    """A clock that the chain moves: each answer takes so long."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_chain_that_is_gone_is_left_after_half_a_minute(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgechain.client.camera.PAUSE_SECONDS", 0.001)
    clock = Clock()

    class Gone(Brightness):
        async def infer(self, inputs: Inputs, *, newest: bool = False) -> Answer:
            clock.now += 11.0
            raise Unavailable("neck", "no live node runs it")

    reports: list[FrameReport] = []
    running = await camera(Gone(), folder, in_flight=1, clock=clock)
    with pytest.raises(Unavailable, match="for 30 s now: no more frames are sent"):
        await running.run(reports.append)
    account = running.account()
    assert account.sent == account.failed == len(reports) == 4
    assert dict(account.errors) == {"Unavailable": 4}


async def test_a_chain_that_comes_back_is_not_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgechain.client.camera.PAUSE_SECONDS", 0.001)
    clock = Clock()

    class Flaky(Brightness):
        async def infer(self, inputs: Inputs, *, newest: bool = False) -> Answer:
            clock.now += 11.0
            return await super().infer(inputs)

    gone = Unavailable("neck", "gone")
    chain = Flaky(errors={1: gone, 2: gone, 4: gone, 5: gone, 7: gone})
    running = await camera(chain, folder, in_flight=1, clock=clock)
    account = await running.run(lambda _: None)
    assert (account.answered, account.failed) == (5, 5)


async def test_a_frame_is_prepared_anew_for_a_generation_with_other_inputs(folder: Path) -> None:
    wide = manifest_of(
        [spec(1, 8, 8, 3, dtype="uint8", name="photo")], [spec(1, 256, name="scores")]
    )

    @dataclass
    class Replaced(Brightness):
        async def infer(self, inputs: Inputs, *, newest: bool = False) -> Answer:
            if inputs["in0"].shape[1] == 4:
                self.manifest = wide
                raise GenerationChanged("the new generation takes other inputs")
            answer = await super().infer(inputs)
            return replace(answer, generation=wide.generation)

    reports: list[FrameReport] = []
    account = await run(Replaced(), folder, reports.append, limit=3)
    assert (account.answered, numbers(reports)) == (3, [0, 1, 2])


async def test_a_generation_that_can_not_be_used_is_an_error_and_not_asked_for_ever(
    folder: Path,
) -> None:
    chain = Brightness(errors=dict.fromkeys(range(10), GenerationChanged("other inputs")))
    account = await run(chain, folder, limit=2)
    assert dict(account.errors) == {"GenerationChanged": 2}


async def test_retries_are_shown_when_there_are_some(folder: Path) -> None:
    class Retried(Brightness):
        def statistics(self) -> ChainStatistics:
            return ChainStatistics(3, 3, (), 0, 2, 0)

    account = await run(Retried(), folder, limit=3)
    assert ", 2 sent again; " in str(account)
    assert account.as_json()["retries"] == 2
