"""What a whole model answers to MODEL IN.npy OUT.npz, by the interpreter of whatever runs this.

Run by a board's Python, which has what was flashed and nothing of the tests.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

import numpy as np

PACKAGES = ("ai_edge_litert", "tflite_runtime")


def main(model: str, given: str, out: str) -> None:
    """Straight from the interpreter, without anything of ours."""
    package = next(name for name in PACKAGES if importlib.util.find_spec(name))
    engine = importlib.import_module(f"{package}.interpreter").Interpreter(model, num_threads=1)
    engine.allocate_tensors()
    (image,) = engine.get_input_details()
    engine.set_tensor(image["index"], np.load(given))
    engine.invoke()
    answers = {one["name"]: engine.get_tensor(one["index"]) for one in engine.get_output_details()}
    np.savez(out, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
