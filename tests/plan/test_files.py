"""Device files with their profiles, and plans, as the planner reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgechain.errors import InvalidDocument
from edgechain.plan.files import read_devices, read_plan
from edgechain.plan.threads import planned
from edgechain.plan.topology import Device
from edgechain.plan.written import plan_file
from edgechain.spec.document import render
from edgechain.spec.problem import Objective
from edgechain.spec.profile import DeviceProfile
from tests.plan.test_threads import MODEL, ROW, UNLIKE, device, profile


def read(folder: Path, *profiles: DeviceProfile) -> Device:
    """A device whose file names these profiles."""
    names = [f"p{number}.yaml" for number in range(len(profiles))]
    for name, one in zip(names, profiles, strict=True):
        (folder / name).write_text(render(one))
    file = folder / "a.yaml"
    listed = ", ".join(names)
    file.write_text(f"name: a\ninsecure: true\nchain: c\ndevice: {{profiles: [{listed}]}}\n")
    (found,) = read_devices([file], MODEL.sha256)
    return found


def test_the_last_profile_is_in_use_and_those_with_other_threads_could_be(tmp_path: Path) -> None:
    two, four, again = profile(2, 1.0), profile(4, 2.0), profile(2, 3.0)
    found = read(tmp_path, two, four, again)
    assert (found.profile, found.others) == (again, (four,))
    assert [one.used_threads for one in found.variants] == [2, 4]
    assert found.with_threads(4).profile == four
    assert found.with_threads(3) == found.with_threads(None) == found


def test_profiles_of_other_models_are_left_out(tmp_path: Path) -> None:
    other = MODEL.model_copy(update={"sha256": "1" * 64})
    found = read(tmp_path, profile(2, 1.0).model_copy(update={"model": other}))
    assert (found.profile, found.others, found.used_threads) == (None, (), found.threads)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = plan_file(MODEL, planned(ROW, [device("a", *UNLIKE)], Objective.LATENCY))
    file = tmp_path / "row.plan"
    file.write_text(render(plan))
    assert read_plan(file) == read_plan(file, MODEL.sha256) == plan
    with pytest.raises(InvalidDocument, match=r"is for another model \(row\.tflite, 000000000000"):
        read_plan(file, "1" * 64)
    old = "".join(line for line in render(plan).splitlines(True) if "threads" not in line)
    file.write_text(old)
    assert [stage.threads for stage in read_plan(file).stages] == [None]
