"""Try an interpreter: ``python -m edgechain.deploy.doctor.probes.invoke KIND [STAGE=FILE]...``.

Says what it has done as lines of JSON, each as soon as it is done: this process may not come back
from the next step.
"""

from __future__ import annotations

import base64
import json
import sys
import zlib
from importlib import metadata
from pathlib import Path

TINY = zlib.decompress(
    base64.b85decode(
        b"c-mc0F%H5o47|_`l^RtYGB9M|5AX&i#*PeB>e8Xi<+uDK*zSc$O>~NV=d+yzV7x!B5ea8R43Y;y3ojXjtGEcf0~"
        b"*xhlv7X6S>tGI&tAd$^yHJ^DR>EH`qpWAmp;X-uX;OrhkaBR7;l`VI30E=0JR(Ee8to9Z>oQ&|M$0DVcGuwTDu);"
        b"9d&OP_yL_%5^?"
    )
)
"""y = x + x, four floats: a model of one operator (tests/deploy/doctor/test_interpreter.py)."""

DELEGATE = "DELEGATE"
"""What an interpreter calls the operator that stands for those that a delegate has taken."""


def say(**step: object) -> None:
    """One line, at once."""
    sys.stdout.write(json.dumps(step) + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Try the interpreter, then each model; the exit status."""
    from edgechain.errors import EdgechainError, MissingDependency  # noqa: PLC0415 - may be broken
    from edgechain.runtime.interpreter import InterpreterKind, chosen_kind  # noqa: PLC0415

    try:
        kind = chosen_kind(InterpreterKind(arguments[0]))
    except MissingDependency:
        return 0
    package = {"litert": "ai-edge-litert", "tflite": "tflite-runtime"}[kind]
    say(kind=kind, version=_version(package), numpy=_version("numpy"))
    try:
        _try_tiny(kind)
    except (EdgechainError, ImportError) as error:
        say(problem=f"says: {error}")
        return 0
    for argument in arguments[1:]:
        stage, _, path = argument.partition("=")
        say(stage=stage)
        say(stage=stage, problem=_try_model(kind, Path(path)))
    return 0


def _version(package: str) -> str:
    """As it is imported: the first on the path."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _try_tiny(kind: str) -> None:
    import numpy as np  # noqa: PLC0415 - may be broken

    from edgechain.runtime.interpreter import InterpreterKind, open_interpreter  # noqa: PLC0415

    say(reached="imported numpy", numpy=np.__version__)
    with open_interpreter(TINY, kind=InterpreterKind(kind)) as interpreter:
        say(reached="loaded a model")
        (answer,) = interpreter.run([np.array([[1, 2, 3, 4]], np.float32)])
        if answer.tolist() != [[2, 4, 6, 8]]:
            say(problem=f"answers {answer.tolist()} where 2, 4, 6, 8 would be right")
        say(reached="invoked", delegates=interpreter.operators().count(DELEGATE))


def _try_model(kind: str, path: Path) -> str:
    """Why a model cannot be loaded, or nothing."""
    from edgechain.errors import InvalidModel  # noqa: PLC0415
    from edgechain.runtime.interpreter import InterpreterKind, open_interpreter  # noqa: PLC0415

    try:
        with open_interpreter(path.read_bytes(), kind=InterpreterKind(kind)) as interpreter:
            interpreter.allocate()
    except (InvalidModel, OSError) as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
