"""Generate ``edgechain/transport/_pb`` from ``protos/``, or ``--check`` that it was done.

Only messages: handlers and callers speak raw bytes, so there are no gRPC stubs. The package
folders of ``protos/`` are flattened, ``protos/edgechain/v1/wire.proto`` becomes
``edgechain.transport._pb.wire_pb2``; the descriptors keep their full names.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.resources
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "edgechain.transport._pb"
SUFFIXES = ("_pb2.py", "_pb2.pyi")


class GenerateError(Exception):
    """The protos do not compile, or do not fit into one flat package."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate, or compare; 1 and one line on stderr when something is off."""
    options = _parse(arguments)
    try:
        wanted = generate(options.protos)
    except GenerateError as error:
        print(f"generate_protos: {error}", file=sys.stderr)
        return 1
    if not options.check:
        write(wanted, options.out)
        return 0
    stale = differences(wanted, options.out)
    if stale:
        names = ", ".join(stale)
        print(f"generated code differs from protos/: {names}; run: make protos", file=sys.stderr)
    return 1 if stale else 0


def generate(protos: Path) -> dict[str, bytes]:
    """Every generated file's name and content. Raises ``GenerateError``."""
    sources = sorted(path.relative_to(protos).as_posix() for path in protos.rglob("*.proto"))
    if not sources:
        raise GenerateError(f"no .proto file under {protos}")
    with tempfile.TemporaryDirectory() as folder:
        _compile(protos, sources, Path(folder))
        made = sorted(path for path in Path(folder).rglob("*") if path.name.endswith(SUFFIXES))
        return _flatten({path.relative_to(folder).as_posix(): path.read_text() for path in made})


def write(wanted: dict[str, bytes], out: Path) -> None:
    """Make ``out`` hold exactly the generated files, beside what people wrote there."""
    out.mkdir(parents=True, exist_ok=True)
    for name in generated_names(out) - wanted.keys():
        (out / name).unlink()
    for name, content in wanted.items():
        (out / name).write_bytes(content)


def differences(wanted: dict[str, bytes], out: Path) -> list[str]:
    """Names of files that are missing, changed, or come from no proto any more."""
    present = generated_names(out)
    changed = {name for name in present & wanted.keys() if _read(out / name) != wanted[name]}
    return sorted(changed | (present ^ wanted.keys()))


def generated_names(out: Path) -> set[str]:
    """The generated files that ``out`` holds now."""
    return {path.name for path in out.glob("*") if path.name.endswith(SUFFIXES)}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="compare, change nothing")
    parser.add_argument("--protos", type=Path, default=ROOT / "protos")
    parser.add_argument("--out", type=Path, default=ROOT.joinpath(*PACKAGE.split(".")))
    return parser.parse_args(arguments)


def _compile(protos: Path, sources: Sequence[str], out: Path) -> None:
    from grpc_tools import protoc  # noqa: PLC0415 - absent where only --help is wanted

    well_known = str(importlib.resources.files("grpc_tools").joinpath("_proto"))
    flags = [f"-I{protos}", f"-I{well_known}", f"--python_out={out}", f"--pyi_out={out}"]
    if protoc.main(["protoc", *flags, *sources]) != 0:
        raise GenerateError("protoc refused the protos, see above")


def _flatten(tree: dict[str, str]) -> dict[str, bytes]:
    """One flat package: names without folders, imports and module names that lead there."""
    modules = {_module(path): path.rpartition("/")[2].partition(".")[0] for path in tree}
    flat: dict[str, bytes] = {}
    for path, text in tree.items():
        name = path.rpartition("/")[2]
        if name in flat:
            raise GenerateError(f"two protos are called {name.partition('_pb2')[0]}.proto")
        flat[name] = _rewritten(text, modules).encode()
    return flat


def _module(path: str) -> str:
    """``edgechain/v1/wire_pb2.pyi`` as ``edgechain.v1.wire_pb2``."""
    return path.rpartition(".")[0].replace("/", ".")


def _rewritten(text: str, modules: dict[str, str]) -> str:
    """Lead imports of our own modules, and the modules' own names, into the flat package."""
    for module, name in modules.items():
        folder, _, last = module.rpartition(".")
        statement = (
            rf"^from {re.escape(folder)} import {last}\b" if folder else rf"^import {last}\b"
        )
        text = re.sub(statement, f"from {PACKAGE} import {name}", text, flags=re.MULTILINE)
        text = text.replace(f"'{module}'", f"'{PACKAGE}.{name}'")
    return text


def _read(path: Path) -> bytes | None:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return None


if __name__ == "__main__":
    sys.exit(main())
