"""Label files in every form they are found in, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.errors import InvalidMedia
from edgechain.vision.labels import Labels, labels_of, parse_labels, read_labels

PEOPLE = {0: "person", 1: "bicycle"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("person\nbicycle\n", PEOPLE),
        ("person\nbicycle", PEOPLE),
        ("\ufeffperson\r\nbicycle\r\n", PEOPLE),
        ("person\rbicycle\r", PEOPLE),
        ("  person \n\tbicycle\n\n\n", PEOPLE),
        ("person\n???\nbicycle", {0: "person", 2: "bicycle"}),
        ("person\n\nbicycle", {0: "person", 2: "bicycle"}),
        ("0 person\n1 bicycle", PEOPLE),
        ("0  person\n\n1:bicycle\n", PEOPLE),
        ("1: traffic light\n17 cat", {1: "traffic light", 17: "cat"}),
        ("0 person\n1 ???\n2 cat", {0: "person", 2: "cat"}),
        ("1 cent\n1 euro", {0: "1 cent", 1: "1 euro"}),
        ("3 wheeler\ncar", {0: "3 wheeler", 1: "car"}),
        ("tench, Tinca tinca\n", {0: "tench, Tinca tinca"}),
        ("Fußgänger\n猫", {0: "Fußgänger", 1: "猫"}),
    ],
)
def test_forms(text: str, names: dict[int, str]) -> None:
    assert parse_labels(text).names == names


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="?"), min_size=1
).filter(lambda text: not text[0].isdigit())


@given(st.lists(names, min_size=1), st.sampled_from(["\n", "\r\n", "\r"]))
def test_one_per_line_is_read_back(lines: list[str], ending: str) -> None:
    assert parse_labels(ending.join(lines)).names == dict(enumerate(lines))


def test_a_class_beyond_the_list_and_in_a_gap_is_a_number() -> None:
    labels = parse_labels("person\n???\ncar")
    assert [labels.name(n) for n in (0, 1, 2, 91, -1)] == [
        "person", "class 1", "car", "class 91", "class -1",
    ]  # fmt: skip


@pytest.mark.parametrize("first", ["???", "background", "Background", "__background__", ""])
def test_a_detector_does_not_count_the_background(first: str) -> None:
    labels = parse_labels(f"{first}\nperson\n")
    assert labels.without_background().name(0) == "person"


def test_a_list_that_begins_with_a_thing_stays() -> None:
    labels = parse_labels("person\nbicycle\n")
    assert labels.without_background() is labels


def test_names_without_any_label_are_numbers() -> None:
    assert Labels().without_background().name(3) == "class 3"


def test_a_background_too_much_is_left_out() -> None:
    assert parse_labels("background\ncat\ndog").for_scores(2).names == {0: "cat", 1: "dog"}


def test_a_background_among_the_scores_stays() -> None:
    assert parse_labels("background\ncat\ndog").for_scores(3).name(0) == "background"


def test_imagenet_without_its_background() -> None:
    labels = labels_of(f"thing {n}" for n in range(1000)).for_scores(1001)
    assert (labels.name(0), labels.name(1), labels.name(1000)) == (
        "background", "thing 0", "thing 999",
    )  # fmt: skip


def test_a_name_cannot_steer_the_terminal() -> None:
    assert labels_of(["\x1b[31mred"]).name(0) == "[31mred"
    assert labels_of(["a\x07b\u202ec"]).name(0) == "a b c"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no names"),
        (b"\n\n???\n", "holds no names"),
        (b"\x00\x01cat", "no plain text"),
        ("cat\n".encode("utf-16"), "no plain text"),
        (b"caf\xe9\n", "UTF-8"),
        (b"cat\n" * (1 << 20) + b"c", "no plain text"),
    ],
)
def test_what_is_no_label_file(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    refused(path, reason)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    refused(tmp_path / "absent.txt", "no such file")
    refused(tmp_path, "is a directory")


def refused(path: Path, reason: str) -> None:
    with pytest.raises(InvalidMedia, match=reason) as caught:
        read_labels(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
