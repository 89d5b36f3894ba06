"""A project with two boards, and canaries wherever something secret may stand."""

from __future__ import annotations

from pathlib import Path

from edgechain.security.fleet import FleetDirectory
from edgechain.spec.message import Role
from tests.chain import chains

CANARY = "canary-4711-zwitschert"


def project(folder: Path) -> list[Path]:
    """Device files of a project: keys, a secrets file, substitutions, a Wi-Fi password."""
    stages = (
        chains.actor("one", "Affine", "x", "a", factor=2),
        chains.actor("two", "Affine", "a", "y"),
    )
    chains.write(folder / "digits", chains.connected("digits", *stages))
    FleetDirectory.make(folder)
    fleet = FleetDirectory(folder)
    for name in ("pi-a", "pi-b"):
        fleet.provide(Role.NODE, name)
    configs = folder / "device_configs"
    configs.mkdir()
    (configs / "secrets.yaml").write_text(f"wifi_password: {CANARY}\n")
    wifi = "wifi: {ssid: home, password: !secret wifi_password, country: DE}\n"
    (configs / "pi-a.yaml").write_text(
        "substitutions: {stage: one}\nname: pi-a\nidentity: ../identities/pi-a\n"
        "chain: ../digits\nstages: ['${stage}']\nslots: 4\nport: 50600\n"
        f"memory_max_mb: 400\ncamera: true\n{wifi}"
    )
    (configs / "pi-b.yaml").write_text(
        "name: pi-b\nchain: ../digits\nstages: [two]\npeers: ['192.168.1.9:50551']\n"
        f"flash: {{target: 'ssh://pi@pi-b.example:2222'}}\n{wifi}"
    )
    return [configs / "pi-a.yaml", configs / "pi-b.yaml"]


def secrets_of(folder: Path) -> list[str]:
    """What must be in no output: the password, and a line of every key of the fleet."""
    keys = [*folder.glob("identities/*/*.key"), *folder.glob("fleet/*.key")]
    assert len(keys) == 3
    return [CANARY, *(key.read_text().splitlines()[1] for key in keys)]
