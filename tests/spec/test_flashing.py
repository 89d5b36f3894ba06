"""Where a device is flashed, and the Wi-Fi of its SD card."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edgechain.spec.config import NodeConfig
from edgechain.spec.flashing import FlashConfig, WifiConfig

WIFI = {"ssid": "net", "password": "long enough", "country": "DE"}


@pytest.mark.parametrize(
    "target",
    [
        "ssh://pi-a.local",
        "ssh://pi@pi-a.local",
        "ssh://pi@192.168.1.7:2222",
        "ssh://pi@[fe80::1%eth0]:22/opt/edgechain",
        "ssh://[::1]",
        "ssh://pi-a/",
        "dir:/srv/image/opt/edgechain",
        "dir:~/here and there",
        "sd:/media/you/bootfs",
    ],
)
def test_a_target(target: str) -> None:
    assert FlashConfig(target=target).target == target


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("", "should be ssh://"),
        ("pi-a.local", "should be ssh://"),
        ("pi@pi-a.local:/opt", "should be ssh://"),
        ("http://pi-a", "should be ssh://"),
        ("dir:", "should be ssh://"),
        ("sd:\n", "should be ssh://"),
        ("ssh://", "is no SSH address"),
        ("ssh://-oProxyCommand=x", "is no SSH address"),
        ("ssh://pi@-x", "is no SSH address"),
        ("ssh://-x@pi-a", "is no SSH address"),
        ("ssh://pi a", "is no SSH address"),
        ("ssh://pi-a:0", "is no SSH address"),
        ("ssh://pi-a:65536", "is no SSH address"),
        ("ssh://pi-a:", "is no SSH address"),
        ("ssh://pi-a\n", "is no SSH address"),
        ("ssh://pi:canary@pi-a", "has a password in it; SSH keys are used"),
        ("ssh://pi-a/opt/../etc", "should be an absolute path"),
        ("ssh://pi-a//opt", "should be an absolute path"),
        ("ssh://pi-a/a b", "should be an absolute path"),
        ("ssh://pi-a/opt;reboot", "should be an absolute path"),
    ],
)
def test_no_target(target: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason) as caught:
        FlashConfig(target=target)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("root", ["/opt/edgechain", "~/edgechain", "/srv/a_b.c-d/"])
def test_a_root(root: str) -> None:
    assert FlashConfig(target="ssh://pi-a", root=root).root == root


@pytest.mark.parametrize(
    ("target", "root", "reason"),
    [
        ("ssh://pi-a", "edgechain", "should be an absolute path"),
        ("ssh://pi-a", "/", "should be an absolute path"),
        ("ssh://pi-a", "/a/../b", "should be an absolute path"),
        ("ssh://pi-a/opt", "/opt", "names a root already"),
        ("dir:/opt", "/opt", "the target is the root"),
    ],
)
def test_no_root(target: str, root: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        FlashConfig(target=target, root=root)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"password": None},
        {"password": "f" * 64},
        {"password": "~" * 63},
        {"ssid": "é" * 16},
    ],
)
def test_a_wifi(fields: dict[str, Any]) -> None:
    assert WifiConfig(**(WIFI | fields)).country == "DE"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"ssid": ""}, "should have 1 to 32 bytes"),
        ({"ssid": "é" * 17}, "should have 1 to 32 bytes"),
        ({"password": "1234567"}, "should have 8 to 63 ASCII"),
        ({"password": "g" * 64}, "should have 8 to 63 ASCII"),
        ({"password": "1234567é"}, "should have 8 to 63 ASCII"),
        ({"password": "1234567\n8"}, "should have 8 to 63 ASCII"),
        ({"country": "de"}, "should be a country's two letters"),
        ({"country": "DEU"}, "should be a country's two letters"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_no_wifi(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        WifiConfig(**(WIFI | fields))


@pytest.mark.parametrize(
    ("fields", "right"),
    [
        ({"timezone": "Europe/Berlin"}, True),
        ({"timezone": "America/Argentina/Salta"}, True),
        ({"timezone": "Etc/GMT+1"}, True),
        ({"timezone": "../etc/passwd"}, False),
        ({"timezone": "Europe/Berlin\n"}, False),
        ({"hostname": "pi-a"}, True),
        ({"hostname": "pi_a"}, False),
        ({"hostname": "pi-a.local"}, False),
        ({"hostname": "a" * 64}, False),
        ({"memory_max_mb": 64}, True),
        ({"memory_max_mb": 63}, False),
        ({"ssh_keys": ("",)}, False),
    ],
)
def test_what_a_board_is_told(fields: dict[str, Any], right: bool) -> None:
    whole = {"name": "n", "chain": "c", "insecure": True} | fields
    if right:
        assert NodeConfig.model_validate(whole)
    else:
        with pytest.raises(ValidationError):
            NodeConfig.model_validate(whole)
