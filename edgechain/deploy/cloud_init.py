"""What a board is told at its first boot: cloud-init's NoCloud files, as texts. Pure.

Raspberry Pi OS Trixie reads them from the card's boot partition (https://cloudinit.readthedocs.io,
"NoCloud"; https://www.raspberrypi.com/news/cloud-init-on-raspberry-pi-os):

    user-data        name, user, public keys, time zone; nobody logs in with a password
    network-config   Ethernet, and the Wi-Fi with its key (netplan, version 2)
    meta-data        which instance it is: another one makes cloud-init do all of it again

cloud-init does most things once per instance and notes it before it does them, so a power cut
leaves them undone for ever. Only ``bootcmd`` runs at every boot: it starts the agent that lies on
the card, which does what is not done yet, and nothing where all is.

What of the Wi-Fi is secret stands in ``network-config`` alone, and as the key that WPA derives
from name and password: the password itself is not on the card. The key opens that network as
well, and FAT knows no permissions: whoever holds the card can read it, on the board every user.
WPA3 needs the password itself, so a network without WPA2 cannot be joined this way.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from edgechain.spec.config import NodeConfig
from edgechain.spec.document import to_yaml
from edgechain.spec.flashing import WifiConfig

USER_DATA, NETWORK_CONFIG, META_DATA = "user-data", "network-config", "meta-data"

MARK = "# Made by edgechain for"
"""The line of a file that is ours, and may be written again without asking."""

BOOT = "/boot/firmware"
"""Where Raspberry Pi OS mounts the boot partition since Bookworm."""

FOLDER = "edgechain"
"""Our folder on the boot partition."""

AGENT = "agent.pyz"
ROOT = "/opt/edgechain"
UNIT = "edgechain-card"

GROUPS = (
    *("users", "adm", "dialout", "audio", "netdev", "video", "plugdev", "cdrom", "games"),
    *("input", "gpio", "spi", "i2c", "render", "sudo"),
)
"""What Raspberry Pi Imager gives the first user."""

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_ROOT = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")
_KEY = re.compile(r"(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}( [^\x00-\x1f\x7f]*)?")
MAX_HOST = 63
"""RFC 1123, section 2.1: a label of a host name."""

PSK_ROUNDS, PSK_BYTES = 4096, 32
"""IEEE 802.11i, H.4: PBKDF2 with SHA-1."""


@dataclass(frozen=True, slots=True)
class Board:
    """What a board is to be after its first boot. Raises ``ValueError`` that says what is wrong.

    ``user`` may log in with the private keys of ``keys`` (public SSH keys, a line each), and do
    everything. ``root`` is where edgechain is installed.
    """

    name: str
    host: str
    user: str
    keys: tuple[str, ...]
    timezone: str | None = None
    wifi: WifiConfig | None = field(default=None, repr=False)
    root: str = ROOT

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("without a public SSH key nobody could log in")
        if not all(map(_KEY.fullmatch, self.keys)):
            raise ValueError("a public SSH key is one line, as in the files id_*.pub")
        if not _USER.fullmatch(self.user):
            raise ValueError(f"{self.user!r} cannot be a user on Linux")
        if not _ROOT.fullmatch(self.root):
            raise ValueError(f"root {self.root!r} is no absolute path of ordinary characters")


def board_of(config: NodeConfig, keys: tuple[str, ...], user: str, root: str) -> Board:
    """What a device's configuration says of the board. Raises ``ValueError``."""
    host = config.hostname or re.sub(r"[^A-Za-z0-9]+", "-", config.name)
    return Board(config.name, host[:MAX_HOST], user, keys, config.timezone, config.wifi, root)


def user_data(board: Board) -> str:
    """The file of this name; nothing in it is secret."""
    user = {
        "name": board.user,
        "groups": ",".join(GROUPS),
        "shell": "/bin/bash",
        "lock_passwd": True,
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": list(board.keys),
    }
    zone = {} if board.timezone is None else {"timezone": board.timezone}
    document = {
        "hostname": board.host,
        "manage_etc_hosts": True,
        **zone,
        "users": [user],
        "ssh_pwauth": False,
        "ssh_deletekeys": False,  # a card that is written again does not change who the host is
        "bootcmd": _boot_commands(board),
    }
    return f"#cloud-config\n{_heading(board)}{to_yaml(document)}"


def _boot_commands(board: Board) -> list[list[str]]:
    """``cloud-init-per`` notes what it did after it did it, unlike cloud-init's own modules."""
    per = ["cloud-init-per", "instance"]
    wifi = [[*per, "edgechain_wifi", "rfkill", "unblock", "wifi"]] if board.wifi else []
    ssh = [*per, "edgechain_ssh", "systemctl", "enable", "--now", "--no-block", "ssh"]
    return [*wifi, ssh, first_boot_command(board.root)]


def first_boot_command(root: str) -> list[str]:
    """What every boot starts, beside the boot and without waiting for it."""
    here = f"{BOOT}/{FOLDER}"
    unit = [
        *("systemd-run", "--no-block", "--collect", f"--unit={UNIT}"),
        f"--property=RequiresMountsFor={here}",
        "--property=StandardOutput=journal+console",
    ]
    agent = ["python3", f"{here}/{AGENT}", "--root", root, "first-boot", "--bundle", here]
    return [*unit, *agent]


def network_config(board: Board) -> str:
    """The file of this name; with a Wi-Fi its key is in it, so it is never shown or logged."""
    network: dict[str, object] = {
        "version": 2,
        "ethernets": {"eth0": {"dhcp4": True, "optional": True}},
    }
    if board.wifi is not None:
        network["wifis"] = {"wlan0": _wifi(board.wifi)}
    return f"{_heading(board)}{to_yaml({'network': network})}"


def _wifi(wifi: WifiConfig) -> dict[str, object]:
    ssid = wifi.ssid.get_secret_value()
    access: dict[str, object] = {}
    if wifi.password is not None:
        access["password"] = wpa_key(ssid, wifi.password.get_secret_value())
    return {
        "dhcp4": True,
        "optional": True,
        "regulatory-domain": wifi.country,
        "access-points": {ssid: access},
    }


def wpa_key(ssid: str, password: str) -> str:
    """The key of a WPA2 network, 64 digits; a password of that form is the key already."""
    if re.fullmatch(r"[0-9A-Fa-f]{64}", password):
        return password.lower()
    secret, salt = password.encode(), ssid.encode()
    return hashlib.pbkdf2_hmac("sha1", secret, salt, PSK_ROUNDS, PSK_BYTES).hex()


def meta_data(board: Board, instance: str) -> str:
    """The file of this name; ``instance`` is any text of letters and digits."""
    document = {"dsmode": "local", "instance-id": f"edgechain-{board.host}-{instance}"}
    return f"{_heading(board)}{to_yaml(document)}"


def _heading(board: Board) -> str:
    again = "it is written again by `edgechain flash`, and changes are lost"
    return f"{MARK} {board.name}; {again}.\n"


def is_ours(text: str) -> bool:
    """Whether we wrote such a file."""
    return any(line.startswith(MARK) for line in text.splitlines()[:2])
