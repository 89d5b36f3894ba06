"""A device's file: substitutions, secrets, the place of every mistake, and what a node reads."""

from __future__ import annotations

import pytest

from edgechain.errors import InvalidDocument
from edgechain.spec.config import LAPTOP_KEYS, NodeConfig
from edgechain.spec.device_file import DeviceFile, parse_device, render_device, resolved
from edgechain.spec.secrets import Secrets, parse_secrets

SECRETS = """\
# what must not be in git
wifi: canary wifi
pin: 0012345678
odd: "canary: ${room} 'quoted'"
"""

GOOD = """\
substitutions:
  room: hall
  board: pi-${room}
  user: pi
name: ${board}
chain: digits
insecure: true
port: 50551
wifi:
  ssid: canary net
  password: !secret wifi
  country: DE
flash: {target: "ssh://${user}@${board}.local"}
timezone: Europe/Berlin
device: {board: pi-5}
camera: true
memory_max_mb: 300
"""


def secrets() -> Secrets:
    return parse_secrets(SECRETS, file="secrets.yaml")


def read(text: str) -> DeviceFile:
    return parse_device(text, file="pi.yaml", secrets=secrets)


def changed(*changes: tuple[str, str]) -> str:
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def refusal(text: str) -> str:
    with pytest.raises(InvalidDocument) as caught:
        read(text)
    return str(caught.value)


def test_names_and_secrets_stand_for_their_values() -> None:
    config = read(GOOD).config
    assert config.name == "pi-hall"
    assert config.flash is not None
    assert config.flash.target == "ssh://pi@pi-hall.local"
    assert config.wifi is not None
    assert config.wifi.password is not None
    assert config.wifi.password.get_secret_value() == "canary wifi"
    assert config.wifi.ssid.get_secret_value() == "canary net"


def test_a_node_reads_the_same_without_what_is_not_for_it() -> None:
    config = read(GOOD).config
    again = parse_device(resolved(config), file="node.yaml").config
    kept = config.model_dump(exclude=set(LAPTOP_KEYS))
    assert again.model_dump(exclude=set(LAPTOP_KEYS)) == kept
    assert all(
        getattr(again, key) == NodeConfig.model_fields[key].get_default(call_default_factory=True)
        for key in LAPTOP_KEYS
    )
    assert "canary" not in resolved(config)
    assert resolved(config, chain="chain", insecure=False, identity="../../identity") == (
        "name: pi-hall\nidentity: ../../identity\nchain: chain\ncamera: true\nmemory_max_mb: 300\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  user: pi\n", "", "12:24: flash.target: there is no substitution 'user'"),
        ("${board}\n", "x-${bord}\n", "5:9: name: there is no substitution 'bord'; did you mean"),
        ("${board}\n", "${board\n", "5:7: name: has ${ without a name and }"),
        ("hall", "${board}", "3:13: substitutions.board: goes round in a circle: room -> board"),
        ("room:", "ro-om:", "2:3: substitutions.ro-om: is no name"),
        ("user: pi", "room: x", "4:3: substitutions.room: is there twice"),
        ("user: pi", "user:", '4:3: substitutions.user: has no value; "" is empty text'),
        ("hall", "[a]", "2:3: substitutions: should be lines of NAME: VALUE"),
        ("!secret wifi", "!secret wif", "11:13: wifi.password: there is no secret 'wif' in secr"),
        ("50551", "!secret pin", "8:1: port: is no place for a secret"),
        (
            "country: DE",
            "country: Germany",
            "12:3: wifi.country: should be a country's two letters",
        ),
        ("Europe/Berlin", "Berlin!", "14:1: timezone: 'Berlin!' has not the form"),
        ("${user}@", "${user}:canary@", "13:9: flash.target: has a password in it; SSH keys"),
    ],
)
def test_a_mistake_has_its_place(old: str, new: str, said: str) -> None:
    assert refusal(changed((old, new))).startswith(f"pi.yaml:{said}")


def test_a_complaint_from_elsewhere_has_its_place() -> None:
    error = read(GOOD).complaint("is no board", "device.board")
    assert str(error) == "pi.yaml:15:10: device.board: is no board"


def test_without_secrets_wifi_is_left_unread() -> None:
    text = changed(("!secret wifi", "!secret nowhere"))
    assert parse_device(text, file="pi.yaml").config.wifi is None


@pytest.mark.parametrize("name", ["a${b}c", "$${", "${", "$$${x}", "}${"])
def test_what_is_written_is_read_as_it_was(name: str) -> None:
    config = NodeConfig(name="n", chain=name, insecure=True)
    assert parse_device(render_device(config), file="f.yaml").config == config
    assert parse_device(resolved(config), file="f.yaml").config == config
