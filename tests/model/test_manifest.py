from __future__ import annotations

import pytest

from edgechain.errors import CannotCut
from edgechain.model.manifest import settled_shape
from edgechain.spec.chain import ChainManifest
from edgechain.spec.document import parse, render
from tests.model import special
from tests.model.chains import cut, proved
from tests.model.made import row


@pytest.mark.parametrize(
    ("declared", "seen", "settled"),
    [
        ((1, 4), [(1, 4), (1, 4)], (1, 4)),
        ((-1, 4), [(1, 4), (2, 4)], (-1, 4)),
        ((-1, 4), [(1, 4), (1, 4)], (-1, 4)),
        ((), [(1, 10, 4), (1, 10, 4)], (1, 10, 4)),
        ((1, 1), [(3, 5), (3, 6)], (3, -1)),
        ((), [()], ()),
    ],
)
def test_a_shape_is_the_declared_one_where_it_holds(
    declared: tuple[int, ...], seen: list[tuple[int, ...]], settled: tuple[int, ...]
) -> None:
    assert settled_shape("t", declared, seen) == settled


def test_a_varying_number_of_dimensions_is_refused() -> None:
    with pytest.raises(CannotCut, match="number of dimensions"):
        settled_shape("t", (), [(1,), (1, 2)])


@pytest.mark.parametrize(
    "build", [row, special.open_batch, special.nameless, special.several_outputs]
)
def test_what_is_written_is_read_back(build: object) -> None:
    model = build().model()  # type: ignore[operator]
    manifest = proved(cut(model, [0], range(1, len(model.main.operators))))
    assert parse(ChainManifest, render(manifest), file="chain.yaml") == manifest
    assert manifest.model is not None
    assert manifest.model.sha256 == model.sha256
