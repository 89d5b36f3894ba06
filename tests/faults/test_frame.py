"""The frame of the fault suites: what is shown, what passes, and what does not."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import pytest

from tests.faults.__main__ import Screen, main, run_suite
from tests.faults.catalogue import load, names
from tests.faults.outcome import SuiteOutcome, document, table
from tests.faults.suite import Report, Row, Silent, Skipped, Suite, control, times

GOOD = Row("kill -9", "0 lost", "0 lost of 10", passed=True)
BAD = Row("kill -9", "0 lost", "3 lost of 10", passed=False)


def outcome_of(*rows: Row, error: Exception | None = None) -> SuiteOutcome:
    """What the frame makes of a suite with these rows, or of one that raises."""

    def run(scale: float, report: Report) -> Sequence[Row]:
        if error is not None:
            raise error
        return rows

    return run_suite("made", 1.0, Silent(), lambda name: Suite(name, "made up", run))


@pytest.mark.parametrize(
    ("outcome", "passed", "line"),
    [
        (outcome_of(GOOD), True, "PASS  made   kill -9  0 lost"),
        (outcome_of(GOOD, BAD), False, "FAIL  made   kill -9  0 lost           3 lost of 10"),
        (outcome_of(control("no timer", "late", "late", True)), True, "control: no timer"),
        (outcome_of(GOOD, control("no timer", "late", "fine", False)), False, "FAIL  made"),
        (outcome_of(), False, "no row"),
        (outcome_of(error=Skipped("not root")), False, "skipped: not root"),
        (outcome_of(error=ValueError("odd\nmore")), False, "ValueError: odd"),
    ],
)
def test_only_a_suite_whose_rows_all_pass_has_passed(
    outcome: SuiteOutcome, passed: bool, line: str
) -> None:
    assert outcome.passed == passed
    text = table([outcome], 1.0).text()
    assert line in text, text
    assert document([outcome], 1.0)["passed"] == passed


def test_counts_are_scaled_and_never_none() -> None:
    assert [times(300, scale) for scale in (1.0, 0.1, 0.0001, 2.0)] == [300, 30, 1, 600]


def test_progress_is_a_line_for_a_tenth_and_a_bar_on_a_terminal() -> None:
    lines = io.StringIO()
    screen = Screen("made", lines)
    screen.say("begins")
    for done in range(101):
        screen.progress(done, 100)
    assert lines.getvalue().count("\n") == 11
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    Screen("made", terminal).progress(1, 2)
    assert terminal.getvalue().count("█") == 16


def test_every_suite_of_the_folder_can_be_loaded() -> None:
    assert [load(name).name for name in names()] == list(names())


def test_an_unknown_suite_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "nonsense"])
    assert ended.value.code == 2
    assert "nonsense" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status"),
    [(None, 0), (Skipped("not root"), 1), (ValueError("odd"), 1), (KeyboardInterrupt(), 130)],
)
def test_the_exit_status_says_whether_everything_held(
    error: BaseException | None,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(scale: float, report: Report) -> Sequence[Row]:
        if error is not None:
            raise error
        return (GOOD,)

    suites = {"made": Suite("made", "made up", run)}
    monkeypatch.setattr("tests.faults.__main__.names", lambda: tuple(suites))
    monkeypatch.setattr("tests.faults.__main__.run_suite.__defaults__", (suites.__getitem__,))
    assert main([]) == status
    assert "Faults, scale 1" in capsys.readouterr().out


def test_json_is_json() -> None:
    made = document([outcome_of(GOOD), outcome_of(error=ValueError("odd"))], 0.5)
    assert json.loads(json.dumps(made))["suites"][0]["rows"][0]["passed"] is True
