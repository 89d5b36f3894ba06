"""The systemd unit of a node: its text, and the reasons for it. Pure.

``systemd-analyze security --offline=true edgechain.service`` (systemd 252) says "Overall exposure
level for edgechain.service: 1.5 OK" of the system's unit, of 10; a test measures it again. What is
left is that a node has a network, and sees the files of its machine.

Decisions that are not plain from the text:

- A system user of its own that stays the same (``USER``), not ``DynamicUser``: the key in
  ROOT/identity is its, mode 0600, across every start.
- ``ExecStart`` looks up the environment that ``current`` has at that moment, without links: a node
  must not go on with half of another environment after a switch. The configuration is named
  through ``current``, so that a reload (SIGHUP) reads the new generation's.
- It is started again for ever, every ``RESTART_SECONDS``: a board on a roof has to come back when
  its network does, however late that is. Who flashes does not wait for that, and rolls back.
- Memory limits count where the kernel counts memory: ``cgroup_enable=memory`` on a Raspberry Pi.
- ``OOMPolicy=continue``: where memory runs out Linux ends a worker first, which its actor replaces.
- ``KillMode=mixed``: SIGTERM is the daemon's, which drains; whatever is left then is killed.
- A user's manager may not set up mounts, so that unit only has what needs no privileges.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from edgechain.deploy.device.needs import Needs
from edgechain.deploy.device.place import CONFIG, CURRENT, ENVIRONMENT

USER = "edgechain"

WATCHDOG_SECONDS = 30
"""A board that swaps stands still for seconds; the feeding comes twice in this time."""

START_SECONDS = 300
"""A Zero 2 W needs 15 s; its limits are 60 s each to import, to load and to try a stage."""

STOP_SECONDS = 30
"""A node drains for 5 s, says goodbye for 0.5 s, and gives its workers another 5 s."""

RESTART_SECONDS = 5

EXPOSURE, EXPOSURE_LIMIT = 1.5, 2.0
"""See above; and what it must stay below, with a camera's group too (1.7). Without any of this it
would be 9.6, "UNSAFE"."""

_NEEDS_NO_PRIVILEGES = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "UMask=0077",
)
"""AF_NETLINK tells which interfaces there are."""

_NEEDS_PRIVILEGES = (
    "AmbientCapabilities=",
    "CapabilityBoundingSet=",
    "KeyringMode=private",
    "PrivateTmp=yes",
    "ProcSubset=all",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProtectSystem=strict",
    "RemoveIPC=yes",
)
"""ProcSubset: what counts the processor's cores and caches reads /proc/cpuinfo."""

_DEVICES = {
    "gpio": ("char-gpiochip",),
    "i2c": ("char-i2c",),
    "plugdev": ("char-usb_device",),
    "render": ("char-drm",),
    "spi": ("char-spi",),
    "video": ("char-video4linux", "char-media", "char-dma_heap", "/dev/vchiq"),
}
"""Groups of devices as /proc/devices names them."""

_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))


@dataclass(frozen=True, slots=True)
class Unit:
    """One node's unit. ``system`` is for PID 1, else it is for a user's manager."""

    root: Path
    system: bool
    needs: Needs = field(default_factory=Needs)

    @property
    def name(self) -> str:
        """One for each root: several on one machine do not take each other's."""
        usual = Path("/opt/edgechain") if self.system else Path.home() / "edgechain"
        if self.root == usual:
            return "edgechain.service"
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()
        return f"edgechain-{digest[:8]}.service"

    def text(self) -> str:
        """The whole file. Raises ``ValueError`` for a root that no unit can name."""
        if not str(self.root).isprintable() or not self.root.is_absolute():
            raise ValueError(f"{str(self.root)!r} cannot stand in a unit; choose another root")
        parts = [self._unit(), self._service(), self._resources(), self._sandbox()]
        wanted_by = "multi-user.target" if self.system else "default.target"
        lines = [line for part in parts for line in part]
        return "\n".join([*lines, "", "[Install]", f"WantedBy={wanted_by}", ""])

    def _unit(self) -> list[str]:
        lines = ["[Unit]", f"Description=edgechain node ({_percent(str(self.root))})"]
        if self.system:
            lines += ["Wants=network-online.target", "After=network-online.target time-sync.target"]
            lines += [f"RequiresMountsFor={_quoted(self.root)}"]
        return [*lines, "StartLimitIntervalSec=0", ""]

    def _service(self) -> list[str]:
        current = self.root / CURRENT
        python = f'"$$(readlink -f "$$0/{ENVIRONMENT}")/bin/python"'
        script = f'exec {python} -P -m edgechain.node "$$0/{CONFIG}"'
        lines = ["[Service]", "Type=notify", "NotifyAccess=main"]
        if self.system:
            lines += [f"User={USER}", f"Group={USER}"]
            lines += [f"SupplementaryGroups={' '.join(self.needs.groups)}"] * bool(
                self.needs.groups
            )
        return [
            *lines,
            f"ExecStart=/bin/sh -c '{script}' {_quoted(current)}",
            "ExecReload=/bin/kill -HUP $MAINPID",
            "SyslogIdentifier=edgechain",
            "Restart=on-failure",
            f"RestartSec={RESTART_SECONDS}",
            f"TimeoutStartSec={START_SECONDS}",
            f"TimeoutStopSec={STOP_SECONDS}",
            f"WatchdogSec={WATCHDOG_SECONDS}",
            "KillMode=mixed",
            "OOMPolicy=continue",
        ]

    def _resources(self) -> list[str]:
        return [
            f"MemoryHigh={self.needs.memory_high}",
            f"MemoryMax={self.needs.memory_max}",
            "TasksMax=1024",
            "LimitNOFILE=8192",
            "LimitCORE=0",
        ]

    def _sandbox(self) -> list[str]:
        if not self.system:
            return list(_NEEDS_NO_PRIVILEGES)
        at_home = any(self.root.is_relative_to(home) for home in _HOMES)
        home = f"ProtectHome={'read-only' if at_home else 'yes'}"
        lines = [*_NEEDS_NO_PRIVILEGES, *_NEEDS_PRIVILEGES, home]
        devices = [device for group in self.needs.groups for device in _DEVICES[group]]
        if not devices:
            return [*lines, "PrivateDevices=yes"]
        return [*lines, "DevicePolicy=closed", *(f"DeviceAllow={device} rw" for device in devices)]


def _quoted(path: Path) -> str:
    """As systemd.syntax(7) reads one word, in ExecStart too."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{_percent(text)}"'


def _percent(text: str) -> str:
    return text.replace("%", "%%")
