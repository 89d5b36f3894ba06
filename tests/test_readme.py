"""README's commands run, in order, in a copy of the place they are written for.

In a ```console block every line that starts with ``$ `` is a command; a command that ends in a
backslash goes on in the next line, one that ends in ``&`` runs beside the following ones and is
interrupted at the end. All blocks run in one folder with ``../shared`` beside it. A comment
``<!-- test: skip REASON -->`` before a block leaves it out, and a ```python block runs after
``<!-- test: run -->``, in the same folder. ``make`` targets must exist; they are not run here,
except ``make demo``, which runs with few frames.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.watch.needs import ROOT

README = ROOT / "README.md"
SKIPPED: tuple[str, ...] = (
    "$ edgechain flash device_configs/pi-a.yaml device_configs/pi-b.yaml",
    "$ edgechain logs device_configs/pi-a.yaml -f",
    "$ edgechain flash device_configs/pi-a.yaml --to sd:/media/you/bootfs",
)
"""The first line of every block that README marks as not for this machine, pinned here."""

BLOCK = re.compile(
    r"^(?:<!-- test: (?P<mark>run|skip .+?) -->\n+)?```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PATIENCE = 240.0
DEMO_ARGUMENTS = "ARGS=--frames 20 --out {folder}/demo-out"


@dataclass(frozen=True)
class Block:
    """A fenced block, and what the comment before it says of testing it."""

    language: str
    body: str
    mark: str

    @property
    def is_skipped(self) -> bool:
        return self.mark.startswith("skip ")

    def commands(self) -> list[str]:
        """Its lines that start with a prompt, continued lines joined."""
        joined = re.sub(r"\\\n>?\s*", " ", self.body)
        return [line[2:].strip() for line in joined.splitlines() if line.startswith("$ ")]


def blocks(text: str) -> list[Block]:
    return [
        Block(found["language"], found["body"], found["mark"] or "")
        for found in BLOCK.finditer(text)
    ]


def readme() -> list[Block]:
    return blocks(README.read_text())


def test_only_the_blocks_known_here_are_skipped() -> None:
    assert tuple(b.body.splitlines()[0] for b in readme() if b.is_skipped) == SKIPPED


def test_every_console_block_has_commands() -> None:
    found = [block for block in readme() if block.language == "console"]
    assert len(found) >= 3
    assert all(block.commands() for block in found)
    assert not [block for block in readme() if block.language in ("sh", "bash", "shell")]


def test_every_make_target_exists() -> None:
    found = [
        words for b in readme() for c in b.commands() if (words := shlex.split(c))[0] == "make"
    ]
    assert ["make", "demo"] in found
    assert ["make", "test"] in found
    for words in found:
        subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.models
@pytest.mark.images
@pytest.mark.processes
@pytest.mark.once
@pytest.mark.timeout(600)
def test_the_commands_run(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "edgechain"
    folder.mkdir()
    (tmp_path / "shared").symlink_to(models.parent, target_is_directory=True)
    (folder / "tools").symlink_to(ROOT / "tools", target_is_directory=True)
    shutil.copytree(ROOT / "device_configs", folder / "device_configs")  # `init` writes there
    with ExitStack() as running:
        for block in readme():
            if not block.is_skipped:
                run_block(block, folder, running)


def run_block(block: Block, folder: Path, running: ExitStack) -> None:
    """Run a console block's commands, write a named file, or run a Python block."""
    if block.language == "console":
        for command in block.commands():
            run_command(command, folder, running)
    elif block.language == "python" and block.mark == "run":
        run(f"{shlex.quote(sys.executable)} -c {shlex.quote(block.body)}", folder)
    write_named_file(block, folder)


def write_named_file(block: Block, folder: Path) -> None:
    """A block whose first line is ``# NAME.py`` or ``# NAME.yaml`` is that file."""
    named = re.match(r"# ([\w.-]+\.(?:py|ya?ml))\n", block.body)
    if named:
        (folder / named[1]).write_text(block.body)


def run_command(command: str, folder: Path, running: ExitStack) -> None:
    words = shlex.split(command)
    if words[0] in ("git", "cd", "source"):
        return
    if words[0] == "make":
        if words[1] == "demo":
            arguments = shlex.quote(DEMO_ARGUMENTS.format(folder=folder))
            run(f"make demo VENV={shlex.quote(sys.prefix)} {arguments}", ROOT)
        return
    if command.endswith("&"):
        running.enter_context(beside(command.removesuffix("&"), folder))
    else:
        run(command, folder)


def run(command: str, folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"


@contextmanager
def beside(command: str, folder: Path) -> Iterator[None]:
    """A command that runs until it is interrupted."""
    started = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        started.send_signal(signal.SIGINT)
        assert started.wait(60) in (0, 130), f"$ {command} &"


def environment() -> dict[str, str]:
    """The commands of this very environment first."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


EXAMPLE = """
```console
$ edgechain split a.tflite \\
    -o chain
cut in 2
$ edgechain status
```
<!-- test: skip a Pi is needed -->
```console
$ edgechain flash
```

<!-- test: run -->

```python
print(1)
```
"""


def test_blocks_and_commands_are_found() -> None:
    first, flash, python = blocks(EXAMPLE)
    assert first.commands() == ["edgechain split a.tflite  -o chain", "edgechain status"]
    assert flash.is_skipped
    assert (python.language, python.mark, python.body) == ("python", "run", "print(1)\n")


def test_a_command_that_fails_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the reason"):
        run("echo the reason >&2; false", tmp_path)
