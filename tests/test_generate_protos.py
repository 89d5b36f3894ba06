"""Generated code: flat, importable inside edgechain.transport._pb, and compared byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import generate_protos
from tools.generate_protos import GenerateError, differences, generate, main, write

KEY = 'syntax = "proto3"; package demo.v1; message Key { uint64 number = 1; }'
WIRE = (
    'syntax = "proto3"; package demo.v1; import "demo/v1/key.proto"; '
    'import "google/protobuf/duration.proto"; '
    "message Hello { Key key = 1; google.protobuf.Duration after = 2; }"
)


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    """Two protos in a package folder, one importing the other."""
    folder = tmp_path / "protos" / "demo" / "v1"
    folder.mkdir(parents=True)
    folder.joinpath("key.proto").write_text(KEY)
    folder.joinpath("wire.proto").write_text(WIRE)
    return tmp_path / "protos"


def test_the_committed_code_is_what_the_protos_say() -> None:
    assert main(["--check"]) == 0


def test_modules_are_flat_and_import_each_other_by_their_place(protos: Path) -> None:
    made = generate(protos)
    assert sorted(made) == ["key_pb2.py", "key_pb2.pyi", "wire_pb2.py", "wire_pb2.pyi"]
    for name in ("wire_pb2.py", "wire_pb2.pyi"):
        assert b"\nfrom edgechain.transport._pb import key_pb2 as " in made[name]
        assert b"\nfrom google.protobuf import duration_pb2 as " in made[name]
        assert b"from demo" not in made[name]
    assert b"'edgechain.transport._pb.wire_pb2'" in made["wire_pb2.py"]


def test_written_code_does_not_differ(protos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(generate(protos), out)
    assert differences(generate(protos), out) == []


def test_every_difference_is_named(protos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(generate(protos), out)
    out.joinpath("wire_pb2.py").write_text("changed")
    out.joinpath("key_pb2.pyi").unlink()
    out.joinpath("old_pb2.py").write_text("of a proto that is gone")
    out.joinpath("__init__.py").write_text("written by people")
    assert differences(generate(protos), out) == ["key_pb2.pyi", "old_pb2.py", "wire_pb2.py"]
    write(generate(protos), out)
    assert differences(generate(protos), out) == []
    assert out.joinpath("__init__.py").exists()


def test_the_check_says_so_in_one_line(
    protos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check", "--protos", str(protos), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "wire_pb2.py" in said
    assert not (tmp_path / "out").exists()


def test_two_protos_of_one_name_are_refused(protos: Path) -> None:
    folder = protos / "demo" / "v2"
    folder.mkdir()
    folder.joinpath("key.proto").write_text(KEY.replace("v1", "v2"))
    with pytest.raises(GenerateError, match=r"two protos are called key\.proto"):
        generate(protos)


def test_no_protos_is_an_error_and_not_an_empty_success(tmp_path: Path) -> None:
    with pytest.raises(GenerateError, match=r"no \.proto file"):
        generate(tmp_path)


def test_a_broken_proto_is_refused(protos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    protos.joinpath("demo", "v1", "key.proto").write_text("message")
    assert generate_protos.main(["--protos", str(protos)]) == 1
    assert "protoc refused the protos" in capfd.readouterr().err
