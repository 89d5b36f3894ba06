"""Which decoder reads which outputs, and what is refused."""

from __future__ import annotations

import pytest

from edgechain.errors import InvalidMedia
from edgechain.vision.decode_classes import ClassDecoder
from edgechain.vision.decode_ssd import SsdDecoder
from edgechain.vision.decode_yolo import YoloDecoder
from edgechain.vision.decoder import decoder_for
from edgechain.vision.findings import Finding, Findings, Kind
from edgechain.vision.fit import Fit
from tests.vision.made import spec


@pytest.mark.parametrize(
    ("shapes", "kind", "fit"),
    [
        ([(1, 10, 4), (1, 10), (1, 10), (1,)], SsdDecoder, Fit.STRETCH),
        ([(1, 84, 8400)], YoloDecoder, Fit.LETTERBOX),
        ([(1, 8400, 84)], YoloDecoder, Fit.LETTERBOX),
        ([(1, 1001)], ClassDecoder, Fit.STRETCH),
    ],
)
def test_families(shapes: list[tuple[int, ...]], kind: type, fit: Fit) -> None:
    decoder = decoder_for([spec(*shape) for shape in shapes])
    assert isinstance(decoder, kind)
    assert decoder.fit is fit


@pytest.mark.parametrize(
    ("shapes", "what"),
    [
        ([(1, 257, 257, 21)], "a segmentation .float32 1x257x257x21"),
        ([(1, 1, 17, 3)], "a pose"),
        ([(1, 6, 56)], "a pose"),
        ([(1, 300, 6)], "an end-to-end detector"),
        ([(1, 116, 8400), (1, 160, 160, 32)], "a segmentation"),
        ([()], "nothing camera knows .float32 scalar"),
    ],
)
def test_the_rest_is_refused_by_what_it_looks_like(
    shapes: list[tuple[int, ...]], what: str
) -> None:
    with pytest.raises(InvalidMedia, match=f"look like {what}.*use edgechain infer") as caught:
        decoder_for([spec(*shape) for shape in shapes])
    assert "\n" not in str(caught.value)


def test_a_summary_names_each_label_once() -> None:
    found = [("bus", 0.78), ("person", 0.72), ("person", 0.6), ("tabby, tabby cat", 0.5)]
    items = tuple(Finding(label, score, 0) for label, score in found)
    summary = Findings(Kind.DETECTIONS, items).summary()
    assert summary == "bus 0.78, person 0.72 x2, tabby 0.50"


def test_json_has_a_box_only_where_there_is_one() -> None:
    boxed = Findings(Kind.DETECTIONS, (Finding("bus", 0.5, 5, (1.0, 2.0, 3.0, 4.0)),))
    assert boxed.as_json() == {
        "detections": [{"label": "bus", "score": 0.5, "box": [1.0, 2.0, 3.0, 4.0]}]
    }
    plain = Findings(Kind.CLASSES, (Finding("cat", 0.5, 5),))
    assert plain.as_json() == {"classes": [{"label": "cat", "score": 0.5}]}
