"""Device files and profiles become a problem: what is in it besides the operators' work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgechain.plan.place import place
from edgechain.plan.score import score
from edgechain.plan.topology import Device, problem_on, with_links
from edgechain.spec.chain import ModelSource
from edgechain.spec.graph import OpGraph
from edgechain.spec.links import LinksFile
from edgechain.spec.problem import Objective
from edgechain.spec.profile import DeviceProfile, LinkCosts
from edgechain.spec.topology import DeviceConfig, NetworkConfig
from tests.spec.graphs import DIAMOND, FIRST_INPUT, graph

MODEL = ModelSource(file="diamond.tflite", sha256="0" * 64)


def device(
    name: str,
    *,
    send: float = 0.0,
    receive: float = 0.0,
    network: NetworkConfig | None = None,
) -> Device:
    """Operators of a millisecond each; bytes cost so many milliseconds a megabyte."""
    profile = DeviceProfile(
        device=name,
        model=MODEL,
        interpreter="litert",
        threads=1,
        operator_ms=(1.0,) * 6,
        send_ms_per_mb=send,
        receive_ms_per_mb=receive,
    )
    return Device(name, DeviceConfig(network=network or NetworkConfig()), 1, profile)


def test_what_the_clients_tensors_cost_is_in_the_problem() -> None:
    problem = problem_on(DIAMOND, [device("free"), device("dear", send=1e6, receive=5e5)]).problem
    free, dear = map(sum, problem.seconds_with_client)
    assert free == pytest.approx(0.006)
    assert dear == pytest.approx(0.006 + 4 * 0.5e-3 + 4 * 1e-3), "four bytes come, four go"
    assert score(problem, [1] * len(problem.units)).period == pytest.approx(dear)


def test_the_way_to_the_client_is_in_the_problem() -> None:
    network = NetworkConfig(mbit=8e-6, ms=500)  # a byte a second
    problem = problem_on(DIAMOND, [device("far", network=network)]).problem
    found = score(problem, [0] * len(problem.units))
    assert found.period == pytest.approx(4.5)
    assert found.limits == "link client to far"
    assert found.latency == pytest.approx(0.006 + 2 * 4.5)
    assert place(problem, Objective.THROUGHPUT).is_exact


def test_only_the_models_own_tensors_go_to_and_from_the_client() -> None:
    units = problem_on(DIAMOND, [device("one")]).problem.units
    assert [unit.request_bytes for unit in units] == [4, 0, 0, 0, 0, 0]
    assert [unit.result_bytes for unit in units] == [0, 0, 0, 0, 0, 4]


def test_links_that_were_measured_count_instead_of_what_files_say() -> None:
    slow, quick = NetworkConfig(mbit=8, ms=4), NetworkConfig(mbit=80, ms=2)
    a = Device("a", DeviceConfig(links={"b": slow, "c": slow}), 1, device("a").profile)
    others = [device("b"), device("c")]
    found = with_links([a, *others], LinksFile(links={"a": {"b": quick}, "z": {"a": slow}}))
    assert [one.name for one in found] == ["a", "b", "c"]
    assert found[0].config.links == {"b": quick, "c": slow}
    assert found[1:] == others
    wires = {(w.source, w.target): w for w in problem_on(DIAMOND, found).problem.wires or ()}
    assert wires["a", "b"].seconds == 0.002
    assert wires["a", "c"].seconds == 0.004


# What links cost processors -----------------------------------------------------------------------


def linked(device: Device, **links: NetworkConfig) -> Device:
    """The same with these links."""
    return replace(device, config=device.config.model_copy(update={"links": links}))


def cost(
    send: float | None = None, receive: float | None = None, message: float | None = None
) -> NetworkConfig:
    """A link, or a network, that costs so many milliseconds."""
    return NetworkConfig(send_ms_per_mb=send, receive_ms_per_mb=receive, message_ms=message)


def paid(*devices: Device) -> list[tuple[float, float, float]]:
    """For every device milliseconds for a stage, a megabyte sent and one received."""
    boards = problem_on(DIAMOND, devices).problem.boards
    each = [(b.stage_seconds, b.send_seconds * 1e6, b.receive_seconds * 1e6) for b in boards]
    return [(pay[0] * 1e3, pay[1] * 1e3, pay[2] * 1e3) for pay in each]


def test_a_byte_costs_the_mean_of_what_the_links_say() -> None:
    a = linked(device("a", send=1, receive=1), b=cost(4, 30, 0.2), c=cost(8, 50, 0.4))
    b = linked(device("b", send=1, receive=1), a=cost(2, 6), c=NetworkConfig(mbit=3))
    c = device("c", send=1, receive=1)
    assert paid(a, b, c) == [
        pytest.approx((0.3, 6, 6)),  # away to b and c; back from b alone is known
        pytest.approx((0, 2, 30)),
        pytest.approx((0, 1, 50)),
    ]


def with_profile(device: Device, **update: object) -> Device:
    """The same with something else in its profile."""
    assert device.profile is not None
    return replace(device, profile=device.profile.model_copy(update=update))


def test_what_was_measured_over_loopback_is_the_least() -> None:
    cheap = cost(2, 3, 0.1)
    a, b = (linked(device(n, send=5, receive=7), **{o: cheap}) for n, o in ("ab", "ba"))
    a = with_profile(a, stage_ms=0.4)
    assert paid(a, b) == [pytest.approx((0.4, 5, 7)), pytest.approx((0.1, 5, 7))]


def test_what_links_cost_more_than_one_over_loopback_comes_on_top() -> None:
    """Of 5 ms to send a megabyte the link had 1: where a link takes 4 it is 3 more."""
    loopback = LinkCosts(send_ms_per_mb=1, receive_ms_per_mb=2, message_ms=0.3)
    a, b = (linked(device(n, send=5, receive=7), **{o: cost(4, 2.5, 0.4)}) for n, o in ("ab", "ba"))
    a, b = (with_profile(one, stage_ms=0.9, loopback=loopback) for one in (a, b))
    assert paid(a, b) == [pytest.approx((1.0, 8, 7.5))] * 2
    b = linked(b, a=cost(0.5, 1.5, 0.1))
    assert paid(a, b)[1] == pytest.approx((0.9, 5, 7.5)), "no link makes a node's own work less"
    assert paid(replace(a, config=DeviceConfig()), device("c"))[0] == pytest.approx((0.9, 5, 7))


def test_what_links_say_of_bytes_counts_instead_of_an_estimate() -> None:
    cheap = cost(0.5, 0.25, 0.1)
    a, b = (Device(n, DeviceConfig(links={o: cheap})) for n, o in ("ab", "ba"))
    (stage, *known), guessed = paid(a, b)[0], paid(Device("c", DeviceConfig()))[0]
    assert known == pytest.approx([0.5, 0.25])
    assert stage == guessed[0] > 0.1
    assert min(guessed[1:]) > 0.5


def test_a_network_that_was_written_down_counts_where_links_say_nothing() -> None:
    network = cost(6, 8, 0.5)
    a = linked(device("a", network=network), b=NetworkConfig(mbit=3), c=cost(10, 99, 1.5))
    b = linked(device("b"), a=cost(receive=20))
    assert paid(a, b, device("c"))[0] == pytest.approx((1.0, 8, 14))
    assert paid(device("alone", network=network)) == [pytest.approx((0.5, 6, 8))]


def test_links_to_devices_that_are_not_there_say_nothing() -> None:
    a = linked(device("a", send=1), z=cost(50, 50, 50))
    assert paid(a, device("b")) == [pytest.approx((0, 1, 0)), (0, 0, 0)]


def wide_in_the_middle() -> OpGraph:
    """Four operators in a row; a megabyte lies between the second and the third."""
    row = graph([FIRST_INPUT], [0], [1], [2])
    wide = replace(row.tensors[1], shape=(250_000,), nbytes=1_000_000)
    return replace(row, tensors={**row.tensors, 1: wide})


@pytest.mark.parametrize(("ms", "first"), [(0.1, 2), (0.9, 2), (1.1, 3), (50.0, 3)])
def test_a_plan_leaves_a_wide_cut_that_costs_more_than_it_saves(ms: float, first: int) -> None:
    """Two operators each take 2 ms, three 3 ms: the wide cut may cost a millisecond."""
    there = NetworkConfig(mbit=1e5, ms=0, receive_ms_per_mb=ms)
    each = [device("a"), device("b")]
    for number, other in ((0, "b"), (1, "a")):
        profile = each[number].profile
        assert profile is not None
        short = profile.model_copy(update={"operator_ms": (1.0,) * 4})
        each[number] = replace(linked(each[number], **{other: there}), profile=short)
    problem = replace(problem_on(wide_in_the_middle(), each).problem, several_stages=False)
    found = place(problem, Objective.THROUGHPUT)
    sizes = [len(share.units) for share in found.shares]
    assert max(sizes) == first
