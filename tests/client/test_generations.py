"""A submitter that moves to another session: what is under way stays, what waits goes along."""

from __future__ import annotations

from typing import Any

from edgechain.client.results import Result
from edgechain.client.session import Session
from edgechain.errors import GenerationChanged
from edgechain.spec.chain import ChainManifest, Edge
from edgechain.spec.message import FailureKind
from edgechain.spec.tensor import DType, Quantization, TensorSpec
from tests.client.doubles import CLIENT, MANIFEST, NODE, Bench
from tests.runtime.keys import freed
from tests.spec.manifests import diamond, stage

LABELLED = ChainManifest.sealed(**(diamond() | {"labels": ("cat",)}))
"""Another generation that takes the same inputs."""


def other(**more: Any) -> ChainManifest:
    """A generation whose input is another tensor."""
    fields: dict[str, Any] = {"name": "photo", "dtype": DType.UINT8, "shape": (1, 4)}
    edges = list(diamond()["edges"])
    edges[0] = Edge(tensor=TensorSpec(**(fields | more)), targets=("head", "tail"))
    return ChainManifest.sealed(**(diamond() | {"edges": tuple(edges)}))


def moved(bench: Bench, manifest: ChainManifest, slots: int = 4) -> tuple[Session, list[str]]:
    """The bench moves to a new session, and what is called when the old one is left."""
    session, left = Session(manifest, CLIENT, 2, bench.nodes), list[str]()
    bench.asked.node_up(session, NODE, manifest.stage)
    bench.asked.on_lease(session, NODE, slots, 1)
    bench.asked.adopt(session, lambda: left.append("left"))
    bench.session = session
    return session, left


def test_what_waits_moves_and_what_is_under_way_ends_where_it_began() -> None:
    bench = Bench(slots=1)
    bench.open()
    bench.open()
    first, old = bench.last, bench.session
    session, left = moved(bench, LABELLED)
    assert bench.last.generation == LABELLED.generation
    assert (bench.last.session, bench.last.sequence) == (2, 1)
    assert (old.under_way, session.under_way, left) == (1, 1, [])
    bench.answer(bench.last)
    bench.answer(first)
    assert left == ["left"]
    generations = [end.generation for end in bench.ends if isinstance(end, Result)]
    assert generations == [LABELLED.generation, MANIFEST.generation]


def test_an_idle_session_is_left_at_once() -> None:
    _, left = moved(Bench(slots=1), LABELLED)
    assert left == ["left"]


def test_what_fails_in_the_old_session_is_tried_again_in_the_new_one() -> None:
    bench = Bench(slots=1)
    bench.open()
    first, old = bench.last, bench.session
    _, left = moved(bench, LABELLED)
    bench.asked.node_lost(old, NODE, "this generation ends here")
    assert left == ["left"]
    assert (bench.last.session, bench.last.attempt) == (2, 2)
    bench.asked.on_released(NODE, freed(first))
    bench.answer()
    assert [type(end) for end in bench.ends] == [Result]


def test_a_node_that_runs_another_generation_already() -> None:
    bench = Bench(slots=1)
    bench.open()
    first = bench.last
    moved(bench, LABELLED)
    bench.fail(FailureKind.GENERATION_CHANGED, first)
    bench.answer()
    assert [type(end) for end in bench.ends] == [Result]


def test_inputs_that_do_not_fit_end_as_generation_changed() -> None:
    for manifest in (
        other(shape=(1, 8)),
        other(dtype=DType.INT8),
        other(quantization=Quantization(scales=(0.5,), zero_points=(3,))),
    ):
        bench = Bench()
        bench.open()
        moved(bench, manifest)
        assert isinstance(bench.error, GenerationChanged)
        assert "images" in str(bench.error)
        assert bench.nodes.sends == []


def test_a_stage_that_was_missing_is_missed_no_more() -> None:
    bench = Bench()
    bench.open()
    bench.timers.advance(0.5)
    moved(bench, LABELLED)
    bench.timers.advance(1.0)
    bench.answer()
    assert [type(end) for end in bench.ends] == [Result]


def test_stages_may_be_others() -> None:
    fields = diamond() | {
        "stages": (stage("all", ("photo",), ("b", "boxes")),),
        "edges": (
            Edge(tensor=MANIFEST.edges[0].tensor, targets=("all",)),
            Edge(tensor=MANIFEST.edges[2].tensor, source="all", to_client=True),
            Edge(tensor=MANIFEST.edges[5].tensor, source="all", to_client=True),
        ),
    }
    whole = ChainManifest.sealed(**fields)
    bench = Bench()
    bench.open()
    moved(bench, whole)
    assert len(bench.route(bench.last)) == 1
