"""A Debian Trixie beside this system, from Debian's own packages: what Raspberry Pi OS is made of.

It has cloud-init, netplan and systemd in the versions that boards have. Nothing of it is installed
here: apt fetches the packages with lists and caches of its own, and their files are unpacked into
a folder. Maintainers' scripts are not run; what they would have made and is needed is made below.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

BASE = ("base-files", "base-passwd", "bash", "coreutils", "dash", "grep", "mount", "passwd", "sed")
SYSTEM = ("cloud-init", "dbus", "hostname", "iproute2", "netcat-openbsd", "netplan.io", "python3")
PACKAGES = (
    *BASE,
    *SYSTEM,
    "openssh-server",
    "python3-venv",
    "rfkill",
    "systemd-sysv",
    "tar",
    "tzdata",
    "util-linux",
)

AS_ON_A_PI = """\
datasource_list: [ NoCloud, None ]
datasource:
  NoCloud:
    seedfrom: file:///boot/firmware
ssh_deletekeys: false
ssh_genkeytypes: []
"""
"""/etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg of Raspberry Pi OS (pi-gen, stage2/04-cloud-init)."""


MASKED = ("systemd-firstboot.service", "systemd-networkd-wait-online.service")
"""What would ask somebody, or wait for a network that is not there."""


def no_trixie() -> str:
    """Why it cannot be had here; empty when it can."""
    if os.geteuid() != 0:
        return "a Debian Trixie beside this system needs root"
    if shutil.which("apt-get") is None or not KEYS.is_file():
        return "a Debian Trixie beside this system needs Debian's apt"
    return ""


def unpack(folder: Path) -> Path:
    """Fetch and unpack it below ``folder``; its root."""
    root, apt = folder / "root", folder / "apt"
    environment = {**os.environ, "APT_CONFIG": str(_configure(apt))}
    options = ["--yes", "--quiet", "--no-install-recommends", "--download-only"]
    for command in (["update"], ["install", *options, *PACKAGES]):
        _run(["apt-get", *command], environment)
    root.mkdir()
    packages = sorted((apt / "cache" / "archives").glob("*.deb"), key=_base_first)
    for package in packages:
        extract = f"dpkg-deb --fsys-tarfile {package} | tar -x -C {root} --keep-directory-symlink"
        _run(["bash", "-o", "pipefail", "-c", extract])
    shutil.rmtree(apt)
    _finish(root)
    return root


def _base_first(package: Path) -> tuple[bool, str]:
    """What makes /bin a link to /usr/bin comes before what is put there."""
    return not package.name.startswith("base-files"), package.name


def _configure(apt: Path) -> Path:
    for name in ("state/lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    (apt / "state" / "status").touch()
    sources = apt / "sources.list"
    sources.write_text(f"deb [signed-by={KEYS}] {MIRROR} trixie main\n")
    config = apt / "apt.conf"
    config.write_text(
        f'Dir::State "{apt}/state";\nDir::State::status "{apt}/state/status";\n'
        f'Dir::Cache "{apt}/cache";\nDir::Etc::sourcelist "{sources}";\n'
        'Dir::Etc::sourceparts "-";\nAPT::Sandbox::User "root";\n'
    )
    return config


def _finish(root: Path) -> None:
    for name in ("passwd", "group"):
        shutil.copy(root / "usr/share/base-passwd" / f"{name}.master", root / "etc" / name)
    certificates = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    together = b"".join(path.read_bytes() for path in certificates)
    (root / "etc/ssl/certs/ca-certificates.crt").write_bytes(together)
    (root / "boot/firmware").mkdir()
    (root / "usr/bin/nc").symlink_to("nc.openbsd")
    for unit in MASKED:
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    pi = root / "etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg"
    pi.write_text(AS_ON_A_PI)
    _run(["chroot", str(root), "/sbin/ldconfig"])


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[:2]}: {done.stderr.decode()[-1000:]}")
