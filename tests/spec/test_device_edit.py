"""Device files that are changed as their owners wrote them."""

from __future__ import annotations

import pytest

from edgechain.errors import InvalidDocument
from edgechain.spec.device_edit import edited
from edgechain.spec.device_file import parse_device

CHANGES = {"chain": "../digits-1a2b", "stages": ["stage0", "stage2"], "chain_name": "digits"}

COMMENTED = """\
# yaml-language-server: $schema=schema.json
substitutions: {room: hall}   # said once
name: pi-${room}

chain: "../digits"   # what `split` made
stages:              # what runs here
  - stage1
  # and this
  - stage0
# the network
port: 50551
wifi: {ssid: !secret wifi, country: GB}
"""

EDITED = """\
# yaml-language-server: $schema=schema.json
substitutions: {room: hall}   # said once
name: pi-${room}

chain: ../digits-1a2b   # what `split` made
chain_name: digits
stages:              # what runs here
  [stage0, stage2]
# the network
port: 50551
wifi: {ssid: !secret wifi, country: GB}
"""


def test_only_the_values_change() -> None:
    assert edited(COMMENTED, CHANGES, file="pi-a.yaml") == EDITED


def test_the_same_again_changes_nothing() -> None:
    assert edited(EDITED, CHANGES, file="pi-a.yaml") == EDITED


@pytest.mark.parametrize(
    "text",
    [
        "name: a\nchain: x",
        "name: a\nstages: all\nchain: x # no end of line",
        "{name: a, chain: x, stages: [stage7]}",
        '{"name": "a", "chain": "x"}\n',
        "chain: ${where}/x\nname: a\nsubstitutions:\n  where: up\n",
        "name: a\r\nchain: x\r\nstages: []\r\n",
        "  name: a\n  chain: x\n",
    ],
)
def test_however_it_is_written(text: str) -> None:
    before = parse_device(text, file="a.yaml").config
    after = parse_device(edited(text, CHANGES, file="a.yaml"), file="a.yaml").config
    wanted = {"chain": "../digits-1a2b", "stages": ("stage0", "stage2"), "chain_name": "digits"}
    assert after == before.model_copy(update=wanted)


@pytest.mark.parametrize("path", ["a b", "no", "1.5", "${x}", "a: b", "#x", "ä", "null", "a'b\"c"])
def test_any_path_and_name_means_itself(path: str) -> None:
    made = edited("name: a\nchain: x\n", {"chain": path, "stages": ["1", "on"]}, file="a.yaml")
    config = parse_device(made, file="a.yaml").config
    assert (config.chain, config.stages) == (path, ("1", "on"))


@pytest.mark.parametrize(
    "text",
    [
        "name: &n a\nchain: *n\n",
        "name: a\nchain: &c x\nhostname: *c\n",
        "<<: {chain: x}\nname: a\n",
        "name: a\nchain: >-\n  folded\n  text\nport: 1\n",
    ],
)
def test_what_cannot_be_changed_alone_is_left_to_people(text: str) -> None:
    parse_device(text, file="a.yaml")
    with pytest.raises(InvalidDocument, match=r"by hand: chain: \.\./digits-1a2b, stages: \["):
        edited(text, CHANGES, file="a.yaml")
