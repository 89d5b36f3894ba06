"""A node's life as a service of a real systemd, in its whole sandbox.

systemd is booted as PID 1 of a machine made of namespaces (``booted``), so units, notify socket,
watchdog, seccomp filters and journal are the real ones. Only the memory limits are not: where the
machine that runs the tests keeps its controllers in cgroup v1, a second systemd gets none.
``test_booted`` is a short version.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.tensor import DType, TensorSpec
from tests.chain import chains
from tests.chain.nodes import LOOPBACK
from tests.deploy.device.booted import cannot_boot, run_booted
from tests.deploy.device.device_roots import add_generation
from tests.deploy.device.inside_systemd import NAMESPACE, PORT
from tests.model.made import row
from tests.security.one_fleet import client_identity, node_identity

pytestmark = [
    pytest.mark.fleet,
    pytest.mark.systemd,
    pytest.mark.netns,
    pytest.mark.xdist_group("booted"),
    pytest.mark.timeout(300),
]

SECONDS = 240.0
NO_CAPABILITIES = "0" * 16
FILTERED = "2"


def model_chain(factor: int = 2) -> tuple[ChainManifest, bytes]:
    """A TFLite model and a Python actor behind it."""
    content = row().content()
    net = Stage(
        name="net",
        inputs=("x",),
        outputs=("a",),
        file="net.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
    )
    specs = {n: TensorSpec(name=n, dtype=DType.FLOAT32, shape=(1, 4)) for n in ("x", "a", "y")}
    twice = chains.actor("twice", "Affine", "a", "y", factor=factor)
    return chains.connected("c", net, twice, specs=specs), content


def prepare(folder: Path, device: Path) -> None:
    """Generations and identities, as they will lie on the machine."""
    manifest, content = model_chain()
    where: dict[str, Any] = {"host": LOOPBACK, "port": PORT, "identity": "../../identity"}
    where["namespace"] = NAMESPACE
    seen = {"discovery": "mdns", "interfaces": (LOOPBACK,)}
    for name, special in (("good", {}), ("camera", seen)):
        made = add_generation(device, name, manifest, **(where | special))
        (made / "chain" / "net.tflite").write_bytes(content)
    (device / "generations" / "camera" / "service.json").write_text('{"groups": ["video"]}')
    mood = chains.actor("mood", "Moody", "x", "y", raises=0, kills=1)
    add_generation(device, "broken", chains.connected("c", mood), **where)
    following = add_generation(device, "next", model_chain(3)[0], **where)
    (following / "chain" / "net.tflite").write_bytes(content)
    for made in (device / "generations").iterdir():
        shutil.move(made, folder / made.name)
    shutil.copytree(node_identity("alone"), folder / "identity")
    shutil.copytree(client_identity(), folder / "client")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program found out on the machine."""
    if reason := cannot_boot():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("machine")
    prepare(folder, tmp_path_factory.mktemp("device"))
    return run_booted(folder, "tests.deploy.device.inside_systemd", SECONDS)


def test_it_is_ready_when_it_says_so(found: dict[str, Any]) -> None:
    assert found["kind"] == "systemd"
    healthy = found["healthy"]
    status = "0 of 0 links up; 0 requests under way, 0 failed; chain c: net (0 run), twice (0 run)"
    assert healthy == {
        "ok": True,
        "reason": status,
        "ActiveState": "active",
        "NRestarts": "0",
        "StatusText": status,
        "UnitFileState": "enabled",
    }


def test_it_answers_requests(found: dict[str, Any]) -> None:
    """The model takes the negative away and adds 3, 6, 9 and 6; the actor doubles."""
    assert found["answers"] == [2 * (1 + 3), 2 * (0 + 6), 2 * (3 + 9), 2 * (4 + 6)]


def test_it_may_do_nothing_but_its_work(found: dict[str, Any]) -> None:
    confined = found["confined"]
    uid = str(confined["user"])
    for who in ("node", "worker"):
        status = confined[who]
        assert status["Uid"].split() == [uid] * 4
        assert (status["CapEff"], status["CapBnd"]) == (NO_CAPABILITIES, NO_CAPABILITIES)
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", FILTERED)
    assert confined["shell"].endswith("nologin")
    assert confined["key"] == [confined["user"], "0o600"]
    writes = confined["writes"]
    assert writes.pop("/tmp") == ""  # its own
    assert all("Read-only file system" in said for said in writes.values()), writes
    assert confined["sees"]["homes"].split() == ["/home:", "/root:"]  # empty
    assert confined["sees"]["devices"].count("No such file") == 2
    assert "No such file" in confined["sees"]["others"]


def test_a_reload_ends_and_keeps_the_process(found: dict[str, Any]) -> None:
    expected = {"ok": True, "taken": True, "same": True, "ActiveState": "active", "NRestarts": "0"}
    assert found["reload"] == expected


def test_a_worker_that_is_killed_is_replaced_without_a_restart(found: dict[str, Any]) -> None:
    assert found["worker_dies"] == {"replaced": True, "same": True, "NRestarts": "0"}


def test_a_broken_generation_is_not_healthy_and_does_not_stay(found: dict[str, Any]) -> None:
    assert found["broken"] == {
        "ok": False,
        "reason": "stage mood: its worker was killed by signal 9, over the self-test",
        "ActiveState": "inactive",
        "MainPID": "0",
    }
    assert (found["back"]["ok"], found["back"]["ActiveState"]) == (True, "active")


def test_who_stands_still_is_started_again(found: dict[str, Any]) -> None:
    hangs = found["hangs"]
    assert hangs["calm"] == ["0", True]
    assert (hangs["ok"], hangs["again"], hangs["other"]) == (True, True, True)
    assert any("Watchdog timeout" in line for line in found["journal"])


def test_the_cameras_group_comes_only_where_it_is_needed(found: dict[str, Any]) -> None:
    """That one is announced by mDNS too, for which it must see its interfaces."""
    camera = found["camera"]
    assert camera["ok"], camera
    assert str(camera["video"]) in camera["node"]["Groups"].split()
    assert str(camera["video"]) not in found["confined"]["node"]["Groups"].split()


def test_it_ends_cleanly_and_the_journal_has_its_words(found: dict[str, Any]) -> None:
    expected = {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}
    refusal = found["ends"].pop("reload")
    assert "is not active" in refusal
    assert len(refusal.splitlines()) == 1
    assert found["ends"] == expected
    journal = found["journal"]
    assert any(line.endswith("alone has stopped") for line in journal)
    assert any("the self-test passed" in line for line in journal)
    assert len(found["follows"]) == 3
    assert set(found["follows"]) <= set(journal)
