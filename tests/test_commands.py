"""The command contract, from outside: cut, prove, start, ask, look, stop."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgechain.spec.chain import ChainManifest
from edgechain.spec.document import parse
from tests.commands import PATIENCE, Arrays, Edgechain, read_npz, same_bits, whole_model
from tests.model.real import ALL

pytestmark = [pytest.mark.models, pytest.mark.processes]

MEGABYTE = 1 << 20
INPUT = "normalized_input_image_tensor"
BOXES = "TFLite_Detection_PostProcess"
"""The first of the SSD's four outputs; the others add :1 (classes), :2 (scores), :3 (count)."""


@pytest.fixture
def edgechain(tmp_path: Path, state_dir: Path) -> Edgechain:
    """The command line in a folder of this test's own."""
    return Edgechain(tmp_path, state_dir)


def manifest_of(chain: Path) -> ChainManifest:
    return parse(ChainManifest, (chain / "chain.yaml").read_text(), file="chain.yaml")


def noise(model: Path, seed: int = 7) -> list[NDArray[Any]]:
    """Seeded random values for every input of a model."""
    random = np.random.default_rng(seed)
    made = []
    for detail in Interpreter(model_path=str(model)).get_input_details():
        values = random.random(detail["shape"])
        scale = 255 if detail["dtype"] == np.uint8 else 1
        made.append((values * scale).astype(detail["dtype"]))
    return made


@pytest.mark.parametrize("name", ALL)
def test_inspect_says_what_the_interpreter_says(
    edgechain: Edgechain, models: Path, name: str
) -> None:
    model = models / f"{name}.tflite"
    told = edgechain("inspect", model, "--json").json()
    assert told.keys() >= {"operators", "inputs", "outputs", "macs", "parameters", "cuts"}
    interpreter = Interpreter(model_path=str(model))
    details = interpreter.get_input_details()
    assert [(port["dtype"], port["shape"]) for port in told["inputs"]] == [
        (detail["dtype"].__name__, list(detail["shape"])) for detail in details
    ]
    assert len(told["outputs"]) == len(interpreter.get_output_details())
    for port in told["inputs"] + told["outputs"]:
        assert port["name"]
        assert port.keys() >= {"name", "dtype", "shape"}
    assert isinstance(told["macs"], int)
    assert 0 < told["parameters"] <= model.stat().st_size
    check_cuts(told)


def check_cuts(told: dict[str, Any]) -> None:
    places = [cut["after"] for cut in told["cuts"]]
    assert places, "there is nowhere to cut"
    assert places == sorted(set(places))
    assert 0 <= places[0] <= places[-1] < told["operators"] - 1
    for cut in told["cuts"]:
        assert cut.keys() == {"after", "tensors", "bytes"}
        assert cut["tensors"]
        assert cut["bytes"] > 0


def test_inspect_without_json_is_for_people(edgechain: Edgechain, models: Path) -> None:
    told = edgechain("inspect", models / "detect.tflite").out
    assert INPUT in told
    assert "TFLite_Detection_PostProcess" in told
    assert not told.lstrip().startswith("{")


def test_split_writes_a_manifest_and_a_file_for_each_stage(
    edgechain: Edgechain, models: Path, tmp_path: Path
) -> None:
    edgechain("split", models / "detect.tflite", "-o", "chain", "--stages", "3", "--json").json()
    manifest = manifest_of(tmp_path / "chain")
    assert len(manifest.stages) == 3
    files = {path.name: path for path in (tmp_path / "chain").iterdir()}
    assert files.keys() == {"chain.yaml", *(str(stage.file) for stage in manifest.stages)}
    for stage in manifest.stages:
        content = files[str(stage.file)].read_bytes()
        assert hashlib.sha256(content).hexdigest() == stage.sha256
    assert [port.tensor for port in manifest.inputs] == [INPUT]


def test_a_cut_is_named_after_a_tensor(edgechain: Edgechain, models: Path, tmp_path: Path) -> None:
    model = models / "mobilenet_v2_1.0_224_quant.tflite"
    cuts = edgechain("inspect", model, "--json").json()["cuts"]
    alone = [cut["tensors"][0] for cut in cuts if len(cut["tensors"]) == 1]
    wanted = (alone[len(alone) // 3], alone[2 * len(alone) // 3])
    edgechain("split", model, "-o", "chain", "--cut", wanted[0], "--cut", wanted[1])
    manifest = manifest_of(tmp_path / "chain")
    between = [edge.tensor.name for edge in manifest.edges if edge.source and edge.targets]
    assert between == list(wanted)


def test_split_and_verify_prove_the_parts_on_a_given_input(
    edgechain: Edgechain, models: Path, tmp_path: Path
) -> None:
    model = models / "movenet_single_pose_lightning_ptq.tflite"
    np.savez(tmp_path / "in.npz", input=noise(model)[0])
    edgechain("split", model, "-o", "chain", "--stages", "2", "--input", "in.npz")
    told = edgechain("verify", "chain", "--model", model, "--input", "in.npz", "--json").json()
    assert told["equal"] is True
    assert told["runs"] >= 1
    assert (
        edgechain("verify", "chain", "--model", model, "--runs", "2", "--json").json()["runs"] >= 2
    )


def test_verify_finds_a_stage_that_computes_something_else(
    edgechain: Edgechain, models: Path, tmp_path: Path
) -> None:
    model = models / "detect.tflite"
    edgechain("split", model, "-o", "chain", "--stages", "2")
    stage = tmp_path / "chain" / str(manifest_of(tmp_path / "chain").stages[0].file)
    content = bytearray(stage.read_bytes())
    content[len(content) // 2] ^= 0xFF
    stage.write_bytes(content)
    assert stage.name in edgechain("verify", "chain", "--model", model, status=1).refusal()


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("split", "model.tflite"),
        ("split", "model.tflite", "-o", "out", "--stages", "none"),
        ("inspect",),
        ("infer", "name"),
        ("camera", "."),
        ("status", "--nonsense"),
    ],
)
def test_wrong_usage_is_exit_status_2(edgechain: Edgechain, arguments: tuple[str, ...]) -> None:
    said = edgechain(*arguments, status=2)
    assert said.err.strip()
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "command",
    ["inspect", "split", "verify", "node", "up", "swap", "down", "infer", "camera", "status"],
)
def test_every_command_of_the_contract_explains_itself(edgechain: Edgechain, command: str) -> None:
    assert "usage: edgechain" in edgechain(command, "--help").out.lower()


class Running:
    """The detection chain, started once for the tests that only ask it."""

    def __init__(self, edgechain: Edgechain, model: Path, chain: Path, name: str):
        self.edgechain, self.model, self.chain, self.name = edgechain, model, chain, name
        self.manifest = manifest_of(chain)


@pytest.fixture(scope="module")
def detection(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Running]:
    """detect.tflite, cut in three and running under a name that no other test uses."""
    folder = tmp_path_factory.mktemp("detection")
    edgechain = Edgechain(folder, folder / "state")
    model = models / "detect.tflite"
    edgechain("split", model, "-o", "chain", "--stages", "3")
    with edgechain.up(folder / "chain", "detection") as name:
        yield Running(edgechain, model, folder / "chain", name)


together = pytest.mark.xdist_group("detection")
"""One worker runs all the tests that share the running chain."""


def photograph(path: Path) -> NDArray[np.uint8]:
    """A picture as the model wants it: RGB, stretched by the mean of areas."""
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    small = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_AREA)
    return np.asarray(small[np.newaxis], np.uint8)


@together
@pytest.mark.images
def test_infer_equals_the_whole_model_bit_for_bit(
    detection: Running, images: Path, tmp_path: Path
) -> None:
    photo = photograph(images / "bus.jpg")
    np.savez(tmp_path / "in.npz", **{INPUT: photo})
    wanted = whole_model(detection.model, [photo])
    targets: tuple[str | Path, ...] = (detection.name, detection.chain)
    for number, target in enumerate(targets):
        out = tmp_path / f"out{number}.npz"
        detection.edgechain("infer", target, "--input", tmp_path / "in.npz", "-o", out)
        assert same_bits(read_npz(out), wanted)


@together
def test_infer_says_what_it_did_in_json(detection: Running, tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", **{INPUT: np.zeros((1, 300, 300, 3), np.uint8)})
    told = detection.edgechain(
        "infer", detection.name, "--input", tmp_path / "in.npz", "-o", tmp_path / "out.npz",
        "--deadline", "10", "--json",
    )  # fmt: skip
    assert isinstance(told.json(), dict)


@together
def test_status_names_the_chain_its_stages_and_nodes(detection: Running) -> None:
    told = detection.edgechain("status", "--json")
    assert detection.name in told.out
    assert told.json()
    for stage in detection.manifest.stages:
        assert stage.name in told.out
    assert detection.name in detection.edgechain("status").out


@together
@pytest.mark.images
def test_camera_finds_the_bus_the_people_and_the_cat(
    detection: Running, models: Path, images: Path, tmp_path: Path
) -> None:
    told = detection.edgechain(
        "camera", images, "--chain", detection.name, "--labels", models / "labelmap.txt",
        "--save", tmp_path / "saved", "--json",
    ).json_lines()  # fmt: skip
    pictures = sorted(path for path in images.iterdir() if path.suffix == ".jpg")
    frames, account = told[:-1], told[-1]
    assert len(frames) == len(pictures)
    labels = (models / "labelmap.txt").read_text().splitlines()
    for frame, picture in zip(frames, pictures, strict=True):
        assert frame.keys() >= {"frame", "detections", "latency_ms"}
        assert frame["latency_ms"] > 0
        assert frame["detections"] == whole_detections(detection.model, picture, labels)
    found = {
        picture.name: [thing["label"] for thing in frame["detections"]]
        for frame, picture in zip(frames, pictures, strict=True)
    }
    assert "bus" in found["bus.jpg"]
    assert found["bus.jpg"].count("person") >= 2
    assert "cat" in found["cat_720p.jpg"]
    check_account(account, len(pictures))
    check_saved(tmp_path / "saved", pictures)


def whole_detections(model: Path, picture: Path, labels: list[str]) -> list[dict[str, Any]]:
    """The whole model's detections, decoded here: score at least 0.5, boxes in pixels."""
    tall, wide = cv2.imread(str(picture)).shape[:2]
    found = whole_model(model, [photograph(picture)])
    boxes, classes, scores, count = (
        found[f"{BOXES}{suffix}"].reshape(shape)
        for suffix, shape in (("", (-1, 4)), (":1", -1), (":2", -1), (":3", -1))
    )
    sides = boxes.astype(np.float64)[:, [1, 0, 3, 2]] * [wide, tall, wide, tall]
    sides = np.clip(sides, 0, [wide, tall, wide, tall])
    return [
        {"label": labels[int(kind)], "score": float(score), "box": box.tolist()}
        for kind, score, box in list(zip(classes, scores, sides, strict=True))[: int(count[0])]
        if score >= 0.5
    ]


def check_account(account: dict[str, Any], sent: int) -> None:
    assert account.keys() == {"sent", "answered", "dropped", "failed", "fps", "p50_ms", "p99_ms"}
    assert account["sent"] == sent
    assert account["answered"] == sent
    assert (account["dropped"], account["failed"]) == (0, 0)
    assert account["fps"] > 0
    assert 0 < account["p50_ms"] <= account["p99_ms"]


def check_saved(folder: Path, pictures: list[Path]) -> None:
    """Every annotated picture has its original's size and not its pixels."""
    saved = sorted(folder.iterdir())
    assert len(saved) == len(pictures)
    for drawn, original in zip(saved, pictures, strict=True):
        after, before = cv2.imread(str(drawn)), cv2.imread(str(original))
        assert after.shape == before.shape
        assert not np.array_equal(after, before)


@together
@pytest.mark.images
def test_camera_stops_after_so_many_frames(detection: Running, images: Path) -> None:
    told = detection.edgechain(
        "camera", images, "--chain", detection.name, "--frames", "2", "--json"
    ).json_lines()
    assert len(told) == 3
    check_account(told[-1], 2)


@together
@pytest.mark.images
def test_camera_tells_people_one_line_a_frame_and_the_account(
    detection: Running, models: Path, images: Path
) -> None:
    told = detection.edgechain(
        "camera", images / "bus.jpg", "--chain", detection.name,
        "--labels", models / "labelmap.txt",
    ).out.splitlines()  # fmt: skip
    assert len(told) >= 2
    assert "bus" in told[0]
    assert "sent" in told[-1]


@pytest.mark.images
def test_camera_classifies(
    edgechain: Edgechain, models: Path, images: Path, tmp_path: Path
) -> None:
    edgechain("split", models / "mobilenet_v2_1.0_224_quant.tflite", "-o", "chain", "--stages", "2")
    with edgechain.up(tmp_path / "chain", "classes") as name:
        frame, account = edgechain(
            "camera", images / "parrot.jpg", "--chain", name,
            "--labels", models / "imagenet_labels.txt", "--json",
        ).json_lines()  # fmt: skip
    assert frame.keys() >= {"frame", "classes", "latency_ms"}
    assert "macaw" in frame["classes"][0]["label"]
    check_account(account, 1)


def test_six_megabytes_cross_a_cut_bit_for_bit(
    edgechain: Edgechain, models: Path, tmp_path: Path
) -> None:
    model = models / "yolov8n_int8.tflite"
    cuts = edgechain("inspect", model, "--json").json()["cuts"]
    wide = max(cuts, key=lambda cut: int(cut["bytes"]))
    assert wide["bytes"] > 6 * MEGABYTE
    (tmp_path / "cut.yaml").write_text(
        "stages:\n"
        f"  - {{name: front, operators: '0-{wide['after']}'}}\n"
        f"  - {{name: back, operators: '{wide['after'] + 1}-'}}\n"
    )
    edgechain("split", model, "-o", "chain", "--partition", "cut.yaml")
    photo = noise(model)
    np.savez(tmp_path / "in.npz", **{manifest_of(tmp_path / "chain").inputs[0].name: photo[0]})
    with edgechain.up(tmp_path / "chain", "wide") as name:
        edgechain("infer", name, "--input", "in.npz", "-o", "out.npz")
    assert same_bits(
        by_position(read_npz(tmp_path / "out.npz")), by_position(whole_model(model, photo))
    )


def by_position(arrays: Arrays) -> Arrays:
    """One model names its output by signature, one by tensor: compare the only one there is."""
    (value,) = arrays.values()
    return {"the output": value}


def test_a_signature_names_inputs_and_outputs_and_tensor_names_are_understood(
    edgechain: Edgechain, models: Path, tmp_path: Path
) -> None:
    model = models / "keras_lstm_mnist_ptq.tflite"
    edgechain("split", model, "-o", "chain", "--stages", "2")
    digit = noise(model)
    np.savez(tmp_path / "signature.npz", x=digit[0])
    np.savez(tmp_path / "tensor.npz", **{"serving_default_x:0": digit[0]})
    wanted = {"output_0": next(iter(whole_model(model, digit).values()))}
    with edgechain.up(tmp_path / "chain", "signature") as name:
        for which in ("signature", "tensor"):
            edgechain("infer", name, "--input", f"{which}.npz", "-o", f"{which}-out.npz")
            assert same_bits(read_npz(tmp_path / f"{which}-out.npz"), wanted)


def test_nothing_is_left_of_a_chain_that_was_taken_down(
    edgechain: Edgechain, models: Path, tmp_path: Path, state_dir: Path
) -> None:
    edgechain("split", models / "split_concat.tflite", "-o", "chain", "--stages", "2")
    before = sorted(path.name for path in (tmp_path / "chain").iterdir())
    with edgechain.up(tmp_path / "chain", "short") as name:
        assert name in edgechain("status", "--json").out
    assert "short" not in edgechain("status", "--json").out
    assert [path for path in state_dir.rglob("*") if path.is_file()] == []
    assert sorted(path.name for path in (tmp_path / "chain").iterdir()) == before


def test_down_without_a_name_takes_down_the_only_chain(
    edgechain: Edgechain, models: Path, tmp_path: Path
) -> None:
    edgechain("split", models / "split_concat.tflite", "-o", "chain", "--stages", "2")
    edgechain("up", "chain", "--name", "only", "--detach")
    edgechain("down")
    assert "only" not in edgechain("status", "--json").out


def test_a_chain_in_the_foreground_ends_with_ctrl_c(
    edgechain: Edgechain, models: Path, tmp_path: Path
) -> None:
    edgechain("split", models / "split_concat.tflite", "-o", "chain", "--stages", "2")
    inputs = dict(
        zip(
            ("input1", "inputs/rnn1", "inputs/rnn2"),
            noise(models / "split_concat.tflite"),
            strict=True,
        )
    )
    np.savez(tmp_path / "in.npz", **inputs)
    running = edgechain.start("up", "chain", "--name", "foreground")
    try:
        assert running.stdout is not None
        assert running.stdout.readline().strip(), "it says what it does before it is asked"
        edgechain("infer", "foreground", "--input", "in.npz", "-o", "out.npz")
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=PATIENCE)
    except BaseException:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=PATIENCE)
        raise
    assert running.returncode in (0, 130)
    assert "Traceback" not in said[1]
    assert same_bits(
        read_npz(tmp_path / "out.npz"),
        whole_model(models / "split_concat.tflite", list(inputs.values())),
    )


def test_edgechain_is_installed_as_a_command(edgechain: Edgechain) -> None:
    script = Path(sys.executable).with_name("edgechain")
    said = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert "Usage" in said.stdout
