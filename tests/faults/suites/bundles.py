"""Hostile bundles, listings, requests and roots, given to a real agent with real signatures."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.deploy.agent_client import AGENT
from tests.deploy.hostile_listings import UP
from tests.faults.hostile import OLD, Case, Caught, World, attack
from tests.faults.hostile_cases import cases
from tests.faults.suite import Report, Row, Suite, control, times

FIGURE = "at least 200; nothing outside, current as it was, one clear line: 0, 0, 0, 0"
FOR_CONTROL = (
    *(f"path {UP!a}", "signed by another fleet", f"replayed number {OLD}", "for device pi-b"),
    *("blobs is a link", "signature: none"),
)
GULLIBLE = ("-m", "tests.faults.gullible_agent")


def run(scale: float, report: Report) -> Sequence[Row]:
    """All of it."""
    every = cases()
    count = min(len(every), times(len(every), scale))
    some = Random(4).sample(every, count) if count < len(every) else every
    with tempfile.TemporaryDirectory(prefix="edgechain-bundles-") as name:
        world = World(Path(name))
        report.say(f"{count} of {len(every)} attacks")
        caught = _try(world, some, AGENT, report)
        rows = [Row("attacks on a device", FIGURE, str(caught), caught.faults == 0)]
        chosen = [case for case in every if case.name in FOR_CONTROL]
        report.say(f"control: {len(chosen)} attacks, and nothing is checked")
        seen = _try(world, chosen, GULLIBLE, report)
    worked = seen.outside > 0 and seen.inside > 0 and seen.accepted > 0
    figure = "outside, inside and accepted are seen"
    return [*rows, control("nothing is checked", figure, str(seen), worked)]


def _try(world: World, some: Sequence[Case], command: Sequence[str], report: Report) -> Caught:
    caught = Caught()
    for number, case in enumerate(some, 1):
        if wrong := attack(world, case, caught, command):
            report.say(wrong)
        report.progress(number, len(some))
    return caught


SUITE = Suite("bundles", "hostile bundles, listings, requests and roots", run)
