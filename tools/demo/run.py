"""The demo: a real detector, cut over three local nodes, watching a moving synthetic camera.

    python -m tools.demo.run [--frames N] [--nodes N] [--out DIR]

It cuts ``digits.tflite``, proves the parts equal to the whole, starts a node process a stage,
finds them by mDNS, streams the camera through them, prints what they see beside how right that
is (the camera knows what it shows), and leaves an annotated video, a picture of it, and some of
the camera's bare frames to try commands on. Ctrl-C ends it early and as cleanly.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import uvloop

from edgechain.cli.output import progress_reporter
from edgechain.client.account import Account
from edgechain.client.camera import Camera, FrameReport
from edgechain.client.chain import Chain
from edgechain.client.connect import connect
from edgechain.client.sight import sight_of
from edgechain.client.sources import Clock, Frame, Frames
from edgechain.errors import EdgechainError
from edgechain.model.chain import Plan, make_chain
from edgechain.model.graph import graph_of
from edgechain.model.source import read_model
from edgechain.node.local import LocalChainRunner, LocalOptions
from edgechain.plan.balance import balance
from edgechain.runtime.isolation import IsolatedInterpreter
from edgechain.vision.fit import Picture
from edgechain.vision.pictures import write_picture
from edgechain.vision.video import VideoWriter
from tools.demo.moving import moving_camera
from tools.demo.scenes import Scene, load_digits_sheet
from tools.demo.scoring import Accuracy, Found, Truth, evaluate

HERE = Path(__file__).parent
MODEL = HERE / "digits.tflite"
WIDTH, HEIGHT, RATE = 480, 360, 30.0
SEED = 7
THRESHOLD = 0.5
TELL_EVERY = 10
BARE_EVERY = 50


@dataclass(slots=True)
class SyntheticCamera:
    """A frame source that knows what it shows; ``shown`` are the scenes in order."""

    frames_wanted: int
    shown: list[Scene] = field(default_factory=list)

    async def frames(self, clock: Clock) -> Frames:
        """Every frame of the camera's walk, as fast as it is asked for."""
        digits = load_digits_sheet(HERE / "digits.npz")
        scenes = moving_camera(SEED, self.frames_wanted, digits, width=WIDTH, height=HEIGHT)
        for index in range(self.frames_wanted):
            scene = await asyncio.to_thread(next, scenes)
            self.shown.append(scene)
            yield Frame(index, f"frame {index}", scene.image, clock())


class DemoAlbum:
    """One annotated video, its first frame as a picture to look at, and some bare frames."""

    def __init__(self, folder: Path):
        self.video, self.picture = folder / "digits.mp4", folder / "digits.png"
        self.bare = folder / "frames"
        self.bare.mkdir(exist_ok=True)
        self._writer = VideoWriter(self.video, WIDTH, HEIGHT, RATE)
        self._saved = 0

    def save(self, frame: Frame, picture: Picture) -> Path:
        """Add one annotated frame."""
        if frame.index == 0:
            write_picture(self.picture, picture)
        if frame.index % BARE_EVERY == 0:
            write_picture(self.bare / f"{frame.index:04}.png", frame.image)
        self._writer.write(picture)
        return self.video

    def close(self) -> None:
        """Finish the video; may be called twice."""
        self._writer.close()


@dataclass(slots=True)
class Score:
    """Holds what the chain found against what the camera showed."""

    camera: SyntheticCamera
    reports: list[FrameReport] = field(default_factory=list)

    def tell(self, report: FrameReport) -> None:
        """Keep a report, and print every tenth."""
        self.reports.append(report)
        if report.index % TELL_EVERY == 0 or report.error is not None:
            print(f"  {report}", flush=True)

    def accuracy(self) -> Accuracy | None:
        """Over the frames that were answered; ``None`` when there are none."""
        answered = [report for report in self.reports if report.findings is not None]
        if not answered:
            return None
        truths = [_truth(self.camera.shown[report.index]) for report in answered]
        return evaluate([_found(report) for report in answered], truths, threshold=THRESHOLD)


def _truth(scene: Scene) -> Truth:
    boxes = np.array([one.box for one in scene.objects], dtype=float).reshape(-1, 4)
    return Truth(boxes, np.array([one.label for one in scene.objects], dtype=int))


def _found(report: FrameReport) -> Found:
    items = report.findings.items if report.findings else ()
    boxes = np.array([item.box for item in items], dtype=float).reshape(-1, 4)
    numbers = np.array([item.number for item in items], dtype=int)
    return Found(boxes, numbers, np.array([item.score for item in items], dtype=float))


def cut(folder: Path, nodes: int) -> Path:
    """Cut the demo's model into a chain directory below ``folder``."""
    model = read_model(MODEL)
    graph = graph_of(model)
    with progress_reporter() as progress, IsolatedInterpreter() as interpreter:
        report = make_chain(
            model,
            Plan(balance(graph, nodes)),
            folder / "chain",
            open_runner=interpreter.open,
            progress=progress,
            name="demo",
            source=MODEL,
        )
    operators, runs = len(graph.operators), report.proof.comparison.runs
    print(f"1. cut {MODEL.name}: {operators} operators into {nodes} submodels,")
    print(f"   equal to the whole model to the last bit in {runs} runs", flush=True)
    return report.directory


async def watch(chain: Chain, frames: int, folder: Path, stop: asyncio.Event) -> Account:
    """Stream the camera through the chain; print, draw, score."""
    source = SyntheticCamera(frames)
    album = DemoAlbum(folder)
    score = Score(source)
    camera = Camera(chain, source, partial(sight_of, threshold=THRESHOLD), album=album)
    stopping = asyncio.create_task(_stop_when(stop, camera.stop))
    try:
        account = await camera.run(score.tell)
    finally:
        stopping.cancel()
    print(f"   {account}")
    _tell_accuracy(score.accuracy())
    print(f"4. look: {album.video} and {album.picture}")
    return account


def _tell_accuracy(accuracy: Accuracy | None) -> None:
    if accuracy is None:
        return
    held_out = json.loads((HERE / "digits.json").read_text(encoding="utf-8"))["int8"]
    print(
        f"   accuracy on this video: mAP50 {accuracy.map50:.3f}, precision "
        f"{accuracy.precision:.3f}, recall {accuracy.recall:.3f} "
        f"({accuracy.objects} digits in {accuracy.scenes} frames)"
    )
    print(
        f"   accuracy of the model on {held_out['scenes']} held-out scenes: "
        f"mAP50 {held_out['map50']:.3f}, precision {held_out['precision']:.3f}, "
        f"recall {held_out['recall']:.3f}"
    )


async def _stop_when(event: asyncio.Event, stop: Callable[[], None]) -> None:
    await event.wait()
    stop()


async def run(options: argparse.Namespace) -> bool:
    """The whole demo; whether every frame was answered."""
    stop = _listen_for_the_end()
    giving_up = asyncio.create_task(_cancel_when(stop, asyncio.current_task()))
    directory = await asyncio.to_thread(cut, options.out, options.nodes)
    try:
        async with _nodes_of(directory) as addresses:
            print(f"2. {options.nodes} node processes found each other by mDNS: {addresses}")
            async with connect("demo", mdns=True) as chain:
                giving_up.cancel()
                print(f"3. {options.frames} frames of a moving camera:")
                account = await watch(chain, options.frames, options.out, stop)
    finally:
        giving_up.cancel()
    print("   every node has ended")
    return account.failed == 0 and account.answered == account.sent


@asynccontextmanager
async def _nodes_of(directory: Path) -> AsyncIterator[str]:
    """The chain's nodes while they run; yields their addresses."""
    with progress_reporter() as progress:
        runner = LocalChainRunner(
            directory, "demo", LocalOptions(), detach=False, progress=progress
        )
        await runner.__aenter__()
    try:
        yield ", ".join(runner.chain.addresses if runner.chain else ())
    finally:
        await runner.__aexit__(None, None, None)


def _listen_for_the_end() -> asyncio.Event:
    """An event that Ctrl-C and SIGTERM set."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _cancel_when(stop: asyncio.Event, task: asyncio.Task[object] | None) -> None:
    """Before there is an account to close, Ctrl-C simply ends the start."""
    await stop.wait()
    if task is not None:
        task.cancel()


def main() -> int:
    """Parse, run, and say how it went."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=300, help="how many frames to stream")
    parser.add_argument("--nodes", type=int, default=3, help="how many nodes to cut it over")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="where results go")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        return 0 if uvloop.run(run(options)) else 1
    except EdgechainError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("demo: interrupted; nothing is left running", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(options.out / "chain", ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
