"""A drawn plan: what it says, what stands out, and that no label lies on another."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgechain.errors import CannotPlace
from edgechain.plan.compare import Option, chosen, compared
from edgechain.plan.look import BAND, FRAMES, LEFT, RIGHT, WIDTH, data, figure
from edgechain.plan.picture import drawn
from edgechain.plan.score import placement
from edgechain.plan.svg import INK, width
from edgechain.spec.problem import Board, Objective, Problem, Unit, Wire
from tests.plan.instances import problems

SVG = "{http://www.w3.org/2000/svg}"
PERIOD, LATENCY = Objective.THROUGHPUT, Objective.LATENCY
HOSTILE = '</text><script>alert("1")</script>&amp; \x1b[31m\u202e\x00'


def unit(name: str, *inputs: str, ms: dict[str, float], size: int = 0) -> Unit:
    return Unit(name, inputs, {board: one / 1000 for board, one in ms.items()}, 1, size)


def chain(rate: float = 1e6) -> Problem:
    """Five units on three devices in a row; each holds two."""
    units = [unit("u0", ms=dict.fromkeys("abc", 10.0), size=50_000)]
    for at in range(1, 5):
        one = unit(f"u{at}", f"u{at - 1}", ms=dict.fromkeys("abc", 10.0), size=50_000)
        units.append(one)
    wires = (Wire("a", "b", rate), Wire("b", "c", 50e6))
    return Problem(tuple(units), tuple(Board(name, 2) for name in "abc"), wires)


def fork() -> Problem:
    """Two equal branches on two equal devices, and a third device that is of no use."""
    units = (
        unit("left", ms={"a": 10, "b": 10, "c": 99}),
        unit("right", ms={"a": 10, "b": 10, "c": 99}),
    )
    return Problem(units, (Board("a"), Board("b"), Board("c")))


def single() -> Problem:
    units = (unit("x", ms={"a": 5, "b": 9}, size=10**7), unit("y", "x", ms={"a": 5, "b": 9}))
    return Problem(units, (Board("a"), Board("b")), (Wire("a", "b", 1e6), Wire("b", "a", 1e6)))


def picture(problem: Problem, objective: Objective = PERIOD) -> ET.Element:
    return ET.fromstring(drawn([chosen(problem, objective)]))


def row_picture(rate: float = 1e6) -> ET.Element:
    """Two units on a, two on b, one on c, and a link from a to b that carries so much."""
    problem = chain(rate)
    found = placement(problem, (0, 0, 1, 1, 2), PERIOD, 0.019)
    return ET.fromstring(drawn([Option("by hand", problem, found, "so be it")]))


def lines(root: ET.Element) -> list[str]:
    return [words.text or "" for words in root.iter(f"{SVG}text")]


def told(root: ET.Element) -> list[str]:
    """What is shown beside the pointer, the picture's own name first."""
    return [words.text or "" for words in root.iter(f"{SVG}title")]


def test_the_figures_are_said() -> None:
    said = lines(row_picture())
    assert said[:2] == ["By hand: 3 of 3 devices", "So be it."]
    assert said[2] == (
        "period 50 ms (20 frames/s), limited by link a to b · latency 101 ms · "
        "bound of the period 19 ms · gap at most 62.0%"
    )
    assert {"latency 101 ms", "period 50 ms", "u0, u1", "u2, u3", "u4"} <= set(said)
    assert {"20 ms, 40%", "50 ms, 100%", "1 ms, 2%", "to b, 50.0 kB"} <= set(said)


def test_what_is_proved_is_said() -> None:
    said = lines(picture(fork(), LATENCY))
    assert (
        said[1]
        == "Split over 2 devices: 10 ms a frame; 2.00 times as fast as a alone (20 ms a frame)."
    )
    figures = " ".join(said[2:4])
    assert "bound of the latency 10 ms · gap 0, proved: no placement is better" in figures


def bands(root: ET.Element) -> list[ET.Element]:
    """Rows that stand out; the last one is the legend's sample."""
    return [box for box in root.iter(f"{SVG}rect") if box.get("fill") == BAND][:-1]


def heavy(root: ET.Element) -> list[ET.Element]:
    """Bars with a heavy outline, the legend's sample left out."""
    boxes = (box for box in root.iter(f"{SVG}rect") if box.get("stroke-width") == "3")
    return [box for box in boxes if box.get("fill") == "none" and box.get("stroke") == INK]


@pytest.mark.parametrize(("rate", "slow"), [(1e6, ["to b, 50.0 kB"]), (50e6, ["u0, u1", "u2, u3"])])
def test_what_sets_the_period_stands_out_in_black_and_white(rate: float, slow: list[str]) -> None:
    root = row_picture(rate)
    assert lines(root).count("sets the period") - 1 == len(slow), "one is the legend's"
    assert len(heavy(root)) == FRAMES * len(slow)
    places = {words.text: float(words.get("y", 0)) for words in root.iter(f"{SVG}text")}
    for band, label in zip(bands(root), slow, strict=True):
        assert 0 < places[label] - float(band.get("y", 0)) < float(band.get("height", 0))


def test_frames_differ_in_more_than_colour() -> None:
    root = row_picture()
    patterns = [one.get("id") for one in root.iter(f"{SVG}pattern")]
    assert patterns == ["frame-2", "frame-3", "frame-4"]
    fills = [box.get("fill") for box in root.iter(f"{SVG}rect")]
    for name in patterns:
        assert fills.count(f"url(#{name})") == 3 + 2 + 1, "devices, links and the legend"


def numbers(root: ET.Element) -> list[tuple[float, str]]:
    """The numbers in bars: where from the left, and of which frame."""
    return [
        (float(words.get("x", 0)), words.text or "")
        for words in root.iter(f"{SVG}text")
        if words.get("font-weight") == "bold" and words.get("text-anchor") == "middle"
    ]


def test_frames_overlap() -> None:
    """While a device works on one frame, others work on others."""
    found = numbers(row_picture())
    assert {frame for _, frame in found} == {"1", "2", "3", "4"}
    first = [x for x, frame in found if frame == "1"]
    second = [x for x, frame in found if frame == "2"]
    assert min(second) < max(first)


def test_branches_stand_below_each_other() -> None:
    found = numbers(picture(fork(), LATENCY))
    assert len([x for x, frame in found if frame == "1"]) == 2
    assert len({x for x, frame in found if frame == "1"}) == 1


def test_devices_without_work_are_named() -> None:
    assert "not used: c" in lines(picture(fork()))


def test_of_many_devices_without_work_some_are_named() -> None:
    boards = tuple(Board(f"raspberry-{at}") for at in range(60))
    problem = Problem((Unit("x", (), {"raspberry-0": 1.0}),), boards)
    (said,) = (line for line in lines(picture(problem)) if line.startswith("not used: "))
    assert said.startswith("not used: raspberry-1, raspberry-2, ")
    named = said.count("raspberry")
    assert said.endswith(f" and {59 - named} more")


def test_do_not_split_is_a_picture_too() -> None:
    root = picture(single())
    assert lines(root)[1].startswith("Do not split: a alone")
    assert [frame for _, frame in numbers(root)] == ["1", "2", "3", "4"]


def test_plans_stand_below_each_other_on_a_common_scale() -> None:
    root = ET.fromstring(drawn(compared(fork())))
    assert [line for line in lines(root) if line.endswith(" devices")] == [
        "Not split: 1 of 3 devices",
        "For throughput and for latency: 2 of 3 devices",
    ]
    ticks = [words for words in root.iter(f"{SVG}text") if words.text == "20"]
    assert len(ticks) == 2
    assert len({words.get("x") for words in ticks}) == 1


def test_names_are_text_and_nothing_else() -> None:
    first, second = HOSTILE, "次の" * 90
    units = (
        Unit(first, (), {first: 0.01, second: 0.5}, 1, 7),
        Unit(second, (first,), {second: 0.02}, 1),
    )
    boards = (Board(first, 1), Board(second, 1))
    wires = (Wire(first, second, 1e6),)
    root = picture(Problem(units, boards, wires, name=HOSTILE))
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {
        "svg", "title", "rect", "defs", "pattern", "path", "line", "text", "g"
    }  # fmt: skip
    assert any("<script>" in line for line in told(root))
    shown = "".join([*lines(root), *told(root)])
    assert shown.isprintable()


def test_the_whole_list_of_units_is_shown_beside_the_pointer() -> None:
    names = [f"block_{at}/conv" for at in range(30)]
    units = [Unit(names[0], (), {"a": 1.0})]
    units += [Unit(b, (a,), {"a": 1.0}) for a, b in itertools.pairwise(names)]
    root = picture(Problem(tuple(units), (Board("a"),)))
    (short,) = (line for line in lines(root) if line.endswith(" (30)"))
    assert re.fullmatch(r"bloc\S*…\S*conv to bloc\S*…\S*conv \(30\)", short)
    assert told(root)[1] == f"a: 30,000 ms for {', '.join(names)}"


def test_what_a_device_pays_besides_is_shown_beside_the_pointer() -> None:
    problem = Problem((Unit("x", (), {"a": 1.0}),), (Board("a", None, 0.5),))
    assert told(picture(problem))[1] == "a: 1,000 ms for x, 500 ms for its stage and its bytes"


def test_a_problem_without_work_has_no_bars() -> None:
    problem = Problem((Unit("x", (), {"a": 0.0}),), (Board("a"),))
    root = picture(problem)
    assert numbers(root) == []
    assert "0 ms" in lines(root)


@pytest.mark.parametrize("seconds", [5e-324, 1e-300, 1e-12, 1e9, 1e300])
def test_any_amount_can_be_drawn(seconds: float) -> None:
    units = (Unit("x", (), {"a": seconds, "b": 1.0}), Unit("y", ("x",), {"a": 1.0, "b": seconds}))
    problem = Problem(units, (Board("a"), Board("b")))
    check(drawn(compared(problem)))


def test_sizes_and_figures_are_for_people() -> None:
    assert [data(n) for n in (0, 999, 1000, 123_456, 999_960, 1 << 53)] == [
        "0 B", "999 B", "1.0 kB", "123.5 kB", "1.0 MB", "9007199.3 GB",
    ]  # fmt: skip
    assert [figure(x) for x in (0, 0.00123, 1.5, 99.96, 1234.5, 2.5e8)] == [
        "0", "0.00123", "1.5", "100", "1,234", "2.5e+08",
    ]  # fmt: skip


@pytest.mark.once
@given(problems())
def test_any_plan_can_be_drawn(problem: Problem) -> None:
    try:
        options = compared(problem)
    except CannotPlace:
        assume(False)
    drawing = drawn(options)
    check(drawing)
    assert drawing == drawn(options), "the same plans are the same picture"


@pytest.mark.once
@given(st.data())
def test_long_names_and_many_links_stay_apart(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    name = partial(st.text, st.characters(codec="utf-8"), min_size=1, max_size=256)
    names = data.draw(st.lists(name(), min_size=count, max_size=count, unique=True))
    units = [
        Unit(one, tuple(names[:at]), {names[at]: 0.1 * at}, 1, 10**at)
        for at, one in enumerate(names)
    ]
    problem = Problem(tuple(units), tuple(map(Board, names)))
    check(drawn([chosen(problem, PERIOD)]))


@dataclass(frozen=True)
class Box:
    """Where a line of text is."""

    words: str
    left: float
    right: float
    baseline: float
    size: float

    def covers(self, other: Box) -> bool:
        beside = self.right <= other.left or other.right <= self.left
        apart = abs(self.baseline - other.baseline) >= 0.9 * min(self.size, other.size)
        return not beside and not apart


def boxes(root: ET.Element) -> Iterator[Box]:
    for group in (root, *root.iter(f"{SVG}g")):
        moved = re.match(r"translate\((\S+) (\S+)\)", group.get("transform", ""))
        dx, dy = map(float, moved.groups()) if moved else (0.0, 0.0)
        for line in group.findall(f"{SVG}text"):
            yield box(line, dx, dy)


def box(line: ET.Element, dx: float, dy: float) -> Box:
    words, size = line.text or "", float(line.get("font-size", 0))
    wide = width(words, size, bold=line.get("font-weight") == "bold")
    before = {None: 0.0, "middle": wide / 2, "end": wide}[line.get("text-anchor")]
    left = float(line.get("x", 0)) + dx - before
    return Box(words, left, left + wide, float(line.get("y", 0)) + dy, size)


def check(drawing: str) -> None:
    """It is SVG, every text is large enough, on the page and on no other, bars are on the axis."""
    root = ET.fromstring(drawing)
    height = float(root.get("height", 0))
    found = list(boxes(root))
    for one in found:
        assert one.size >= 12
        assert one.left >= 0
        assert one.right <= WIDTH, one
        assert one.size <= one.baseline <= height, one
    assert covered(found) == []
    for bar in root.iter(f"{SVG}rect"):
        if bar.get("fill", "").startswith("url") and bar.get("x") != "0":
            left, wide = float(bar.get("x", 0)), float(bar.get("width", 0))
            assert LEFT - 1 <= left <= left + wide <= RIGHT + 3


def covered(found: Sequence[Box]) -> list[tuple[str, str]]:
    return [(a.words, b.words) for a, b in itertools.combinations(found, 2) if a.covers(b)]


def test_labels_that_lie_on_each_other_are_found() -> None:
    """The control of the check itself."""
    one, other = Box("a", 0, 10, 20, 12), Box("b", 5, 15, 25, 12)
    assert covered([one, other]) == [("a", "b")]
    assert covered([one, Box("c", 5, 15, 40, 12), Box("d", 10, 20, 20, 12)]) == []
