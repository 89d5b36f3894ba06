"""Where a tensor goes is read from the manifest and the pinned route, never guessed."""

from __future__ import annotations

import pytest

from edgechain.runtime.router import Destinations, Router
from edgechain.spec.chain import ChainManifest
from tests.runtime.keys import hop
from tests.spec.manifests import diamond

MANIFEST = ChainManifest.sealed(**diamond())
HERE, THERE, OTHER = hop("here"), hop("there"), hop("other")
ROUTE = (HERE, THERE, OTHER, THERE)  # head, left, right, tail
TENSOR = MANIFEST.tensor_index


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        ("photo", Destinations(("head",), ((THERE, "tail"),), False)),
        ("a", Destinations((), ((THERE, "left"),), False)),
        ("b", Destinations((), ((OTHER, "right"),), True)),
        ("boxes", Destinations((), (), True)),
    ],
)
def test_destinations(tensor: str, expected: Destinations) -> None:
    assert Router(MANIFEST, HERE).destinations(ROUTE, TENSOR[tensor]) == expected


def test_a_node_that_wants_a_tensor_twice_appears_once() -> None:
    found = Router(MANIFEST, HERE).destinations((THERE,) * 4, TENSOR["photo"])
    assert found == Destinations((), ((THERE, "head"),), False)


def test_another_life_of_this_node_is_another_node() -> None:
    router = Router(MANIFEST, HERE)
    earlier = hop("here", life=2)
    assert router.stages_here((earlier, THERE, OTHER, HERE)) == ("tail",)
    assert router.destinations((HERE, earlier, OTHER, THERE), TENSOR["a"]).remote == (
        (earlier, "left"),
    )


def test_who_waits_for_what() -> None:
    router = Router(MANIFEST, THERE)
    comes = {name: router.comes_here(ROUTE, index) for name, index in TENSOR.items()}
    # c is made by left and wanted by tail, both there: it comes by itself.
    assert comes == {"photo": True, "a": True, "b": False, "c": False, "d": True, "boxes": False}
