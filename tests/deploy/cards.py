"""SD cards for tests: what Raspberry Pi OS has on its boot partition, in a folder or on FAT."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.watch.needs import SYSTEM_PATH

TEMPLATES = {
    "user-data": "#cloud-config\n\n# Explained in comments.\n#hostname: raspberrypi\n",
    "network-config": (
        "# Explained in comments.\nnetwork:\n  version: 2\n\n"
        "  ethernets:\n    eth0:\n      dhcp4: true\n      optional: true\n"
    ),
    "meta-data": "dsmode: local\ninstance_id: rpios-image\n",
}
"""As pi-gen writes them (stage2/04-cloud-init), with fewer comments."""

IMAGER = {
    "user-data": "#cloud-config\nhostname: mine\nusers:\n- name: me\n  lock_passwd: true\n",
    "network-config": (
        "network:\n  version: 2\n  wifis:\n    wlan0:\n      access-points:\n"
        '        "attic": {password: "their own password"}\n'
    ),
    "meta-data": "instance-id: rpi-imager-1787532598498\n",
}
"""As Raspberry Pi Imager writes them."""

CMDLINE = "console=tty1 root=PARTUUID=058e2867-02 rootfstype=ext4 rootwait cfg80211.x=DE\n"
OTHERS = {
    "config.txt": "arm_64bit=1\n",
    "cmdline.txt": CMDLINE,
    "kernel8.img": "kernel\n",
    "kernel_2712.img": "kernel\n",
    "bcm2711-rpi-4-b.dtb": "tree\n",
    "issue.txt": "Raspberry Pi reference 2025-12-04\nGenerated using pi-gen, stage2\n",
    "overlays/vc4-kms-v3d.dtbo": "overlay\n",
}
"""What must stay as it is."""


def write_boot(card: Path) -> Path:
    """What a card with a new Raspberry Pi OS Trixie has, as far as anybody looks."""
    for name, text in (OTHERS | TEMPLATES).items():
        (card / name).parent.mkdir(parents=True, exist_ok=True)
        (card / name).write_text(text)
    return card


def tree(card: Path) -> dict[str, str]:
    """Every file's hash by its name."""
    return {
        path.relative_to(card).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(card.rglob("*"))
        if path.is_file()
    }


def untouched(card: Path) -> bool:
    """Whether everything that is not ours is as it was."""
    return all((card / name).read_text() == text for name, text in OTHERS.items())


@contextmanager
def mounted_fat(folder: Path, megabytes: int) -> Iterator[Path]:
    """A new FAT file system, mounted."""
    image, card = folder / "card.img", folder / "bootfs"
    card.mkdir()
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    make = shutil.which("mkfs.vfat", path=SYSTEM_PATH) or "mkfs.vfat"
    _run(make, "-F", "32", "-s", "1", "-n", "BOOTFS", str(image))
    _run("mount", "-o", "loop,flush", str(image), str(card))
    try:
        yield card
    finally:
        _unmount(card)
        _run(shutil.which("fsck.vfat", path=SYSTEM_PATH) or "fsck.vfat", "-n", str(image))


def _unmount(card: Path) -> None:
    """Whoever looked at it last may need a moment to leave."""
    for _ in range(50):
        done = subprocess.run(["umount", str(card)], capture_output=True, check=False)
        if not card.is_mount():
            return
        time.sleep(0.1)
    raise RuntimeError(done.stderr.decode())


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
