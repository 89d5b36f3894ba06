"""plan as people and scripts call it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.cli.answers import Call
from tests.spec.test_problem_file import BROKEN, GOOD, NO_PROBLEM
from tests.watch.needs import ROOT

PROBLEM = {
    "units": [
        {"name": "x", "work_ms": {"a": 10, "b": 20}, "memory_bytes": 5, "output_bytes": 1000},
        {"name": "y", "inputs": ["x"], "work_ms": {"a": 10, "b": 10}, "memory_bytes": 5},
    ],
    "devices": [{"name": "a", "memory_bytes": 100}, {"name": "b"}, {"name": "c"}],
    "links": [{"from": "a", "to": "b", "bytes_per_second": 1e6, "seconds": 0.001}],
}


@pytest.fixture
def call(call: Call) -> Call:
    return partial(call, "plan")


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    return written(tmp_path, PROBLEM)


def written(folder: Path, problem: Any) -> Path:
    path = folder / "p.json"
    path.write_text(problem if isinstance(problem, str) else json.dumps(problem))
    return path


def test_a_plan_is_said_with_its_proof_and_what_would_help(call: Call, problem: Path) -> None:
    answer = call("--problem", problem)
    assert answer.status == 0
    assert answer.error == ""
    assert answer.out.splitlines() == [
        "Placement",
        "  device  units  work ms  busy",
        "  a       x      10.000   100%",
        "  b       y      10.000   100%",
        "  period   10.000 ms, limited by device a",
        "  latency  22.000 ms",
        "split over 2 devices: 100 frames/s; 2.00 times as fast as a alone (50 frames/s)",
        "proved: no placement of these units on these devices is better",
    ]


def test_do_not_split_is_an_answer(call: Call, problem: Path) -> None:
    answer = call("--problem", problem, "--objective", "latency")
    assert "do not split: a alone is as fast as any split of it (20 ms a frame)" in answer.out


def test_json_has_the_promised_form(call: Call, problem: Path) -> None:
    answer = call("--problem", problem, "--objective", "throughput", "--json")
    assert json.loads(answer.out) == {
        "objective": "throughput",
        "split": True,
        "period_ms": 10.0,
        "latency_ms": pytest.approx(22.0),
        "lower_bound_ms": 10.0,
        "exact": True,
        "groups": [
            {"device": "a", "units": ["x"], "work_ms": 10.0},
            {"device": "b", "units": ["y"], "work_ms": 10.0},
        ],
        "limits": "device a",
    }


def test_a_unit_stays_where_it_is_pinned(call: Call, problem: Path) -> None:
    answer = call("--problem", problem, "--pin", "x=b", "--json")
    assert answer.status == 0
    told = json.loads(answer.out)
    assert (told["split"], told["groups"][0]["device"], told["period_ms"]) == (False, "b", 30.0)
    refused = call("--problem", problem, "--pin", "w=a").complaint()
    assert refused == "edgechain: w is pinned to a, and is no unit"


def test_both_stand_beside_each_other(call: Call, problem: Path) -> None:
    answer = call("--problem", problem, "--objective", "both")
    assert answer.status == 0
    head, *rows = [line.split() for line in answer.out.splitlines()[1:5]]
    assert " ".join(head) == "plan period ms latency ms bound ms gap limited by devices"
    assert rows == [
        ["not", "split", "20.000", "20.000", "10.000", "50.0%", "device", "a", "a"],
        ["for", "throughput", "10.000", "22.000", "10.000", "0.0%", "device", "a", "a,", "b"],
        ["for", "latency", "20.000", "20.000", "20.000", "0.0%", "device", "a", "a"],
    ]
    assert "for latency: do not split: a alone" in answer.out


def test_both_are_a_list_for_scripts(call: Call, problem: Path) -> None:
    told = json.loads(call("--problem", problem, "--objective", "both", "--json").out)
    assert [(one["plan"], one["period_ms"], one["split"]) for one in told] == [
        ("not split", 20.0, False),
        ("for throughput", 10.0, True),
        ("for latency", 20.0, False),
    ]
    (single,) = (one for one in told if one["plan"] == "for latency")
    del single["plan"]
    answer = call("--problem", problem, "--objective", "latency", "--json")
    assert json.loads(answer.out) == single


COPIED = {
    "units": [{"name": "x", "work_ms": {"a": 10, "b": 30}}],
    "devices": [{"name": "a"}, {"name": "b"}],
}


def test_copies_are_said_with_how_many_frames_each_takes(call: Call, tmp_path: Path) -> None:
    verdict = (
        "the whole model on a and b: 133 frames/s; "
        "1.33 times as fast as without copies (100 frames/s)"
    )
    answer = call("--problem", written(tmp_path, COPIED), "--copies")
    assert (answer.status, answer.error) == (0, "")
    assert answer.out.splitlines() == [
        "Placement with copies",
        "  device  units  work ms  takes  busy",
        "  a       x      10.000   75%    100%",
        "  b       x      30.000   25%    100%",
        "  period   7.500 ms, limited by devices a and b",
        "  latency  30.000 ms on the slowest route",
        verdict,
        "proved: no placement of these units on these devices is better",
    ]


def test_copies_are_named_in_the_json_beside_what_was_promised(call: Call, tmp_path: Path) -> None:
    told = json.loads(call("--problem", written(tmp_path, COPIED), "--copies", "--json").out)
    assert told == {
        "objective": "throughput",
        "split": False,
        "period_ms": pytest.approx(7.5),
        "latency_ms": 30.0,
        "lower_bound_ms": pytest.approx(7.5),
        "exact": True,
        "groups": [{"device": "a", "units": ["x"], "work_ms": 10.0, "devices": ["a", "b"]}],
        "limits": "devices a and b",
    }


def test_a_stage_of_several_has_copies(call: Call, tmp_path: Path) -> None:
    units = [{"name": name, "work_ms": {"a": 10, "b": 10}} for name in "x"]
    units += [{"name": "y", "inputs": ["x"], "work_ms": {"c": 4}}]
    devices = [{"name": name} for name in "abc"]
    answer = call("--problem", written(tmp_path, {"units": units, "devices": devices}), "--copies")
    assert "2 stages on a and b; c: 200 frames/s; 2.00 times as fast as without" in answer.out
    groups = json.loads(call("--problem", tmp_path / "p.json", "--copies", "--json").out)["groups"]
    assert [group["devices"] for group in groups] == [["a", "b"], ["c"]]


def test_where_copies_bring_nothing_the_plan_is_as_without(call: Call, problem: Path) -> None:
    single = json.loads(call("--problem", problem, "--json").out)
    told = json.loads(call("--problem", problem, "--copies", "--json").out)
    assert told["groups"] == single["groups"]
    assert told["lower_bound_ms"] <= single["lower_bound_ms"]
    words = call("--problem", problem, "--copies").out
    assert "; split over 2 devices: 100 frames/s; 2.00 times as fast as a alone" in words


@pytest.mark.parametrize(("slower", "said"), [(1.0, True), (19.0, True), (21.0, False)])
def test_copies_that_are_five_per_cent_faster_are_spoken_of_unasked(
    call: Call, tmp_path: Path, slower: float, said: bool
) -> None:
    units = [{"name": "x", "work_ms": {"a": 10, "b": 10 * slower}}]
    path = written(tmp_path, {**COPIED, "units": units})
    lines = call("--problem", path).out.splitlines()
    words = [line for line in lines if line.startswith("with copies (--copies): ")]
    assert len(words) == said
    if slower == 1.0:
        assert words == ["with copies (--copies): 200 frames/s, the whole model on a and b"]
    assert "copies" not in call("--problem", path, "--objective", "latency").out
    assert "copies" not in call("--problem", path, "--json").out


def test_a_front_stands_beside_each_other(call: Call, problem: Path) -> None:
    answer = call("--problem", problem, "--objective", "front")
    assert (answer.status, answer.error) == (0, "")
    rows = [line.split()[:5] for line in answer.out.splitlines()[2:4]]
    assert rows == [
        ["for", "throughput", "10.000", "22.000", "10.000"],
        ["for", "latency", "20.000", "20.000", "20.000"],
    ]
    assert answer.out.splitlines()[-1] == (
        "proved: no plan has both a smaller period and a smaller latency than one of these"
    )


def test_a_front_is_a_list_for_scripts(call: Call, problem: Path) -> None:
    told = json.loads(call("--problem", problem, "--objective", "front", "--json").out)
    assert [one.pop("plan") for one in told] == ["for throughput", "for latency"]
    for objective, one in zip(("throughput", "latency"), told, strict=True):
        assert one == json.loads(call("--problem", problem, "--objective", objective, "--json").out)


@pytest.mark.parametrize("name", ["plan.svg", "PLAN.SVG"])
def test_a_plan_is_drawn(call: Call, problem: Path, tmp_path: Path, name: str) -> None:
    answer = call("--problem", problem, "--plot", tmp_path / name)
    assert answer.status == 0
    assert answer.out.splitlines()[-1] == f"Drawn in {tmp_path / name}"
    root = ET.parse(tmp_path / name).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["p.json", name])


def test_several_plans_are_drawn_in_one_picture(call: Call, problem: Path, tmp_path: Path) -> None:
    call("--problem", problem, "--objective", "both", "--plot", tmp_path / "plan.svg")
    drawing = (tmp_path / "plan.svg").read_text(encoding="utf-8")
    assert ">Not split and for latency: 1 of 3 devices<" in drawing
    assert ">For throughput: 2 of 3 devices<" in drawing


def test_a_plan_with_copies_is_drawn(call: Call, tmp_path: Path) -> None:
    shown = ROOT / "tools" / "plan" / "boards.json"
    answer = call("--problem", shown, "--copies", "--plot", tmp_path / "copies.svg")
    assert answer.out.splitlines()[-1] == f"Drawn in {tmp_path / 'copies.svg'}"
    drawing = (tmp_path / "copies.svg").read_text(encoding="utf-8")
    assert ">the whole model, 5 copies<" in drawing
    assert ">copy 5 of 5, takes 4%<" in drawing


def test_the_picture_in_the_readme_is_what_is_drawn(call: Call, tmp_path: Path) -> None:
    shown = ROOT / "tools" / "plan" / "boards.json"
    call("--problem", shown, "--objective", "both", "--plot", tmp_path / "boards.svg")
    drawing = (tmp_path / "boards.svg").read_bytes()
    assert drawing == shown.with_suffix(".svg").read_bytes(), "draw it again as README says"


def test_what_is_drawn_is_said_beside_the_json(call: Call, problem: Path, tmp_path: Path) -> None:
    answer = call("--problem", problem, "--json", "--plot", tmp_path / "plan.svg")
    assert json.loads(answer.out)["split"] is True
    assert answer.error == f"Drawn in {tmp_path / 'plan.svg'}\n"


def test_the_same_plan_is_the_same_picture(call: Call, problem: Path, tmp_path: Path) -> None:
    for name in ("one.svg", "other.svg"):
        call("--problem", problem, "--plot", tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


def test_names_are_no_commands_to_a_terminal(call: Call, tmp_path: Path) -> None:
    name = "\x1b[31mred\x07"
    units = [{"name": name, "work_ms": {name: 1}}]
    path = written(tmp_path, {"units": units, "devices": [{"name": name}]})
    for objective in ("throughput", "latency", "both"):
        answer = call("--problem", path, "--objective", objective)
        assert answer.status == 1
        assert "units.0.name: has letters that cannot be printed" in answer.complaint()
        assert answer.error.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ((), "give MODEL and --devices, or --problem"),
        (("--problem",), "requires an argument"),
        (("--problem", "p.json", "--objective", "speed"), "'speed' is not one of"),
        (("--problem", "p.json", "--plot", "plan.png"), "plan.png should end in .svg"),
        (("--problem", "p.json", "--plot", "plan"), "plan should end in .svg"),
        (("--problem", "p.json", "--plot", "."), ". should end in .svg"),
        (("--problem", "p.json", "m.tflite"), "give MODEL and --devices, or --problem"),
        (("--problem", "p.json", "m.tflite", "more"), "unexpected extra argument"),
        (("--problem", "p.json", "--devices", "d.yaml"), "MODEL and --devices go together"),
        (("--problem", "p.json", "-o", "plan.yaml"), "only the plan of a MODEL is written"),
        (("m.tflite",), "MODEL and --devices go together"),
        (("m.tflite", "--devices", "d.yaml", "-o", "p.svg", "--plot", "./p.svg"), "would replace"),
        (("--problem", "p.json", "--nonsense"), "No such option"),
        (("--problem", "p.json", "--copies", "--objective", "latency"), "only for throughput"),
        (("--problem", "p.json", "--copies", "--objective", "both"), "only for throughput"),
        (("m.tflite", "--devices", "d", "--copies", "--refine", "p"), "do not go together"),
        (
            ("m.tflite", "--devices", "d", "--refine", "p", "--objective", "front"),
            "choose one --objective to refine for",
        ),
        (
            ("m.tflite", "--devices", "d", "--objective", "front", "-o", "p"),
            "choose one --objective to write",
        ),
    ],
)
def test_wrong_usage_is_two(
    call: Call, problem: Path, monkeypatch: pytest.MonkeyPatch, wrong: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(problem.parent)
    answer = call(*wrong)
    assert answer.status == 2
    assert said in answer.complaint()
    assert [path.name for path in problem.parent.iterdir()] == ["p.json"]


def test_the_problem_is_not_drawn_over(call: Call, tmp_path: Path) -> None:
    path = written(tmp_path, PROBLEM).rename(tmp_path / "p.svg")
    answer = call("--problem", path, "--plot", tmp_path / "." / "p.svg")
    assert answer.status == 2
    assert "p.svg would replace " in answer.complaint()
    assert json.loads(path.read_text()) == PROBLEM


@pytest.mark.parametrize("case", [*BROKEN, *NO_PROBLEM])
def test_a_broken_problem_is_one_line_and_nothing_is_written(
    call: Call, tmp_path: Path, case: str
) -> None:
    if case in BROKEN:
        old, new, said = BROKEN[case]
        path = written(tmp_path, GOOD.replace(old, new, 1))
    else:
        path, said = written(tmp_path, NO_PROBLEM[case]), "p.json"
    answer = call("--problem", path, "--plot", tmp_path / "plan.svg")
    assert answer.status == 1
    assert said in answer.complaint()
    assert list(tmp_path.iterdir()) == [path]


def test_a_problem_that_cannot_be_read_is_one_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes(b'{"units": "\xe9"}')
    for name, said in (
        ("absent.json", "no such file"),
        (".", "is a directory"),
        ("latin.json", "UTF-8"),
    ):
        answer = call("--problem", tmp_path / name)
        assert answer.status == 1
        assert said.lower() in answer.complaint().lower()


def changed(**changes: Any) -> dict[str, Any]:
    return {**PROBLEM, **changes}


@pytest.mark.parametrize("objective", ["throughput", "latency", "both"])
@pytest.mark.parametrize(
    ("impossible", "said"),
    [
        ({"units": [{"name": "x", "work_ms": {}}]}, "unit x: no device can run it"),
        (
            {"units": [{"name": "x", "work_ms": {"a": 1}, "memory_bytes": 101}]},
            "unit x needs 101 bytes; no device that can run it has them",
        ),
        (
            {"devices": [{"name": d, "memory_bytes": 3} for d in "abc"]},
            "unit x needs 5 bytes; no device that can run it has them",
        ),
        (
            {"devices": [{"name": d, "memory_bytes": 5} for d in "abc"], "links": []},
            "nothing fits",
        ),
    ],
)
def test_what_cannot_be_placed_is_one_line_and_nothing_is_drawn(
    call: Call, tmp_path: Path, objective: str, impossible: dict[str, Any], said: str
) -> None:
    path = written(tmp_path, changed(**impossible))
    plot = ("--plot", tmp_path / "plan.svg")
    answer = call("--problem", path, "--objective", objective, *plot)
    assert answer.status == 1
    assert said in answer.complaint()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("target", ["absent/plan.svg", "folder.svg"])
def test_a_picture_that_cannot_be_written_is_one_line(
    call: Call, problem: Path, tmp_path: Path, target: str
) -> None:
    (tmp_path / "folder.svg").mkdir()
    answer = call("--problem", problem, "--plot", tmp_path / target)
    assert answer.status == 1
    assert f"{target}: cannot be written: " in answer.complaint()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.svg", "p.json"]


def test_old_pictures_stay_where_nothing_was_planned(call: Call, tmp_path: Path) -> None:
    (tmp_path / "plan.svg").write_text("old")
    path = written(tmp_path, changed(links=[], units=[{"name": "x", "work_ms": {}}]))
    assert call("--problem", path, "--plot", tmp_path / "plan.svg").status == 1
    assert (tmp_path / "plan.svg").read_text() == "old"
