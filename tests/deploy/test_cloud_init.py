"""What a board is told at its first boot: as texts, and as cloud-init itself judges them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from ruamel.yaml import YAML

from edgechain.deploy.cloud_init import (
    Board,
    board_of,
    is_ours,
    meta_data,
    network_config,
    user_data,
    wpa_key,
)
from edgechain.spec.config import NodeConfig
from edgechain.spec.flashing import WifiConfig

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@laptop"
PASSWORD = "correct horse battery"

WIFI = WifiConfig(ssid=SecretStr("attic"), password=SecretStr(PASSWORD), country="DE")
NORWAY = WifiConfig(
    ssid=SecretStr('no "Wi-Fi": \N{GRINNING FACE} \x85\\'), password=None, country="NO"
)


def board(**more: Any) -> Board:
    fields: dict[str, Any] = {"name": "pi-a", "host": "pi-a", "user": "pi", "keys": (KEY,)} | more
    return Board(**fields)


BOARDS = {
    "by wire": board(),
    "with everything": board(timezone="Europe/Oslo", wifi=WIFI, root="/srv/edge.chain"),
    "in Norway": board(wifi=NORWAY, keys=(KEY, KEY.replace("me@laptop", 'a: "b" #c'))),
}


def loaded(text: str) -> dict[str, Any]:
    """As a reader of YAML 1.1 takes it, which cloud-init's is."""
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    found: dict[str, Any] = reader.load(text)
    return found


# Texts -------------------------------------------------------------------------------------------


def test_nobody_logs_in_with_a_password() -> None:
    found = loaded(user_data(board()))
    assert found["ssh_pwauth"] is False
    [user] = found["users"]
    assert user["lock_passwd"] is True
    assert user["ssh_authorized_keys"] == [KEY]
    assert "passw" not in user_data(board()).replace("lock_passwd", "")


def test_name_and_time_zone() -> None:
    found = loaded(user_data(board(host="kitchen", timezone="Europe/Berlin")))
    assert (found["hostname"], found["timezone"]) == ("kitchen", "Europe/Berlin")
    assert "timezone" not in loaded(user_data(board()))


def test_every_boot_starts_the_agent_on_the_card() -> None:
    commands = loaded(user_data(board()))["bootcmd"]
    last = " ".join(commands[-1])
    agent = "python3 /boot/firmware/edgechain/agent.pyz --root /opt/edgechain first-boot"
    assert last.startswith("systemd-run --no-block")
    assert last.endswith(f"{agent} --bundle /boot/firmware/edgechain")


def test_the_wifi_is_in_network_config_alone_and_its_password_nowhere() -> None:
    with_wifi = board(wifi=WIFI)
    key = wpa_key("attic", PASSWORD)
    texts = (user_data(with_wifi), meta_data(with_wifi, "17"), repr(with_wifi))
    assert key in network_config(with_wifi)
    assert PASSWORD not in network_config(with_wifi)
    assert not any(secret in text for secret in (PASSWORD, key, "attic") for text in texts)


def test_an_open_network_has_no_password() -> None:
    found = loaded(network_config(board(wifi=NORWAY)))
    wlan = found["network"]["wifis"]["wlan0"]
    assert wlan["access-points"] == {NORWAY.ssid.get_secret_value(): {}}
    assert wlan["regulatory-domain"] == "NO"


def test_the_key_of_a_network_is_that_of_the_standard() -> None:
    """IEEE 802.11i, H.4.3, the first two vectors; and a key that is one already."""
    first = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    second = "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"
    assert wpa_key("IEEE", "password") == first
    assert wpa_key("ThisIsASSID", "ThisIsAPassword") == second
    assert wpa_key("IEEE", first.upper()) == first


def test_another_instance_is_another_id() -> None:
    first, second = (loaded(meta_data(board(), one))["instance-id"] for one in ("17", "18"))
    assert first != second
    assert "pi-a" in str(first)


def test_what_is_ours_is_known_again() -> None:
    one = board(wifi=WIFI)
    assert all(map(is_ours, (user_data(one), network_config(one), meta_data(one, "17"))))
    assert not is_ours("#cloud-config\nhostname: pi-a\n")


def test_cloud_init_knows_user_data_by_its_first_line() -> None:
    assert user_data(board()).startswith("#cloud-config\n")


def test_a_board_is_what_its_file_says() -> None:
    fields = {"name": "pi_a.1", "chain": "digits", "timezone": "UTC", "wifi": WIFI}
    config = NodeConfig.model_validate(fields)
    assert board_of(config, (KEY,), "me", "/opt/x") == Board(
        "pi_a.1", "pi-a-1", "me", (KEY,), "UTC", WIFI, "/opt/x"
    )
    named = NodeConfig.model_validate(fields | {"hostname": "kitchen"})
    assert board_of(named, (KEY,), "me", "/opt/x").host == "kitchen"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"keys": ()}, "nobody could log in"),
        ({"keys": ("-----BEGIN OPENSSH PRIVATE KEY-----",)}, "public SSH key"),
        ({"keys": (f"{KEY}\nruncmd: [rm]",)}, "public SSH key"),
        ({"user": "root; reboot"}, "user"),
        ({"root": "/opt/$(reboot)"}, "root"),
        ({"root": "opt"}, "root"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        board(**wrong)
    assert "PRIVATE" not in str(refused.value)


@given(st.text(min_size=1, max_size=32))
def test_any_network_name_is_read_as_it_was_written(ssid: str) -> None:
    if not 0 < len(ssid.encode(errors="replace")) <= 32 or any(
        "\ud800" <= c <= "\udfff" for c in ssid
    ):
        return
    wifi = WifiConfig(ssid=SecretStr(ssid), password=SecretStr(PASSWORD), country="DE")
    found = loaded(network_config(board(wifi=wifi)))
    access = found["network"]["wifis"]["wlan0"]["access-points"]
    assert access == {ssid: {"password": wpa_key(ssid, PASSWORD)}}


# As cloud-init judges them -----------------------------------------------------------------------


@pytest.mark.cloudinit
@pytest.mark.parametrize("which", BOARDS)
def test_debians_cloud_init_takes_user_data(tmp_path: Path, which: str) -> None:
    path = tmp_path / "user-data"
    path.write_text(user_data(BOARDS[which]))
    assert "Valid" in _debians(path)


@pytest.mark.cloudinit
def test_and_refuses_what_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "user-data"
    good = user_data(board())
    for old, new in (("bootcmd:", "bootcmd: 17\nx:"), ("ssh_pwauth: false", "ssh_pwauth: [1]")):
        assert old in good
        path.write_text(good.replace(old, new))
        assert "Valid" not in _debians(path)


def _debians(path: Path) -> str:
    command = ["/usr/bin/cloud-init", "schema", "--config-file", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == ("Valid" in done.stdout)
    return done.stdout


@pytest.mark.fleet
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("trixie")
def test_trixies_cloud_init_takes_both_files_and_refuses_broken_ones(
    trixie: Path,
) -> None:
    """25.1 with netplan 1.1, as boards have them: netplan's own parser reads network-config."""
    for which in BOARDS.values():
        assert _judged(trixie, "cloud-config", user_data(which)) == ""
        assert _judged(trixie, "network-config", network_config(which)) == ""
    user, network = user_data(board()), network_config(board(wifi=WIFI))
    for kind, good, old, new in (
        ("cloud-config", user, "ssh_pwauth: false", "ssh_pwauth: [1]"),
        ("cloud-config", user, "bootcmd:", "bootcmd: 17\nx:"),
        ("network-config", network, "dhcp4: true", "dhcp4: perhaps"),
        ("network-config", network, "access-points:", "acces-points:"),
    ):
        assert old in good
        assert _judged(trixie, kind, good.replace(old, new)) != ""


def _judged(system: Path, kind: str, text: str) -> str:
    """What Trixie's cloud-init has against a file; empty when nothing."""
    (system / "tmp" / kind).write_text(text)
    command = ["cloud-init", "schema", "-t", kind, "-c", f"/tmp/{kind}"]
    done = subprocess.run(
        ["chroot", str(system), *command], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
