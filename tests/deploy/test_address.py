"""Targets as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.deploy.targets.address import (
    CardAddress,
    DirectoryAddress,
    SshAddress,
    parse_target,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ssh://pi-a.local", SshAddress("pi-a.local")),
        ("ssh://pi@pi-a.local", SshAddress("pi-a.local", "pi")),
        ("ssh://pi@10.0.0.7:2222/opt/edge", SshAddress("10.0.0.7", "pi", 2222, "/opt/edge")),
        ("ssh://[fd00::1]:22", SshAddress("fd00::1", None, 22)),
        ("dir:/srv/pi-a", DirectoryAddress(Path("/srv/pi-a"))),
        ("sd:/media/bootfs", CardAddress(Path("/media/bootfs"))),
    ],
)
def test_targets(text: str, address: object) -> None:
    assert parse_target(text) == address
    assert str(parse_target(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pi-a.local",
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://a b",
        "ssh://pi@host:99999",
        "ssh://pi@host:x",
        "ssh://pi@host/../etc",
        "ssh://pi@host/a;b",
        "ssh://pi@host/a?b",
        "ssh://[::1",
        "ssh://-x@host",
        "dir:",
        "dir:a\nb",
        "http://host",
    ],
)
def test_what_is_no_target(text: str) -> None:
    with pytest.raises(ValueError, match=r"should be|has"):
        parse_target(text)


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="password") as caught:
        parse_target("ssh://pi:canary-1234@host")
    assert "canary" not in str(caught.value)
