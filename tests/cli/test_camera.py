"""``edgechain camera`` as it is typed: what it prints, and how it exits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import edgechain
from edgechain.cli.app import run
from edgechain.client.tally import ChainStatistics
from edgechain.errors import DeadlineExceeded, Dropped, Unavailable
from edgechain.spec.chain import ChainManifest
from edgechain.vision.pictures import write_picture
from tests.client.whole import NOTHING, Answer, manifest_of, whole_model
from tests.vision.made import spec

Inputs = Mapping[str, NDArray[Any]]
MANIFEST = manifest_of(
    [spec(1, 4, 4, 3, dtype="uint8", name="photo")],
    [spec(1, 256, name="scores")],
    ("black", "almost black"),
)


class Brightness:
    """Says the first pixel's red as the class; fails for 2, and may press Ctrl-C at 1."""

    def __init__(self, *, interrupts: bool = False):
        self.interrupts = interrupts

    @property
    def manifest(self) -> ChainManifest:
        return MANIFEST

    async def infer(self, inputs: Inputs, *, newest: bool = False) -> Answer:
        number = int(inputs["in0"][0, 0, 0, 0])
        if number == 1 and self.interrupts:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.01)
        if number == 2:
            raise DeadlineExceeded("no answer within 5 s")
        return Answer({"out0": np.eye(256, dtype=np.float32)[[number]]}, 0.25)

    def statistics(self) -> ChainStatistics:
        return NOTHING


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        write_picture(tmp_path / "in" / f"{number}.png", np.full((4, 4, 3), number, np.uint8))
    return tmp_path / "in"


def connected(monkeypatch: pytest.MonkeyPatch, chain: Any) -> None:
    @asynccontextmanager
    async def connect(target: str, **how: Any) -> AsyncIterator[Any]:
        assert target == "somewhere"
        yield chain

    monkeypatch.setattr(edgechain, "connect", connect, raising=False)


def camera(*arguments: object) -> int:
    return run(["camera", "--chain", "somewhere", *map(str, arguments)])


def test_lines_and_account(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connected(monkeypatch, Brightness())
    (folder / "2.png").unlink()
    assert camera(folder) == 0
    told = capsys.readouterr()
    *lines, account = told.out.splitlines()
    assert lines == [
        "0.png  black 1.00   250 ms",
        "1.png  almost black 1.00   250 ms",
        "3.png  class 3 1.00   250 ms",
    ]
    assert account.startswith("3 sent, 3 answered, 0 dropped, 0 failed; ")
    assert account.endswith("p50 250 ms, p99 250 ms")
    assert told.err == ""


def test_a_failed_frame_is_one_line_and_status_1(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connected(monkeypatch, Brightness())
    assert camera(folder) == 1
    told = capsys.readouterr()
    assert told.err == "2.png: no answer within 5 s\n"
    assert "4 sent, 3 answered, 0 dropped, 1 failed (1 DeadlineExceeded)" in told.out


def test_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connected(monkeypatch, Brightness())
    assert camera(folder, "--json", "--frames", 2) == 0
    first, second, account = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {
        "frame": 0, "source": "0.png", "classes": [{"label": "black", "score": 1.0}],
        "latency_ms": 250.0,
    }  # fmt: skip
    assert second["frame"] == 1
    assert account.pop("fps") > 0
    assert account == {
        "sent": 2, "answered": 2, "dropped": 0, "failed": 0, "p50_ms": 250.0, "p99_ms": 250.0,
    }  # fmt: skip


def test_saving_and_labels(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, Brightness())
    (tmp_path / "labels.txt").write_text("nought\none\n")
    out = tmp_path / "out"
    assert camera(folder / "1.png", "--save", out, "--labels", tmp_path / "labels.txt") == 0
    assert [path.name for path in out.iterdir()] == ["1.png"]


def test_ctrl_c_closes_the_account(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(10, 60):
        write_picture(folder / f"{number}.png", np.full((4, 4, 3), number, np.uint8))
    (folder / "2.png").unlink()
    connected(monkeypatch, Brightness(interrupts=True))
    assert camera(folder, "--json") == 0
    account = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert account["sent"] == account["answered"] < 53


def test_what_goes_wrong_with_many_frames_is_said_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Late(Brightness):
        async def infer(self, inputs: Inputs, *, newest: bool = False) -> Answer:
            if int(inputs["in0"][0, 0, 0, 0]) < 3:
                raise DeadlineExceeded("no answer")
            return await super().infer(inputs)

    connected(monkeypatch, Late())
    assert camera(folder) == 1
    told = capsys.readouterr()
    assert told.err.splitlines() == ["0.png: no answer", "2 more frames: no answer"]
    assert "4 sent, 1 answered, 0 dropped, 3 failed (3 DeadlineExceeded)" in told.out


def test_a_chain_that_is_gone_ends_the_run_with_its_account(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Gone(Brightness):
        async def infer(self, inputs: Inputs, *, newest: bool = False) -> Answer:
            raise Unavailable("neck", "no live node runs it")

    monkeypatch.setattr("edgechain.client.camera.GONE_SECONDS", 0.0)
    connected(monkeypatch, Gone())
    for number in range(10, 30):
        write_picture(folder / f"{number}.png", np.full((4, 4, 3), number, np.uint8))
    assert camera(folder, "--json") == 1
    told = capsys.readouterr()
    first, *_, last = told.err.splitlines()
    assert first == "0.png: stage neck: no live node runs it"
    assert last.startswith("edgechain: stage neck: no live node runs it, for ")
    account = json.loads(told.out.splitlines()[-1])
    assert account["sent"] == account["failed"] == account["errors"]["Unavailable"] < 24


def test_frames_that_are_dropped_are_counted_and_not_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(Brightness):
        async def infer(self, inputs: Inputs, *, newest: bool = False) -> Answer:
            assert newest
            raise Dropped("a newer frame took its place")

    connected(monkeypatch, Full())
    assert camera(folder, "--live") == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("4 sent, 0 answered, 4 dropped, 0 failed\n", "")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--threshold", "0"],
        ["--threshold", "1.01"],
        ["--threshold", "nan"],
        ["--frames", "0"],
        ["x"],
    ],
)
def test_wrong_usage_is_status_2(folder: Path, wrong: list[str]) -> None:
    assert camera(folder, *wrong) == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["absent.jpg"], "absent.jpg: no such file or folder"),
        (["in/0.png", "--labels", "none.txt"], "none.txt: cannot read the label file"),
        (["in/broken.jpg"], "in/broken.jpg: cannot be read as a picture"),
        (["in", "--save", "in"], "would be replaced"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_status_1(
    folder: Path,
    arguments: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    connected(monkeypatch, Brightness())
    (folder / "broken.jpg").write_bytes(b"broken")
    monkeypatch.chdir(folder.parent)
    assert camera(*arguments) == 1
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert reason in told.err


@pytest.mark.models
@pytest.mark.images
def test_the_photographs(
    models: Path,
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with whole_model(models / "detect.tflite") as chain:
        connected(monkeypatch, chain)
        assert camera(images, "--labels", models / "labelmap.txt", "--save", tmp_path / "OUT") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("bus.jpg  person 0.83 x3, bus 0.72   ")
    assert lines[1].startswith("cat_720p.jpg  cat 0.72   ")
    assert {path.name for path in (tmp_path / "OUT").iterdir()} == {
        p.name for p in images.iterdir()
    }


def test_the_second_ctrl_c_does_not_wait(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stuck(Brightness):
        async def infer(self, inputs: Inputs, *, newest: bool = False) -> Answer:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.sleep(0.01)
            await asyncio.Event().wait()
            raise AssertionError

    connected(monkeypatch, Stuck())
    assert camera(folder, "--json") == 1
    account = json.loads(capsys.readouterr().out)
    assert account["sent"] == account["failed"] == account["errors"]["Cancelled"] > 0
