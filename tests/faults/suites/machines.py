"""Invented histories of the plain classes, each beside a model that says what must be."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

from tests.client import collector_machine
from tests.faults.suite import Report, Row, Suite, control, times
from tests.node import reassembly_machine
from tests.runtime import join_machine, slot_machine

EXAMPLES = 1000
STEPS = 50

MOST_UNTIL_SEEN = 2000
"""Histories in which a broken class has to be found out, at any scale."""

Machine = type[RuleBasedStateMachine]


@dataclass(frozen=True)
class Subject:
    """A machine and machines of the same kind whose class is broken on purpose."""

    title: str
    machine: Machine
    broken: Mapping[str, Machine]


SUBJECTS = (
    Subject("join", join_machine.Joins, join_machine.BROKEN),
    Subject("slots and leases", slot_machine.SlotsAndLeases, slot_machine.BROKEN),
    Subject("reassembly, node", reassembly_machine.Reassembly, reassembly_machine.BROKEN),
    Subject("reassembly, client", collector_machine.Collecting, collector_machine.BROKEN),
)


@dataclass
class Tally:
    """What was really done."""

    examples: int = 0
    steps: int = 0
    broken_by: BaseException | None = None

    def __str__(self) -> str:
        return f"{self.examples:,} histories, {self.steps:,} steps"


def examine(
    machine: Machine, examples: int, tally: Tally, on_example: Callable[[], None], *phases: Phase
) -> None:
    """Run a machine and note in ``tally`` what it did; it ends with the first failure."""
    wanted = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, *phases),
        report_multiple_bugs=False,
    )
    try:
        run_state_machine_as_test(_counted(machine, tally, on_example), settings=wanted)
    except Exception as error:
        tally.broken_by = error


def _counted(machine: Machine, tally: Tally, on_example: Callable[[], None]) -> Machine:
    """The same machine, noting what it does: the first look at a history is no step."""

    def look(self: RuleBasedStateMachine) -> None:
        tally.steps += 1

    def teardown(self: RuleBasedStateMachine) -> None:
        tally.examples += 1
        tally.steps -= 1
        on_example()
        machine.teardown(self)

    return type(machine.__name__, (machine,), {"look": invariant()(look), "teardown": teardown})


def _hold(subject: Subject, examples: int, report: Report) -> Row:
    """As many histories as it takes to come to ``examples`` of full length."""
    report.say(f"{subject.title}: {examples} histories of {STEPS} steps")
    steps, tally = examples * STEPS, Tally()

    def progress() -> None:
        report.progress(min(tally.steps, steps), steps)

    while tally.broken_by is None and (missing := steps - tally.steps) > 0:
        examine(subject.machine, max(10, missing // STEPS), tally, progress, Phase.shrink)
    for line in _lines(tally.broken_by):
        report.say(line)
    return Row(
        subject.title,
        f"no failure in {examples:,} x {STEPS} steps",
        f"{'a' if tally.broken_by else 'no'} failure in {tally}",
        not tally.broken_by and tally.examples >= examples,
    )


def _lines(error: BaseException | None) -> list[str]:
    return "".join(traceback.format_exception(error)).splitlines() if error else []


def _see(title: str, machine: Machine) -> Row:
    """A broken class; what is looked for is that it is seen, not the shortest way to see it."""
    tally = Tally()
    examine(machine, MOST_UNTIL_SEEN, tally, lambda: None)
    is_seen = isinstance(tally.broken_by, AssertionError | LookupError | ValueError)
    what = f"seen: {type(tally.broken_by).__name__}" if is_seen else "not seen"
    return control(title, "is seen failing", f"{what}, {tally.examples} histories", is_seen)


def run(scale: float, report: Report) -> Sequence[Row]:
    """Every machine, and every broken one."""
    examples = times(EXAMPLES, scale, least=20)
    rows = [_hold(subject, examples, report) for subject in SUBJECTS]
    report.say("classes that are broken on purpose")
    return rows + [_see(*one) for subject in SUBJECTS for one in subject.broken.items()]


SUITE = Suite("machines", "state machines on join, slots and reassembly", run)
