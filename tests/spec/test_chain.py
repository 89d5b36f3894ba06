"""A manifest that exists holds together; each way in which it might not is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from edgechain.errors import InvalidDocument
from edgechain.spec.chain import MAX_STAGES, ChainManifest, Edge, Port, Stage, content_hash
from edgechain.spec.document import parse, render
from tests.spec.manifests import SHA, diamond, edge, manifests, stage

Fields = dict[str, Any]
OTHER_SHA = "1" * 64
UNPACKED = "523a84c9575afce50e8e463f22db663e4591225813fb8097cdcec708fe659bba"
"""The generation that the diamond had before an edge could have a codec."""


@pytest.fixture
def manifest() -> ChainManifest:
    return ChainManifest.sealed(**diamond())


def test_a_manifest_finds_its_stages_and_tensors(manifest: ChainManifest) -> None:
    assert manifest.stage["left"].inputs == ("a",)
    assert manifest.tensor_index == {"photo": 0, "a": 1, "b": 2, "c": 3, "d": 4, "boxes": 5}
    assert manifest.input_edges == (0,)
    assert manifest.output_edges == (5, 2)


@pytest.mark.parametrize(
    ("stages", "edges"),
    [
        ((), ()),
        (("head",), (0, 1, 2)),
        (("left", "right"), (1, 2, 3, 4)),
        (("head", "left", "right", "tail"), (0, 1, 2, 3, 4, 5)),
        (("unknown",), ()),
    ],
)
def test_what_stages_touch(
    manifest: ChainManifest, stages: tuple[str, ...], edges: tuple[int, ...]
) -> None:
    assert manifest.touched_by(frozenset(stages)) == edges


def replaced(name: str, index: int, item: object) -> Callable[[Fields], None]:
    def change(fields: Fields) -> None:
        items = list(fields[name])
        items[index : index + 1] = [item] if item is not None else []
        fields[name] = tuple(items)

    return change


def appended(name: str, item: object) -> Callable[[Fields], None]:
    return lambda fields: fields.update({name: (*fields[name], item)})


def circle(fields: Fields) -> None:
    """Left reads what tail makes."""
    replaced("stages", 1, stage("left", ("a", "boxes"), ("c",)))(fields)
    replaced("edges", 5, edge("boxes", "tail", "left", to_client=True))(fields)


def self_circle(fields: Fields) -> None:
    """Left reads what it makes itself."""
    replaced("stages", 1, stage("left", ("a", "c"), ("c",)))(fields)
    replaced("edges", 3, edge("c", "left", "left", "tail"))(fields)


REFUSALS: list[tuple[str, Callable[[Fields], None], str]] = [
    ("two stages of one name", replaced("stages", 2, stage("left", ("b",), ("d",))), "two stages"),
    ("two edges of one tensor", appended("edges", edge("a", "head", "left")), "two tensors"),
    ("two inputs of one name", appended("inputs", Port(tensor="a", name="images")), "two inputs"),
    ("two outputs of one name", appended("outputs", Port(tensor="a", name="output_0")), "two outp"),
    ("no edge for a tensor", replaced("edges", 3, None), "tensor 'c' has no edge"),
    ("an output without edge", appended("outputs", Port(tensor="z", name="z")), "'z' has no edge"),
    ("an input without edge", appended("inputs", Port(tensor="z", name="z")), "'z' has no edge"),
    (
        "another source",
        replaced("edges", 3, edge("c", "right", "tail")),
        "'c' names the wrong source",
    ),
    ("no source", replaced("edges", 3, edge("c", None, "tail")), "'c' names the wrong source"),
    ("fed and made", appended("inputs", Port(tensor="c", name="c")), "'c' names the wrong source"),
    ("fed by nobody", replaced("inputs", 0, Port(tensor="a", name="a")), "names the wrong source"),
    ("a target too few", replaced("edges", 0, edge("photo", None, "head")), "the wrong targets"),
    (
        "a target too many",
        replaced("edges", 3, edge("c", "left", "tail", "right")),
        "wrong targets",
    ),
    (
        "targets in another order",
        replaced("edges", 0, edge("photo", None, "tail", "head")),
        "wrong",
    ),
    ("not to the client", replaced("edges", 5, edge("boxes", "tail")), "wrong targets"),
    (
        "to the client",
        replaced("edges", 3, edge("c", "left", "tail", to_client=True)),
        "wrong targ",
    ),
    (
        "nobody wants it",
        replaced("outputs", 0, None),
        "'boxes' names the wrong targets",
    ),
    ("a circle", circle, r"in a circle: (left|tail) -> (tail|left) -> (left|tail)"),
    ("a circle of one", self_circle, "in a circle: left -> left"),
    ("no stages", lambda fields: fields.update(stages=()), "has no edge|at least 1 item"),
    ("no inputs", lambda fields: fields.update(inputs=()), "at least 1 item"),
    ("no outputs", lambda fields: fields.update(outputs=()), "at least 1 item"),
]


@pytest.mark.parametrize(
    ("change", "complaint"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_refused(change: Callable[[Fields], None], complaint: str) -> None:
    fields = diamond()
    ChainManifest.sealed(**fields)
    change(fields)
    with pytest.raises(ValueError, match=complaint):
        ChainManifest.sealed(**fields)


def test_two_stages_that_make_one_tensor_are_refused() -> None:
    fields = diamond()
    replaced("stages", 2, stage("right", ("b",), ("d", "c")))(fields)
    with pytest.raises(ValueError, match="'c'"):
        ChainManifest.sealed(**fields)
    # Also when the edge names the later one of the two.
    replaced("edges", 3, edge("c", "right", "tail"))(fields)
    with pytest.raises(ValueError, match="'c' is made by two stages"):
        ChainManifest.sealed(**fields)


def test_a_tensor_that_nobody_wants_is_refused() -> None:
    fields = diamond()
    replaced("stages", 2, stage("right", ("b",), ("d", "unused")))(fields)
    appended("edges", edge("unused", "right"))(fields)
    with pytest.raises(ValueError, match="nobody wants tensor 'unused'"):
        ChainManifest.sealed(**fields)


def test_more_stages_than_a_node_can_count_are_refused() -> None:
    fields = diamond()
    fields["stages"] = fields["stages"] * (MAX_STAGES // 4 + 1)
    with pytest.raises(ValueError, match=f"at most {MAX_STAGES} items"):
        ChainManifest.sealed(**fields)


PACKS = {"codec": "zstd"}
BETWEEN = edge("c", "left", "tail").model_dump() | PACKS


def with_packed(*names: str) -> ChainManifest:
    fields = diamond()
    edges = (
        one.model_copy(update=PACKS) if one.tensor.name in names else one for one in fields["edges"]
    )
    return ChainManifest.sealed(**fields | {"edges": tuple(edges)})


def test_a_tensor_between_stages_may_cross_packed(manifest: ChainManifest) -> None:
    packed = with_packed("d", "a")
    assert (packed.packed, manifest.packed) == (("a", "d"), ())
    assert packed.generation != manifest.generation
    text = render(packed)
    assert text.count("codec: zstd") == 2
    assert parse(ChainManifest, text, file="chain.yaml") == packed
    assert Edge.model_validate(BETWEEN) == packed.edges[3].model_copy(update=PACKS)


@pytest.mark.parametrize(
    "wrong", [{"source": None}, {"targets": ()}, {"to_client": True}, {"codec": "lz4"}]
)
def test_no_other_tensor_does_and_in_no_other_way(wrong: Fields) -> None:
    with pytest.raises(ValidationError, match=r"cannot cross packed|should be 'zstd'"):
        Edge.model_validate(BETWEEN | wrong)


def test_a_chain_that_packs_nothing_is_what_it_was_before_there_was_packing(
    manifest: ChainManifest,
) -> None:
    """Its text and its generation: as the version before wrote them."""
    assert manifest.generation == UNPACKED
    assert "codec" not in render(manifest)
    assert all("codec" not in one for one in manifest.model_dump(mode="json")["edges"])


def test_a_changed_manifest_does_not_open(manifest: ChainManifest) -> None:
    text = render(manifest).replace("left.tflite", "evil.tflite")
    with pytest.raises(InvalidDocument, match="changed after it was sealed") as caught:
        parse(ChainManifest, text, file="chain.yaml")
    assert "cut the model again" in str(caught.value)


@pytest.mark.parametrize("field", ["name", "labels", "stages", "edges"])
def test_the_generation_follows_from_everything(manifest: ChainManifest, field: str) -> None:
    document = manifest.model_dump(mode="json")
    changed = document | {field: "something else"}
    assert content_hash(document) == manifest.generation
    assert content_hash(document | {"generation": "anything"}) == manifest.generation
    assert content_hash(changed) != manifest.generation


@pytest.mark.parametrize("fields", [{"format": 2}, {"format": "1"}, {"format": None}, {"x": 1}])
def test_another_format_is_refused(manifest: ChainManifest, fields: Fields) -> None:
    with pytest.raises(ValidationError):
        ChainManifest.model_validate(manifest.model_dump() | fields)


@given(manifests())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back(manifest: ChainManifest) -> None:
    assert parse(ChainManifest, render(manifest), file="chain.yaml") == manifest


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"file": "s.tflite"}, "a file and its sha256 come together"),
        ({"sha256": SHA}, "a file and its sha256 come together"),
        ({}, "neither a file nor an actor"),
        (
            {"file": "s.tflite", "sha256": SHA, "options": {"gain": 2}},
            "only an actor takes options",
        ),
        ({"file": "../s.tflite", "sha256": SHA}, "should match pattern"),
        ({"file": "/s.tflite", "sha256": SHA}, "should match pattern"),
        ({"file": "a/s.tflite", "sha256": SHA}, "should match pattern"),
        ({"file": ".hidden", "sha256": SHA}, "should match pattern"),
        ({"file": "s.tflite\n", "sha256": SHA}, "should match pattern"),
        ({"file": "s.tflite", "sha256": SHA[1:]}, "should match pattern"),
        ({"file": "s.tflite", "sha256": "A" * 64}, "should match pattern"),
        ({"actor": "module"}, "should match pattern"),
        ({"actor": "module:Class()"}, "should match pattern"),
        ({"actor": "os;import:x"}, "should match pattern"),
        ({"actor": "m:C", "options": {"deep": {"er": 1}}}, "options"),
        ({"actor": "m:C", "inputs": ()}, "at least 1 item"),
        ({"actor": "m:C", "outputs": ()}, "at least 1 item"),
        ({"actor": "m:C", "name": "-"}, "should match pattern"),
    ],
)
def test_a_stage_refused(fields: Fields, complaint: str) -> None:
    whole = {"name": "s", "inputs": ("a",), "outputs": ("b",)} | fields
    with pytest.raises(ValidationError, match=complaint):
        Stage(**whole)


def test_an_actor_may_bring_its_source_and_options() -> None:
    made = stage("s", ("a",), ("b",), actor="brighten:Brighten", options={"gain": 1.5, "on": True})
    assert made.options == {"gain": 1.5, "on": True}
