"""A board's Python on this machine: Debian's own build for arm64, under user-mode emulation.

Nothing of this machine is changed: apt keeps its lists and packages in the test's folder, and a
script that starts the emulator is the board's ``python3``. What that Python starts, it starts by
the same name, and therefore emulated too.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
EMULATOR = "qemu-aarch64-static"
CORES = 4
PACKAGES = ("libstdc++6",)
"""What Raspberry Pi OS has beside Python, and our wheels need: gRPC is C++."""


@dataclass(frozen=True)
class System:
    """A release of Raspberry Pi OS, and a board's processor with just the instructions it has.

    The processor is no detail: a newer one would pass where a Pi stops with SIGILL, and emulating
    its pointer authentication, which trixie's Python uses, takes ten times as long. ``about`` are
    lines of the board's /proc/cpuinfo: with this machine's, LiteRT looks for an x86 and crashes.
    """

    release: str
    python: str
    processor: str
    about: str

    def __str__(self) -> str:
        return f"{self.release}-{self.processor}"


PI_4 = """\
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3
"""
PI_5 = """\
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc \
dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1
"""

BOOKWORM = System("bookworm", "3.11", "cortex-a72", PI_4)
TRIXIE = System("trixie", "3.13", "cortex-a76", PI_5)


def board_python(system: System, folder: Path) -> Path:
    """``python3`` of such a board, made in ``folder``."""
    root = folder / "root"
    for package in _packages(system, folder / "apt"):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    if not (root / "lib").exists():  # newer releases have it as a link, in another package
        (root / "lib").symlink_to("usr/lib")
    (root / "proc").mkdir()
    cores = (f"processor\t: {number}\n{system.about}\n" for number in range(CORES))
    (root / "proc" / "cpuinfo").write_text("".join(cores))
    script = folder / "bin" / "python3"
    script.parent.mkdir()
    emulated = f'{EMULATOR} -cpu {system.processor} -L {root} -0 "$0"'
    script.write_text(f'#!/bin/sh\nexec {emulated} {root}/usr/bin/python{system.python} "$@"\n')
    script.chmod(0o755)
    return script


def _packages(system: System, folder: Path) -> list[Path]:
    """Python for arm64 with all that it depends on."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "state" / "status").touch()
    source = f"deb [arch=arm64 signed-by={KEYS}] {MIRROR} {system.release} main\n"
    (folder / "sources.list").write_text(source)
    (folder / "apt.conf").write_text(
        f"""\
APT::Architecture "arm64";
APT::Architectures "arm64";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Dir::State "{folder}/state";
Dir::State::status "{folder}/state/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
"""
    )
    wanted = ["install", "--download-only", "--yes", f"python{system.python}", *PACKAGES]
    for words in (["update"], wanted):
        subprocess.run(
            ["apt-get", "--quiet", *words],
            env=os.environ | {"APT_CONFIG": str(folder / "apt.conf")},
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    return sorted((folder / "cache" / "archives").glob("*.deb"))
