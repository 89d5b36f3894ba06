"""The table of broken inputs: one clear line, exit status 1 or 2, and nothing left behind.

Leftover processes, threads, sockets and shared memory are what every test is watched for; the
table adds files and records of running chains.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.commands import Edgechain

pytestmark = [
    pytest.mark.once,
    pytest.mark.models,
    pytest.mark.images,
    pytest.mark.processes,
    pytest.mark.xdist_group("broken"),
]

CUSTOM = b"TFLite_Detection_PostProcess"
INPUTS = {
    "input1": np.zeros((1, 8, 8, 3), np.uint8),
    "inputs/rnn1": np.zeros((1, 8, 8, 1), np.uint8),
    "inputs/rnn2": np.zeros((1, 8, 8, 2), np.uint8),
}
"""What split_concat.tflite takes."""


@dataclass(frozen=True)
class Desk:
    """A working folder with a chain in it, which runs, and a good input."""

    folder: Path
    models: Path
    images: Path
    chain: str

    def write(self, name: str, content: bytes | str) -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def model(self, name: str) -> bytes:
        return (self.models / name).read_bytes()

    def npz(self, **changes: object) -> str:
        arrays = {name: value for name, value in (INPUTS | changes).items() if value is not None}
        np.savez(self.folder / "in.npz", **arrays)  # type: ignore[arg-type]
        return "in.npz"

    def stages(self) -> list[Path]:
        return sorted((self.folder / "chain").glob("*.tflite"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, models: Path, images: Path) -> Iterator[Desk]:
    """One running chain for the whole table."""
    folder = tmp_path_factory.mktemp("running")
    edgechain = Edgechain(folder, folder / "state")
    edgechain("split", models / "split_concat.tflite", "-o", "chain", "--stages", "2")
    with edgechain.up(folder / "chain", "broken-input") as name:
        yield Desk(folder, models, images, name)


@pytest.fixture
def own(desk: Desk, tmp_path: Path) -> Desk:
    """The same with a folder, and a chain that does not run, of a test's own."""
    (tmp_path / "chain").mkdir()
    for path in (desk.folder / "chain").iterdir():
        (tmp_path / "chain" / path.name).write_bytes(path.read_bytes())
    return Desk(tmp_path, desk.models, desk.images, desk.chain)


Words = list[str]
Broken = Callable[[Desk], Words]


def infer(npz: str, chain: str, out: str = "out.npz") -> Words:
    return ["infer", chain, "--input", npz, "-o", out]


def camera(desk: Desk, source: str, *more: str) -> Words:
    return ["camera", source, "--chain", desk.chain, *more]


def truncated(desk: Desk, part: float) -> str:
    content = desk.model("detect.tflite")
    return desk.write("cut-short.tflite", content[: int(len(content) * part)])


def unknown_operator(desk: Desk) -> str:
    content = desk.model("detect.tflite")
    assert content.count(CUSTOM) > 1, "the model names its custom operator"
    return desk.write("custom.tflite", content.replace(CUSTOM, b"Nobody_Wrote_This_PostProces"))


def changed(desk: Desk, old: str, new: str) -> str:
    manifest = desk.folder / "chain" / "chain.yaml"
    text = manifest.read_text()
    assert old in text
    manifest.write_text(text.replace(old, new, 1))
    return "chain"


def without_stage(desk: Desk) -> str:
    desk.stages()[0].unlink()
    return "chain"


def with_another_stage(desk: Desk) -> str:
    desk.stages()[0].write_bytes(desk.stages()[1].read_bytes())
    return "chain"


def node_config(desk: Desk, port: int, more: str = "") -> str:
    text = f"name: pi\nchain: chain\nhost: 127.0.0.1\nport: {port}\ndiscovery: static\n{more}"
    return desk.write("node.yaml", text)


def split(model: str, *more: str) -> Words:
    return ["split", model, "-o", "out", *(more or ("--stages", "2"))]


def concat(desk: Desk) -> str:
    return str(desk.models / "split_concat.tflite")


def plan(desk: Desk, old: str, new: str, *more: str) -> Words:
    text = """{
      "units": [
        {"name": "a", "work_ms": {"pi": 3}},
        {"name": "b", "inputs": ["a"], "work_ms": {"pi": 4}}
      ],
      "devices": [{"name": "pi"}]
    }"""
    assert old in text
    return ["plan", "--problem", desk.write("p.json", text.replace(old, new)), *more]


TABLE: dict[str, tuple[Broken, str]] = {
    "inspect a truncated model": (lambda d: ["inspect", truncated(d, 0.5)], "cut-short.tflite"),
    "inspect the first bytes of a model": (lambda d: ["inspect", truncated(d, 1e-5)], "cut-short"),
    "inspect nothing": (lambda d: ["inspect", d.write("empty.tflite", b"")], "empty.tflite"),
    "inspect a text": (lambda d: ["inspect", d.write("text.tflite", "hello " * 99)], "text.tflite"),
    "inspect what is absent": (lambda d: ["inspect", "absent.tflite"], "absent.tflite"),
    "inspect a folder": (lambda d: ["inspect", "chain"], "chain"),
    "split a truncated model": (lambda d: split(truncated(d, 0.5)), "cut-short.tflite"),
    "split a model that lost its end": (lambda d: split(truncated(d, 0.999)), "cut-short.tflite"),
    "split an unknown custom operator": (lambda d: split(unknown_operator(d)), "Nobody_Wrote_This"),
    "split at an unknown tensor": (lambda d: split(concat(d), "--cut", "nowhere"), "nowhere"),
    "split into more stages than operators": (
        lambda d: split(concat(d), "--stages", "99"),
        "3 operators",
    ),
    "split by a partition that is absent": (
        lambda d: split(concat(d), "--partition", "absent.yaml"),
        "absent.yaml",
    ),
    "split by a partition that is no YAML": (
        lambda d: split(concat(d), "--partition", d.write("p.yaml", "stages: [")),
        "p.yaml:1",
    ),
    "split by a partition with a gap": (
        lambda d: split(
            concat(d), "--partition", d.write("p.yaml", "stages:\n  - {name: a, operators: 0}\n")
        ),
        "it is in no group",
    ),
    "split proved on an input with a wrong key": (
        lambda d: split(concat(d), "--stages", "2", "--input", d.npz(input1=None, wrong=1)),
        "wrong",
    ),
    "plan what is absent": (lambda d: ["plan", "--problem", "absent.json"], "absent.json"),
    "plan what is no JSON": (lambda d: plan(d, "[{", "[[{"), "p.json:7:5: is not YAML"),
    "plan with a wrong key": (
        lambda d: plan(d, "work_ms", "work_s"),
        "p.json:3:23: units.0.work_s: is no key that is known here",
    ),
    "plan with work below nothing": (
        lambda d: plan(d, "4", "-4"),
        "p.json:4:52: units.1.work_ms.pi:",
    ),
    "plan with an input that nobody makes": (lambda d: plan(d, '["a"]', '["c"]'), "reads 'c'"),
    "plan for no device": (lambda d: plan(d, '{"pi": 4}', "{}"), "unit b: no device can run it"),
    "plan and draw into a folder that is absent": (
        lambda d: plan(d, "a", "a", "--plot", "absent/plan.svg"),
        "absent/plan.svg",
    ),
    "plan and draw what is no SVG": (
        lambda d: plan(d, "a", "a", "--plot", "plan.png"),
        "plan.png should end in .svg",
    ),
    "verify a chain that is absent": (
        lambda d: ["verify", "absent", "--model", concat(d)],
        "absent",
    ),
    "verify against another model": (
        lambda d: ["verify", "chain", "--model", str(d.models / "keras_lstm_mnist_ptq.tflite")],
        "keras_lstm_mnist_ptq.tflite",
    ),
    "verify a chain with another stage": (
        lambda d: ["verify", with_another_stage(d), "--model", concat(d)],
        ".tflite",
    ),
    "up a folder that is absent": (lambda d: ["up", "absent", "--detach"], "absent"),
    "up a folder without a manifest": (
        lambda d: ["up", str(Path(d.write("plain/file", "")).parent), "--detach"],
        "plain",
    ),
    "up a manifest that is no YAML": (
        lambda d: ["up", changed(d, "format: 1", "format: ["), "--detach"],
        "chain.yaml:",
    ),
    "up a manifest with a wrong key": (
        lambda d: ["up", changed(d, "format: 1", "format: 1\ncolour: red"), "--detach"],
        "chain.yaml:2:1: colour:",
    ),
    "up a manifest that was changed": (
        lambda d: ["up", changed(d, "name: ", "name: x"), "--detach"],
        "changed after it was sealed",
    ),
    "up a chain without a stage's file": (
        lambda d: ["up", without_stage(d), "--detach"],
        ".tflite",
    ),
    "up a chain with another stage": (
        lambda d: ["up", with_another_stage(d), "--detach"],
        ".tflite",
    ),
    "node without its file": (lambda d: ["node", "absent.yaml"], "absent.yaml"),
    "node with a mistake in its file": (
        lambda d: ["node", node_config(d, 0, "colour: red\n")],
        "node.yaml:6:1: colour:",
    ),
    "node of a chain that is absent": (
        lambda d: ["node", d.write("node.yaml", "name: pi\nchain: absent\n")],
        "absent",
    ),
    "node of an unknown stage": (
        lambda d: ["node", node_config(d, 0, "stages: [nothing]\n")],
        "nothing",
    ),
    "infer with an unknown chain": (lambda d: infer(d.npz(), "no-such-chain"), "no-such-chain"),
    "camera with an unknown chain": (
        lambda d: ["camera", str(d.images / "bus.jpg"), "--chain", "no-such-chain"],
        "no-such-chain",
    ),
    "down an unknown chain": (lambda d: ["down", "no-such-chain"], "no-such-chain"),
    "infer without a key": (lambda d: infer(d.npz(input1=None), d.chain), "input1"),
    "infer with a wrong key": (
        lambda d: infer(d.npz(input1=None, photo=INPUTS["input1"]), d.chain),
        "photo",
    ),
    "infer with a key too many": (lambda d: infer(d.npz(more=INPUTS["input1"]), d.chain), "more"),
    "infer with a wrong dtype": (
        lambda d: infer(d.npz(input1=INPUTS["input1"].astype(np.float32)), d.chain),
        "is float32, wants uint8",
    ),
    "infer with a wrong shape": (
        lambda d: infer(d.npz(input1=np.zeros((1, 9, 8, 3), np.uint8)), d.chain),
        "has shape 1x9x8x3, wants 1x8x8x3",
    ),
    "infer with Python objects": (
        lambda d: infer(d.npz(input1=np.array([{}], dtype=object)), d.chain),
        "in.npz",
    ),
    "infer with what is absent": (lambda d: infer("absent.npz", d.chain), "absent.npz"),
    "infer with what is no archive": (
        lambda d: infer(d.write("text.npz", "hello"), d.chain),
        "text.npz",
    ),
    "infer into a folder that is absent": (
        lambda d: infer(d.npz(), d.chain, "absent/out.npz"),
        "absent",
    ),
    "camera of what is absent": (lambda d: camera(d, "absent.jpg"), "absent.jpg"),
    "camera of an empty folder": (
        lambda d: camera(d, str(Path(d.write("plain/text", "")).parent)),
        "plain",
    ),
    "camera of a chain that takes no picture": (
        lambda d: camera(d, str(d.images / "bus.jpg")),
        "",
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_broken(own: Desk, state_dir: Path, desk: Desk, case: str) -> None:
    broken, named = TABLE[case]
    words = broken(own)
    before = files(own.folder)
    said = Edgechain(own.folder, state_of(desk, state_dir, words))(*words, status=None)
    assert named in said.refusal()
    assert files(own.folder) == before
    assert files(state_dir) == set()


def state_of(desk: Desk, state_dir: Path, words: Words) -> Path:
    """The records of the running chain, for the commands that ask it."""
    return desk.folder / "state" if desk.chain in words else state_dir


def files(folder: Path) -> set[tuple[str, bytes]]:
    return {
        (str(p.relative_to(folder)), p.read_bytes() if p.is_file() else b"")
        for p in folder.rglob("*")
    }


def test_the_running_chain_answers_what_is_not_broken(desk: Desk, tmp_path: Path) -> None:
    """The control: the same words with a good input are no error."""
    own = Desk(tmp_path, desk.models, desk.images, desk.chain)
    Edgechain(tmp_path, desk.folder / "state")(*infer(own.npz(), desk.chain))
    assert (tmp_path / "out.npz").exists()


def test_a_second_up_of_the_same_name(desk: Desk, tmp_path: Path) -> None:
    edgechain = Edgechain(tmp_path, desk.folder / "state")
    before = files(desk.folder / "chain")
    said = edgechain("up", desk.folder / "chain", "--name", desk.chain, "--detach", status=None)
    assert desk.chain in said.refusal()
    assert files(desk.folder / "chain") == before
    own = Desk(tmp_path, desk.models, desk.images, desk.chain)
    edgechain(*infer(own.npz(), desk.chain))


def test_a_port_in_use(own: Desk, state_dir: Path) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        config = node_config(own, port, "insecure: true\n")
        before = files(own.folder)
        said = Edgechain(own.folder, state_dir)("node", config, status=None)
    assert str(port) in said.err
    assert "Traceback" not in said.err
    assert said.status == 1
    assert files(own.folder) == before


@pytest.fixture(scope="module")
def seeing(
    tmp_path_factory: pytest.TempPathFactory, models: Path
) -> Iterator[tuple[Edgechain, str]]:
    """A running chain that takes pictures."""
    folder = tmp_path_factory.mktemp("seeing")
    edgechain = Edgechain(folder, folder / "state")
    edgechain("split", models / "detect.tflite", "-o", "chain", "--stages", "2")
    with edgechain.up(folder / "chain", "broken-pictures") as name:
        yield edgechain, name


def test_a_missing_label_file(seeing: tuple[Edgechain, str], images: Path, tmp_path: Path) -> None:
    edgechain, name = seeing
    said = edgechain(
        "camera", images / "bus.jpg", "--chain", name, "--labels", tmp_path / "absent.txt",
        "--save", tmp_path / "saved", status=None,
    )  # fmt: skip
    assert "absent.txt" in said.refusal()
    assert files(tmp_path) == set()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0 and nothing more"])
def test_an_unreadable_picture(
    seeing: tuple[Edgechain, str], tmp_path: Path, content: bytes
) -> None:
    edgechain, name = seeing
    (tmp_path / "broken.jpg").write_bytes(content)
    before = files(tmp_path)
    said = edgechain(
        "camera", tmp_path / "broken.jpg", "--chain", name, "--save", tmp_path / "saved",
        status=None,
    )  # fmt: skip
    assert "broken.jpg" in said.refusal()
    assert files(tmp_path) == before


def test_an_unreadable_picture_among_good_ones_is_counted(
    seeing: tuple[Edgechain, str], images: Path, tmp_path: Path
) -> None:
    edgechain, name = seeing
    good = cv2.imread(str(images / "bus.jpg"))
    for number in (1, 3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), good)
    (tmp_path / "2.png").write_bytes(b"no picture")
    said = edgechain("camera", tmp_path, "--chain", name, "--json", status=None)
    assert "2.png" in said.refusal()
    account = said.json_lines()[-1]
    assert account["answered"] == 2
    assert account["failed"] == 1
    assert account["sent"] == account["answered"] + account["failed"] + account["dropped"]
