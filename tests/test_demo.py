"""`make demo` as a stranger meets it, and as an impatient one leaves it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.watch.needs import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

LEAST_MAP50 = 0.8
"""Well below what the committed model reaches on its video, well above any broken decoding."""


def demo(folder: Path, frames: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tools.demo.run", "--frames", str(frames), "--out", str(folder)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_detects_and_says_how_well(tmp_path: Path) -> None:
    with demo(tmp_path / "out", 60) as running:
        told, complaints = running.communicate(timeout=150)
    assert running.returncode == 0, complaints
    assert "equal to the whole model to the last bit" in told
    assert "60 sent, 60 answered, 0 dropped, 0 failed" in told
    found = re.search(r"accuracy on this video: mAP50 ([\d.]+)", told)
    assert found
    assert float(found[1]) > LEAST_MAP50
    assert "held-out scenes: mAP50" in told
    assert (tmp_path / "out" / "digits.mp4").stat().st_size > 10_000
    assert (tmp_path / "out" / "digits.png").exists()


def test_ctrl_c_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path / "out", 100_000) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.lstrip().startswith("frame 10 "):
                break
        running.send_signal(signal.SIGINT)
        rest, complaints = running.communicate(timeout=60)
    assert running.returncode == 0, complaints
    assert "every node has ended" in rest
    assert "Traceback" not in complaints


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path / "out", 100_000) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "equal to the whole model" in line:
                break
        running.send_signal(signal.SIGINT)
        _, complaints = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "nothing is left running" in complaints
    assert "Traceback" not in complaints
