"""A tiny agent for tests of the conversation alone: it does what its ROOT's last part says."""

from __future__ import annotations

import json
import struct
import sys
import threading
from pathlib import Path
from typing import Any

SOURCE = Path(__file__)


def read(count: int) -> bytes:
    data = sys.stdin.buffer.read(count)
    if len(data) < count:
        sys.exit(0)
    return data


def say(message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(data)) + data)
    sys.stdout.buffer.flush()


def answer(asked: dict[str, Any], mood: str, root: str) -> None:
    op = asked["op"]
    if op == "put":
        data = read(asked["size"])
        say({"progress": "writing", "done": 1, "of": 2})
        say({"ok": True, "bytes": len(data)})
    elif op == "logs":
        for number in range(3):
            say({"progress": f"line {number}"})
        say({"ok": True, "lines": ["last"]})
    elif mood in BAD:
        BAD[mood]()
    elif mood == "newer":
        say(hello(root) | {"protocol": 2})
    else:
        say(hello(root))


def busy() -> None:
    say({"ok": False, "kind": "busy", "error": "ann\x1b[2J@laptop is at it"})


def odd() -> None:
    say({"ok": True, "protocol": "many"})


def dies() -> None:
    sys.stderr.write("Segmentation\x07 fault\n")
    sys.exit(3)


def silent() -> None:
    threading.Event().wait()


def too_long() -> None:
    sys.stdout.buffer.write(struct.pack(">I", 1 << 30))
    sys.stdout.buffer.flush()


def no_object() -> None:
    sys.stdout.buffer.write(struct.pack(">I", 3) + b"[1]")
    sys.stdout.buffer.flush()


BAD = {
    "busy": busy,
    "odd": odd,
    "dies": dies,
    "silent": silent,
    "long": too_long,
    "list": no_object,
}


def hello(root: str) -> dict[str, Any]:
    return {
        "ok": True,
        "protocol": 1,
        "python": "3.11",
        "machine": "x86_64",
        "hostname": "double",
        "root": root,
        "free_bytes": 5,
        "something": "newer agents may say more",
    }


def main() -> None:
    root = sys.argv[2]
    while True:
        (length,) = struct.unpack(">I", read(4))
        answer(json.loads(read(length)), Path(root).name, root)


if __name__ == "__main__":
    main()
