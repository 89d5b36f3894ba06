"""How many threads a device gets: what is best for its share, and no worse than any one choice."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.errors import CannotPlace
from edgechain.plan.compare import compared
from edgechain.plan.explain import proof
from edgechain.plan.place import place
from edgechain.plan.threads import (
    Planned,
    compared_on,
    planned,
    planned_with_copies,
    traded_on,
)
from edgechain.plan.topology import Device, problem_on
from edgechain.plan.written import plan_file
from edgechain.spec.chain import ModelSource
from edgechain.spec.problem import Objective
from edgechain.spec.profile import DeviceProfile, LinkCosts
from edgechain.spec.topology import DeviceConfig, NetworkConfig
from tests.spec.graphs import FIRST_INPUT, graph

MODEL = ModelSource(file="row.tflite", sha256="0" * 64)
PERIOD, LATENCY = Objective.THROUGHPUT, Objective.LATENCY

ROW = graph([FIRST_INPUT], [0], [1], [2])
"""Four operators, one after the other."""


def profile(threads: int, *ms: float, stage: float = 0.0) -> DeviceProfile:
    return DeviceProfile(
        device="any",
        model=MODEL,
        interpreter="litert",
        threads=threads,
        operator_ms=ms,
        stage_ms=stage,
    )


def device(name: str, *profiles: DeviceProfile) -> Device:
    """The last profile is in use, as where they were read from a file."""
    *others, used = profiles
    config = DeviceConfig(network=NetworkConfig(ms=0))
    return Device(name, config, used.threads, used, tuple(others))


UNLIKE = (profile(2, 10, 10, 20, 20), profile(4, 20, 20, 10, 10.0))
"""Two threads are best for the first half, four for the second one."""


def threads_of(one: Planned) -> dict[str, int]:
    """By device with work."""
    devices = [one.posed.devices[share.board] for share in one.found.shares]
    return {device.name: device.used_threads for device in devices}


def test_a_share_that_two_threads_do_sooner_gets_two() -> None:
    large = device("large", UNLIKE[0], profile(4, 20, 20, 9, 9))
    small = device("small", profile(4, 90, 90, 15, 15))
    found = planned(ROW, [large, small], PERIOD)
    assert threads_of(found) == {"large": 2, "small": 4}
    assert found.found.score.period == pytest.approx(0.03)
    assert threads_of(planned(ROW, [large], PERIOD)) == {"large": 4}, "alone four are quicker"


def test_the_number_of_threads_is_written_into_the_plan() -> None:
    found = planned(ROW, [device("a", *UNLIKE), device("b", *UNLIKE)], PERIOD)
    file = plan_file(MODEL, found)
    assert [(s.operators, s.threads, s.work_ms) for s in file.stages] == [
        ("0-1", 2, 20.0),
        ("2-3", 4, 20.0),
    ]


FORK = graph([FIRST_INPUT], [0], [0], [1, 2])
"""One operator, two that could run side by side, and one that reads both."""

BRANCHED = (
    device("a", profile(2, 10, 90, 30, 11), profile(4, 20, 40, 40, 10)),
    device("b", profile(4, 100, 40, 100, 100)),
)
"""Without the branch that b is good at two threads are best for a, for its last operator four."""


def test_all_that_a_device_does_counts_where_it_has_several_stages() -> None:
    found = planned(FORK, BRANCHED, LATENCY)
    names = [BRANCHED[share.board].name for share in found.found.shares]
    assert (names.count("a"), names.count("b")) == (3, 1)
    assert threads_of(found) == {"a": 2, "b": 4}
    assert found.found.score.latency == pytest.approx(0.061, rel=1e-3)


def test_what_every_stage_costs_counts_with_its_threads() -> None:
    dear = device("a", profile(2, 9, 9, 9, 9, stage=50), profile(4, 10, 10, 10, 10))
    assert threads_of(planned(ROW, [dear], PERIOD)) == {"a": 4}


def test_the_proof_is_for_every_number_of_threads() -> None:
    """With both profiles at their best nothing is below 40 ms; two threads alone prove 60."""
    found = planned(ROW, [device("a", *UNLIKE)], PERIOD).found
    assert (found.score.period, found.lower_bound) == pytest.approx((0.06, 0.04))
    assert "at most 33.3% could be gained" in proof(found)
    exact = planned(ROW, [device("a", *UNLIKE), device("b", *UNLIKE)], PERIOD).found
    assert exact.is_exact
    assert exact.is_best_single


def test_what_one_device_does_alone_is_told_with_its_best_threads() -> None:
    slow = device("a", profile(1, 20, 20, 20, 20), profile(4, 10, 10, 10, 10))
    found = planned(ROW, [slow, device("b", profile(4, 10, 10, 10, 10))], PERIOD)
    assert "2.00 times as fast as a alone (25 frames/s)" in found.option.says


def test_both_objectives_stand_beside_no_split() -> None:
    devices = [device("a", *UNLIKE), device("b", *UNLIKE)]
    alone, fast, short = compared_on(ROW, devices)
    assert (alone.threads, set(fast.threads)) == ((4, 4), {2, 4})
    assert (alone.placement.score.period, fast.placement.score.period) == (0.06, 0.04 / 2)
    assert short.placement == planned(ROW, devices, LATENCY).found


def test_without_a_choice_it_is_the_placement_itself() -> None:
    devices = [device("a", profile(4, 9, 9, 9, 1)), device("b", profile(4, 5, 9, 9, 9))]
    for objective in Objective:
        assert planned(ROW, devices, objective).found == place(
            problem_on(ROW, devices).problem, objective
        )
    (_, fast, short), plain = compared_on(ROW, devices), compared(problem_on(ROW, devices).problem)
    assert [one.placement for one in (fast, short)] == [one.placement for one in plain[1:]]


def test_every_copy_has_the_threads_that_are_best_for_its_stage() -> None:
    """What comes last is on c alone, so the others take the rest in turns, each in its own way."""
    rest = device("c", profile(4, 90, 90, 90, 5))
    rest = replace(rest, config=rest.config.model_copy(update={"pinned": ("3",)}))
    a = device("a", profile(2, 2, 40, 2, 100), profile(4, 2, 60, 2, 10))
    b = device("b", profile(2, 2, 50, 2, 100), profile(4, 2, 70, 2, 10))
    found = planned_with_copies(ROW, [a, b, rest])
    (first, last) = found.found.shares
    assert (set(first.boards), last.boards) == ({0, 1}, (2,))
    assert found.posed.threads == (2, 2, 4)
    assert found.found.score.period == pytest.approx(1 / (1 / 0.044 + 1 / 0.054))
    file = plan_file(MODEL, found)
    assert [(s.device, s.copies, s.threads) for s in file.stages] == [
        ("a", ("b",), 2),
        ("c", (), 4),
    ]
    assert "times as fast as without copies" in found.option.says


def test_a_front_on_devices_is_proved_where_there_is_no_choice_of_threads() -> None:
    same = profile(4, 10, 10, 10, 10)
    options, complete = traded_on(ROW, [device("a", same), device("b", same)])
    assert [one.name for one in options] == ["for throughput", "for latency"]
    assert complete.startswith("proved: no plan with one stage on each device has both")
    options, complete = traded_on(ROW, [device("a", *UNLIKE), device("b", *UNLIKE)])
    assert complete.endswith("; not proved")
    for objective, one in zip(Objective, (options[0], options[-1]), strict=True):
        best = planned(ROW, [device("a", *UNLIKE), device("b", *UNLIKE)], objective)
        assert one.placement.score.value(objective) <= best.value * (1 + 1e-9)


def test_a_profile_of_another_model_length_is_refused_whichever_it_is() -> None:
    with pytest.raises(CannotPlace, match="its profile has 3 operators, the model 4"):
        planned(ROW, [device("a", profile(2, 1, 1, 1), profile(4, 1, 1, 1, 1))], PERIOD)


times = st.floats(0.1, 100.0)
costs = st.floats(0.0, 50.0)
loopbacks = st.none() | st.builds(
    LinkCosts, send_ms_per_mb=costs, receive_ms_per_mb=costs, message_ms=costs
)
profiles = st.lists(st.tuples(st.tuples(*[times] * 4), costs, loopbacks), min_size=1, max_size=3)


@given(st.lists(profiles, min_size=1, max_size=3), st.sampled_from(Objective))
def test_no_choice_of_profiles_is_below_the_bound(
    drawn: Sequence[Sequence[tuple[tuple[float, ...], float, LinkCosts | None]]],
    objective: Objective,
) -> None:
    """And the one found is at least as good as that of the profiles best for the whole model.

    Links cost more than some of them say of loopback, and less than others.
    """
    network = NetworkConfig(ms=0, send_ms_per_mb=20, receive_ms_per_mb=20, message_ms=20)
    config = DeviceConfig(network=network)
    devices = [
        replace(
            device(
                f"d{number}",
                *(
                    profile(1 + t, *ms, stage=stage).model_copy(update={"loopback": loopback})
                    for t, (ms, stage, loopback) in enumerate(choices)
                ),
            ),
            config=config,
        )
        for number, choices in enumerate(drawn)
    ]
    found = planned(ROW, devices, objective)
    every = itertools.product(*(one.variants for one in devices))
    values = [
        place(problem_on(ROW, chosen).problem, objective).score.value(objective) for chosen in every
    ]
    assert found.found.lower_bound <= min(values) * (1 + 1e-9)
    assert min(values) <= found.value * (1 + 1e-9)
    first = place(found.whole.problem, objective).score.value(objective)
    assert found.value <= first * (1 + 1e-9)
