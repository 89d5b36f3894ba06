"""Listings that no device may take, as plain data: for the checks alone and for a real agent."""

from __future__ import annotations

import json
from typing import Any

from edgechain.deploy.device.listing import MAX_FILE_BYTES, MAX_NUMBER
from tests.deploy.bundles import Bundle, canonical

UP = "../../../outside/new"
"""From a generation that is being made to beside the root."""

PATHS = [
    *("", "/", "/etc/passwd", "..", "../x", "chain/../../x", "chain/..", "chain//x", "./x", "."),
    *("chain/./x", "chain\\x", "C:\\x", "C:/x", "x\x00y", "x\ny", "x y", "~/x", "-rf", ".hidden"),
    *("chain/.draft", "a/b/c/d/e", "bundle.json", "BUNDLE.sig", "environment", "environment/x"),
    *("ünicode", "x\u202ey", "x" * 129, "a/" * 2000 + "b", "chain/", " x", "x ", "$HOME", "a:b"),
    *(UP, f"chain/../{UP}", "....//x", "..\\..\\x", "%2e%2e/x", "..;/x", "x\r", "\x7f", "\u2025/x"),
    *(
        "．．/x",
        "e\u0301",
        "*",
        "?",
        "a|b",
        "`x`",
        "chain/\x00/x",
        "//x",
        "chain/../node.yaml",
        "…",
    ),
]

ODD_PATHS: list[object] = [None, 7, ["x"], {"x": 1}, True, 1.5]

MEETING: list[tuple[list[str], str]] = [
    (["x", "x"], "twice"),
    (["x", "X"], "twice"),
    (["Node.yaml"], "twice"),
    (["chain/A.yaml", "Chain/a.yaml"], "twice"),
    (["x", "x/y"], "a file as well"),
    (["a/b/c", "A/B"], "a file as well"),
    (["node.yaml/x"], "a file as well"),
]


def file_of(path: object, **changes: object) -> dict[str, object]:
    return {"path": path, "sha256": "a" * 64, "size": 1, "private": False, **changes}


def wheel_of(name: object, **changes: object) -> dict[str, object]:
    return {"name": name, "sha256": "a" * 64, "size": 1, **changes}


CONFIG = file_of("node.yaml")
ODD: list[tuple[str, Any, str]] = [
    ("format", 2, "format 2"),
    ("format", "1", "format 1"),
    ("device", "pi a", "device is 'pi a'"),
    ("device", "../x", "device is"),
    ("device", None, "device is None"),
    ("device", "x" * 64, "device is"),
    ("number", 0, "number is 0"),
    ("number", -1, "number is -1"),
    ("number", True, "number is True"),
    ("number", 1.5, r"number is 1\.5"),
    ("number", "17", "number is '17'"),
    ("number", MAX_NUMBER + 1, "number is"),
    ("python", "2.7", r"python is '2\.7'"),
    ("python", "3.11.2", "python is"),
    ("machine", "arm 64", "machine is"),
    ("files", {}, "files is not a list"),
    ("files", [], r"there is no node\.yaml"),
    ("files", [[]], r"files\[0\] does not hold"),
    ("files", [{**CONFIG, "size": MAX_FILE_BYTES + 1}], "size is"),
    ("files", [{**CONFIG, "size": -1}], "size is"),
    ("files", [{**CONFIG, "size": 1.0}], "size is"),
    ("files", [{**CONFIG, "size": True}], "size is"),
    ("files", [{**CONFIG, "sha256": "A" * 64}], "sha256 is"),
    ("files", [{**CONFIG, "sha256": "../" + "a" * 61}], "sha256 is"),
    ("files", [{**CONFIG, "sha256": "a" * 64 + "\n"}], "sha256 is"),
    ("files", [{**CONFIG, "private": 1}], "private"),
    ("files", [{**CONFIG, "mode": 0o4755}], "does not hold exactly"),
    ("files", [{**CONFIG, "link": "/etc/passwd"}], "does not hold exactly"),
    ("files", [file_of(f"x{i}") for i in range(4097)], "4,097 entries"),
    ("wheels", None, "wheels is not a list"),
    ("wheels", [wheel_of("../x.whl")], "name is"),
    ("wheels", [wheel_of("/x.whl")], "name is"),
    ("wheels", [wheel_of("-r.whl")], "name is"),
    ("wheels", [wheel_of("x.tar.gz")], "name is"),
    ("wheels", [wheel_of("x.whl", size=1 << 40)], "size is"),
    ("wheels", [wheel_of("a.whl"), wheel_of("A.whl")], "twice"),
    ("wheels", [wheel_of(f"x{i}.whl") for i in range(300)], "300 entries"),
    ("more", 1, "does not hold exactly"),
]

_GOOD = Bundle(17)
_DEEP = b'{"files":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

WEIRD: list[tuple[bytes, str]] = [
    (b"", "not JSON"),
    (b"\xff\xfe", "not JSON"),
    (b"[]", "does not hold exactly"),
    (b"null", "does not hold exactly"),
    (b"17", "does not hold exactly"),
    (b'"x"', "does not hold exactly"),
    (b"{}", "does not hold exactly"),
    (_DEEP, "not JSON"),
    (b'{"files":' + b"9" * 5000 + b"}", "not JSON"),
    (b'{"a":NaN}', "not JSON"),
    (b'{"a":Infinity}', "not JSON"),
    (b'{"a":1e999}', "not JSON|not canonical"),
    (b'{"a":"\\ud800"}', "not JSON"),
    (b'{"a":1', "not JSON"),
    (_GOOD.listing + b"\n", "not canonical"),
    (b" " + _GOOD.listing, "not canonical"),
    (b"\xef\xbb\xbf" + _GOOD.listing, "not canonical|not JSON"),
    (_GOOD.listing.decode().encode("utf-16"), "not canonical|not JSON"),
    (json.dumps(_GOOD.document).encode(), "not canonical"),
    (b'{"device":"pi-b",' + _GOOD.listing[1:], "not canonical"),
    (_GOOD.listing.replace(b'"number":17', b'"number":17.0'), "number is"),
    (_GOOD.listing.replace(b'"number":17', b'"number":1.7e1'), "not canonical"),
    (_GOOD.listing.replace(b"pi-a", b"pi\\u002da"), "not canonical"),
    (canonical({**_GOOD.document, "x": "y"}), "does not hold exactly"),
    (b"x" * (1 << 20) + b"x", "the listing has 1,048,577 bytes"),
]
