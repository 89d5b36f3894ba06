"""The schema that editors check device files by agrees with what edgechain reads."""

from __future__ import annotations

from typing import Any

import pytest

from edgechain.errors import InvalidDocument
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import parse_device
from edgechain.spec.schema import device_schema
from edgechain.spec.secrets import Secrets
from tests.spec.json_schema import faults

pytestmark = pytest.mark.once

WHOLE = """\
substitutions: {place: door, port: 50552, live: true}
name: ${place}-a
identity: ../identities/${place}
chain: ../digits
stages: [stage0, "${place}"]
next: ../new
next_stages: all
chain_name: x
namespace: home
host: 0.0.0.0
port: ${port}
discovery: dns
dns: {service: "_edgechain._tcp.${place}.example", server: "10.0.0.1:53", seconds: 5}
interfaces: [eth0]
peers: ["a:1"]
slots: 2
threads: "${port}"
interpreter: tflite
camera: ${live}
memory_max_mb: 300
hostname: ${place}
timezone: Europe/Berlin
ssh_keys: [me.pub]
device:
  board: pi-5
  memory_mb: 1e3
  profiles: [a.yaml]
  network: {mbit: 80, ms: 3, medium: "${place}"}
  links: {b: {mbit: 1.5}}
  cannot: [CONV_2D]
  pinned: [input]
flash: {target: "ssh://pi@${place}", root: /opt/edgechain}
wifi: {ssid: !secret a, password: !secret b, country: DE}
"""


def underlined(text: str) -> list[str]:
    return faults(text, device_schema())


def test_every_key_may_be_written() -> None:
    assert underlined(WHOLE) == []
    read = parse_device(WHOLE.replace('threads: "${port}"', "threads: 1"), file="f.yaml")
    assert read.config.model_fields_set >= set(NodeConfig.model_fields) - {"insecure", "wifi"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("camera:", "kamera:"),
        ("name: ${place}-a\n", ""),
        ("name: ${place}-a", "name: -a"),
        ("port: ${port}", "port: 65536"),
        ("port: ${port}", "port: high"),
        ("port: ${port}", 'port: "${no name}"'),
        ("discovery: dns", "discovery: bluetooth"),
        ("discovery: dns", "discovery: [dns]"),
        ("seconds: 5", "seconds: 0"),
        ("[stage0,", "[-stage,"),
        ("next_stages: all", "next_stages: most"),
        ("board: pi-5", "bord: pi-5"),
        ("mbit: 80", "mbit: 0"),
        ("{mbit: 1.5}", "{mbits: 1.5}"),
        ('target: "ssh://pi@${place}", ', ""),
        ("country: DE", "land: DE"),
        ("memory_max_mb: 300", "memory_max_mb: 3"),
        ("place: door", "pl-ace: door"),
        ("place: door", "place: [door]"),
    ],
)
def test_what_it_underlines_is_refused(old: str, new: str) -> None:
    assert old in WHOLE
    text = WHOLE.replace(old, new, 1)
    assert underlined(text)
    with pytest.raises(InvalidDocument):
        parse_device(text.replace("insecure", ""), file="f.yaml", secrets=secrets)


def secrets() -> Secrets:
    return Secrets({"a": "network", "b": "password"})


def test_every_key_says_what_it_is() -> None:
    whole = device_schema()
    for part in (whole, *whole["$defs"].values()):
        silent = [key for key, schema in part["properties"].items() if not told(schema)]
        assert silent == []


def told(schema: dict[str, Any]) -> bool:
    return len(schema.get("description", "")) > 10
