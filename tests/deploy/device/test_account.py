"""What the service's user may read is handed over, and nothing else is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edgechain.deploy.device.account import Account, hand_over

TO = Account(user=4001, group=4002)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")


def mode_of(path: Path) -> tuple[int, int, str]:
    found = path.lstat()
    return found.st_uid, found.st_gid, oct(stat.S_IMODE(found.st_mode))


def test_private_files_become_its_own_and_stay_private(tmp_path: Path) -> None:
    identity, generation = tmp_path / "identity", tmp_path / "generation"
    identity.mkdir(0o700)
    (identity / "identity.key").touch(0o600)
    (identity / "identity.pem").touch(0o644)
    (generation / "chain").mkdir(parents=True)
    (generation / "chain" / "secret").touch(0o600)
    (generation / "node.yaml").touch(0o644)
    hand_over(TO, identity, generation)
    hand_over(TO, identity, generation)
    assert mode_of(identity) == (0, TO.group, "0o750")
    assert mode_of(identity / "identity.key") == (TO.user, TO.group, "0o600")
    assert mode_of(identity / "identity.pem") == (0, 0, "0o644")
    assert mode_of(generation / "chain" / "secret") == (TO.user, TO.group, "0o600")
    assert mode_of(generation / "node.yaml")[0] == 0
    assert mode_of(generation)[0] == 0


def test_links_lead_nobody_to_other_files(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(0o700)
    (outside / "shadow").touch(0o600)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "folder").symlink_to(outside)
    (inside / "file").symlink_to(outside / "shadow")
    (inside / "nowhere").symlink_to(tmp_path / "gone")
    hand_over(TO, inside, tmp_path / "not there")
    assert mode_of(outside) == (0, 0, "0o700")
    assert mode_of(outside / "shadow") == (0, 0, "0o600")
