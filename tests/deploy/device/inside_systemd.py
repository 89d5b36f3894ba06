"""What is tried on a booted machine: a node's whole life as a service of systemd.

python -m tests.deploy.device.inside_systemd [MATTER ...], as root, there; writes
/shared/answer.json. Without matters it is all of them.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import edgechain
from edgechain.deploy.device.service import Service, detect
from edgechain.deploy.device.unit import USER
from tests.chain.nodes import LOOPBACK
from tests.deploy.device import device_roots
from tests.deploy.device.booted import PYTHON

SHARED, DEVICE = Path("/shared"), Path("/opt/edgechain")
PORT, NAMESPACE = 50551, "booted"
UNIT = "edgechain.service"
SECONDS = 90.0
WITHIN = 60.0
TRIPLED = [3.0 * value for value in (4, 6, 12, 10)]
"""What the generation `next` answers; the good one doubles."""

WRAPPER = f"""#!/bin/sh
export PYTHONPATH=/opt/repository:/opt/site LD_LIBRARY_PATH=/opt/python/lib
exec /opt/python/bin/{PYTHON} "$@"
"""
"""What a real environment knows by itself."""


def show(*names: str) -> dict[str, str]:
    """Properties of the unit."""
    words = ["systemctl", "show", UNIT, *(f"--property={name}" for name in names)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in said.splitlines())


def status(pid: int) -> dict[str, str]:
    """What the kernel says of a process's privileges."""
    wanted = ("Uid", "Gid", "Groups", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    known = dict(line.split(":", 1) for line in lines)
    return {name: known[name].strip() for name in wanted}


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def node_pid() -> int:
    return int(show("MainPID")["MainPID"])


def worker_pid() -> int:
    return children(children(node_pid())[0])[0]


def eventually(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + WITHIN
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


class Machine:
    """The device, its service and what is found out; a method for each matter, in this order."""

    def __init__(self) -> None:
        self.service: Service = detect(DEVICE)
        self.answer: dict[str, Any] = {"kind": self.service.kind}
        DEVICE.mkdir()
        shutil.copytree(SHARED / "identity", DEVICE / "identity")
        for name in ("good", "broken", "camera", "next"):
            shutil.copytree(SHARED / name, DEVICE / "generations" / name, symlinks=True)
        python = DEVICE / "environments" / "abc" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(WRAPPER)
        python.chmod(0o755)

    def start(self, name: str) -> dict[str, Any]:
        generation = DEVICE / "generations" / name
        device_roots.switch(DEVICE, generation)
        return dataclasses.asdict(self.service.start(generation, SECONDS))

    def healthy(self) -> dict[str, Any]:
        health = self.start("good")
        return health | show("ActiveState", "NRestarts", "StatusText", "UnitFileState")

    def confined(self) -> dict[str, Any]:
        import pwd  # noqa: PLC0415 - the account is there now

        pid, key = node_pid(), DEVICE / "identity" / "identity.key"
        return {
            "user": pwd.getpwnam(USER).pw_uid,
            "shell": pwd.getpwnam(USER).pw_shell,
            "node": status(pid),
            "worker": status(worker_pid()),
            "key": [key.stat().st_uid, oct(key.stat().st_mode & 0o777)],
            "writes": {place: inside(pid, f"touch {place}/x") for place in PLACES},
            "sees": {
                "homes": inside(pid, "ls /root /home"),
                "devices": inside(pid, "ls /dev/tty /dev/mem /dev/kmsg"),
                "others": inside(pid, "ls /proc/1/status", user=True),
            },
        }

    def answers(self) -> list[float]:
        async def ask() -> list[float]:
            async with edgechain.connect(
                "c",
                peers=[f"{LOOPBACK}:{PORT}"],
                namespace=NAMESPACE,
                identity=SHARED / "client",
                timeout=WITHIN,
            ) as chain:
                made = await chain.infer(np.array([[1, -2, 3, 4]], np.float32))
                return [float(value) for value in made["y"].ravel()]

        return asyncio.run(ask())

    def reload(self) -> dict[str, Any]:
        """Another generation for the node that runs: it reads that one's files as its own user."""
        before = node_pid()
        generation = DEVICE / "generations" / "next"
        device_roots.switch(DEVICE, generation)
        health = self.service.reload(generation)
        eventually(lambda: show("ActiveState")["ActiveState"] != "reloading")
        taken = eventually(lambda: self.answers() == TRIPLED)
        found = show("ActiveState", "NRestarts")
        return {"ok": health.ok, "taken": taken, "same": node_pid() == before, **found}

    def worker_dies(self) -> dict[str, Any]:
        node, worker = node_pid(), worker_pid()
        os.kill(worker, signal.SIGKILL)
        replaced = eventually(lambda: children(children(node)[0]) not in ([], [worker]))
        return {"replaced": replaced, "same": node_pid() == node, **show("NRestarts")}

    def broken(self) -> dict[str, Any]:
        return self.start("broken") | show("ActiveState", "MainPID")

    def back(self) -> dict[str, Any]:
        return self.start("good") | show("ActiveState")

    def hangs(self) -> dict[str, Any]:
        """The watchdog of a node that stands still, with less patience than usual."""
        folder = Path(f"/etc/systemd/system/{UNIT}.d")
        folder.mkdir()
        (folder / "hurry.conf").write_text("[Service]\nWatchdogSec=4\nRestartSec=0\n")
        health = self.start("good")
        first = node_pid()
        time.sleep(10)  # more than twice its patience: a healthy one is left alone
        calm = show("NRestarts")["NRestarts"], node_pid() == first
        os.kill(first, signal.SIGSTOP)
        again = eventually(lambda: show("NRestarts", "ActiveState") == AGAIN)
        return {**health, "calm": calm, "again": again, "other": node_pid() != first}

    def camera(self) -> dict[str, Any]:
        import grp  # noqa: PLC0415

        health = self.start("camera")
        return {**health, "video": grp.getgrnam("video").gr_gid, "node": status(node_pid())}

    def ends(self) -> dict[str, Any]:
        self.service.stop()
        self.service.stop()
        heard = self.service.reload(DEVICE / "generations" / "camera")
        return {"reload": heard.reason, **show("ActiveState", "Result", "ExecMainStatus")}

    def follows(self) -> list[str]:
        following = self.service.follow(3)
        try:
            return [next(following) for _ in range(3)]
        finally:
            following.close()  # type: ignore[attr-defined]

    def journal(self) -> list[str]:
        """After what was followed, and when the last words have got there."""
        eventually(lambda: any(GOODBYE in line for line in self.service.journal(400)))
        return self.service.journal(400)


PLACES = ("/opt/edgechain", "/opt/edgechain/identity", "/etc", "/usr", "/var/lib", "/tmp")
GOODBYE = "alone has stopped"
AGAIN = {"NRestarts": "1", "ActiveState": "active"}
MATTERS = (
    Machine.healthy,
    Machine.confined,
    Machine.answers,
    Machine.worker_dies,
    Machine.broken,
    Machine.back,
    Machine.reload,
    Machine.hangs,
    Machine.camera,
    Machine.ends,
    Machine.follows,
    Machine.journal,
)


def inside(pid: int, command: str, *, user: bool = False) -> str:
    """What a shell says that sees the files which a process sees."""
    words = ["nsenter", "--mount", f"--target={pid}", "--"]
    words += ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] * user
    done = subprocess.run(
        [*words, "sh", "-c", command], capture_output=True, text=True, check=False
    )
    return done.stderr.strip() or done.stdout.strip()


def find_out(names: Sequence[str]) -> dict[str, Any]:
    try:
        machine = Machine()
    except Exception:
        return {"kind": traceback.format_exc()}
    for matter in MATTERS:
        if names and matter.__name__ not in names:
            continue
        try:
            machine.answer[matter.__name__] = matter(machine)
        except Exception:
            machine.answer[matter.__name__] = traceback.format_exc()
    return machine.answer


def main() -> None:
    draft = SHARED / ".answer"
    draft.write_text(json.dumps(find_out(sys.argv[1:])))
    draft.replace(SHARED / "answer.json")


if __name__ == "__main__":
    main()
