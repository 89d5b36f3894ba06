"""The unit's text: systemd accepts it, says how exposed it is, and it names what it should."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from edgechain.deploy.device import unit as module
from edgechain.deploy.device.needs import Needs
from edgechain.deploy.device.unit import EXPOSURE, EXPOSURE_LIMIT, Unit

USUAL = Path("/opt/edgechain")
CAMERA = Needs(groups=("video",))
ODD = '/srv/it\'s a "root" of 100% $HOME \\ ünï'


def written(folder: Path, unit: Unit) -> Path:
    path = folder / unit.name
    path.write_text(unit.text())
    return path


def analyzed(*words: str, runtime: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XDG_RUNTIME_DIR": str(runtime)},
    )


@pytest.mark.systemd
class TestSystemdsOpinion:
    @pytest.mark.parametrize("needs", [Needs(), CAMERA, Needs(("gpio", "spi"), "1G", "2G")])
    @pytest.mark.parametrize("root", [str(USUAL), "/srv/a b/c", ODD])
    def test_it_accepts_the_systems_unit(self, tmp_path: Path, needs: Needs, root: str) -> None:
        path = written(tmp_path, Unit(Path(root), system=True, needs=needs))
        done = analyzed("verify", "--man=no", str(path), runtime=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_it_accepts_a_users_unit(self, tmp_path: Path) -> None:
        path = written(tmp_path, Unit(USUAL, system=False))
        done = analyzed("verify", "--man=no", "--user", str(path), runtime=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_it_would_complain_about_a_mistake(self, tmp_path: Path) -> None:
        """The control: what is accepted above is not accepted whatever it says."""
        path = written(tmp_path, Unit(USUAL, system=True))
        path.write_text(path.read_text().replace("WatchdogSec=30", "WatchdogSec=soon"))
        done = analyzed("verify", "--man=no", str(path), runtime=tmp_path)
        assert "Failed to parse sec value, ignoring: soon" in done.stderr

    def test_how_exposed_it_is(self, tmp_path: Path) -> None:
        found = exposure(written(tmp_path, Unit(USUAL, system=True)), tmp_path)
        assert found == EXPOSURE
        assert found < EXPOSURE_LIMIT
        assert str(EXPOSURE) in (module.__doc__ or "")
        camera = exposure(written(tmp_path, Unit(USUAL, system=True, needs=CAMERA)), tmp_path)
        assert found < camera < EXPOSURE_LIMIT
        bare = tmp_path / "bare.service"
        bare.write_text("[Service]\nExecStart=/bin/true\n")
        assert exposure(bare, tmp_path) > 9  # the control


def exposure(path: Path, runtime: Path) -> float:
    done = analyzed("security", "--offline=true", str(path), runtime=runtime)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    return float(found[1])


def test_the_command_gets_a_root_as_it_is(tmp_path: Path) -> None:
    """systemd's words, read back as systemd.syntax(7) says, are what the shell is to be given."""
    line = next(
        line for line in Unit(Path(ODD), system=True).text().splitlines() if "ExecStart" in line
    )
    word = re.fullmatch(r"ExecStart=/bin/sh -c '[^']*' \"(.*)\"", line)
    assert word
    text = word[1].replace("$$", "$").replace("%%", "%")
    assert re.sub(r"\\(.)", r"\1", text) == f"{ODD}/current"


def test_the_script_finds_the_environment_without_links(tmp_path: Path) -> None:
    """What runs is a path that a later switch of ``current`` does not change."""
    line = next(
        line for line in Unit(tmp_path, system=True).text().splitlines() if "ExecStart" in line
    )
    script = line.split("'")[1].replace("$$", "$")
    for name in ("one", "two"):
        python = tmp_path / "environments" / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho "$0 $*"\n')
        python.chmod(0o755)
        (tmp_path / "generations" / name).mkdir(parents=True)
        link = tmp_path / "generations" / name / "environment"
        link.symlink_to(Path("../../environments") / name)
    current = tmp_path / "current"
    current.symlink_to("generations/two")
    done = subprocess.run(
        ["/bin/sh", "-c", script, str(current)], capture_output=True, text=True, check=True
    )
    python = tmp_path / "environments" / "two" / "bin" / "python"
    assert done.stdout == f"{python} -P -m edgechain.node {current}/node.yaml\n"


def test_each_root_has_a_name_of_its_own() -> None:
    roots = [USUAL, Path("/srv/x"), Path("/srv-x"), Path("/srv/x_"), Path("/srv/ü")]
    names = [Unit(root, system=True).name for root in roots]
    assert names[0] == "edgechain.service"
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"edgechain(-[0-9a-f]{8})?\.service", name) for name in names)


@pytest.mark.parametrize("root", ["/a\nb", "/a\x1b[2J", "relative"])
def test_a_root_that_no_unit_can_name(root: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a unit"):
        Unit(Path(root), system=True).text()


def test_devices_are_open_only_to_their_groups() -> None:
    plain, camera = (Unit(USUAL, system=True, needs=needs).text() for needs in (Needs(), CAMERA))
    assert "PrivateDevices=yes" in plain
    assert "SupplementaryGroups" not in plain
    assert "PrivateDevices" not in camera
    assert "SupplementaryGroups=video" in camera
    assert "DeviceAllow=char-video4linux rw" in camera
    assert "User=" not in Unit(USUAL, system=False).text()


def test_a_root_at_home_can_be_read() -> None:
    assert "ProtectHome=yes" in Unit(USUAL, system=True).text()
    assert "ProtectHome=read-only" in Unit(Path("/home/pi/edgechain"), system=True).text()
