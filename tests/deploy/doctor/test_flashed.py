"""The doctor on a board that was really flashed: its own environment, its own running node."""

from __future__ import annotations

from edgechain.deploy.doctor.report import Report
from tests.deploy.board import ON_A_BOARD, Board
from tests.deploy.doctor.setups import faults

pytestmark = ON_A_BOARD


def test_nothing_is_wrong_with_it(flashed: Board) -> None:
    report = Report.from_json(flashed("doctor", "--on", flashed.target, "--json").out)
    assert faults(report) == set(), report.to_json()
    said = {finding.code: finding for finding in report.findings}
    assert str(flashed.root) in said["packages"].where, "the packages that were flashed"
    assert said["port"].what.startswith("the node itself runs there: ")
    assert "models tried" in said["interpreter"].what
    assert str(flashed.root.resolve()) in said["identity"].where
