"""Device files on the laptop: where their secrets are, and whose keys they let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.deploy.configs import find_secrets, project_of, public_keys, read_device
from edgechain.errors import InvalidDocument

DEVICE = "name: n\nchain: c\ninsecure: true\n"
WIFI = DEVICE + "wifi: {ssid: x, password: !secret it, country: DE}\n"


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def password(path: Path) -> str:
    wifi = read_device(path).config.wifi
    assert wifi is not None
    assert wifi.password is not None
    return wifi.password.get_secret_value()


@pytest.mark.parametrize("sign", ["fleet", ".git"])
def test_the_nearest_secrets_up_to_the_project_count(tmp_path: Path, sign: str) -> None:
    device = put(tmp_path / "project/device_configs/hall/n.yaml", WIFI)
    put(tmp_path / "secrets.yaml", "it: of somebody else")
    (tmp_path / "project" / sign).mkdir()
    with pytest.raises(InvalidDocument, match=r"n\.yaml:4:27: wifi\.password: there is no secrets"):
        read_device(device)
    put(tmp_path / "project/secrets.yaml", "it: of the project")
    assert password(device) == "of the project"
    put(tmp_path / "project/device_configs/hall/secrets.yaml", "it: of the hall")
    assert password(device) == "of the hall"


def test_without_a_project_only_the_folder_itself_counts(tmp_path: Path) -> None:
    device = put(tmp_path / "some/n.yaml", WIFI)
    put(tmp_path / "secrets.yaml", "it: of somebody else")
    assert repr(find_secrets(device)) == "<0 secrets of no file>"
    put(tmp_path / "some/secrets.yaml", "it: of its own")
    assert password(device) == "of its own"


def test_a_file_by_a_crooked_way_has_the_same_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "p/fleet/authority.pem", "")
    put(tmp_path / "p/device_configs/n.yaml", WIFI)
    put(tmp_path / "p/other/secrets.yaml", "it: of another folder")
    put(tmp_path / "p/secrets.yaml", "it: of the project")
    monkeypatch.chdir(tmp_path / "p/other")
    assert password(Path("../device_configs/n.yaml")) == "of the project"
    assert project_of(Path("../device_configs/n.yaml")) == tmp_path / "p"


def test_a_fleet_comes_before_a_repository_inside_it(tmp_path: Path) -> None:
    device = put(tmp_path / "p/device_configs/n.yaml", DEVICE)
    (tmp_path / "p/device_configs/.git").mkdir()
    assert project_of(device) == tmp_path / "p/device_configs"
    (tmp_path / "p/fleet").mkdir()
    assert project_of(device) == tmp_path / "p"


def test_secrets_that_cannot_be_read_are_no_matter_where_none_is_wanted(tmp_path: Path) -> None:
    device = put(tmp_path / "n.yaml", DEVICE)
    put(tmp_path / "secrets.yaml", "it: 'canary")
    assert read_device(device).config.name == "n"
    device.write_text(WIFI)
    with pytest.raises(InvalidDocument, match=r"secrets\.yaml:1:12: is not YAML") as caught:
        read_device(device)
    assert "canary" not in str(caught.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_bytes(b"name: \xff")
    with pytest.raises(InvalidDocument, match="is not text in UTF-8"):
        read_device(tmp_path / "n.yaml")
    with pytest.raises(InvalidDocument, match="cannot be read: No such file"):
        read_device(tmp_path / "m.yaml")


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq0 me@laptop"


def keyed(folder: Path, text: str | None, name: str = "me.pub") -> Path:
    if text is not None:
        put(folder / name, text)
    return put(folder / "n.yaml", f"{DEVICE}ssh_keys: [{name}]\n")


def test_public_keys_are_read(tmp_path: Path) -> None:
    other = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY="
    device = read_device(keyed(tmp_path, f"# mine\n{KEY}\n\n{other}\n"))
    assert public_keys(device) == (KEY, other)


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        (None, "me.pub", "me.pub cannot be read: No such file"),
        ("", "me.pub", "me.pub is no file of public SSH keys"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n", "me", "; public keys are in files that"),
        (f"{KEY}\nsomething else\n", "me.pub", "me.pub is no file of public SSH keys"),
        (f'command="reboot" {KEY}\n', "me.pub", "me.pub is no file of public SSH keys"),
        (f"{KEY}\n" * 2000, "me.pub", "is too large"),
    ],
)
def test_what_is_no_public_key_is_refused(
    tmp_path: Path, text: str | None, name: str, reason: str
) -> None:
    device = read_device(keyed(tmp_path, text, name))
    with pytest.raises(InvalidDocument) as caught:
        public_keys(device)
    assert str(caught.value).startswith(f"{tmp_path}/n.yaml:4:12: ssh_keys.0: ")
    assert reason in str(caught.value)
    assert "b3Blb" not in str(caught.value)
