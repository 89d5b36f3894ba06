"""The error tree: what is drawn at the top of the file is what the classes are."""

from __future__ import annotations

import inspect

import pytest

from edgechain import errors
from edgechain.errors import CannotCut, EdgechainError, InvalidDocument, StageError, Unavailable

INDENT = 4
"""Columns of one level in the drawing."""


def drawn() -> dict[str, str]:
    """Every error in the drawing and the one above it."""
    above: dict[int, str] = {}
    found: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        branch, _, rest = line.rpartition("── ")
        name = (rest if branch else line).split(maxsplit=1)[:1]
        if branch.strip() or line.strip().startswith("EdgechainError"):
            level = (len(branch) - INDENT + 1) // INDENT + 1 if branch.strip() else 0
            above[level] = name[0]
            found[name[0]] = above[level - 1] if level else ""
    return found


def built() -> dict[str, str]:
    """Every public error and its nearest public base."""
    public = {
        name: kind
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, EdgechainError) and not name.startswith("_")
    }
    return {
        name: next((b.__name__ for b in kind.__mro__[1:] if b.__name__ in public), "")
        for name, kind in public.items()
    }


def test_the_drawing_is_the_tree() -> None:
    assert drawn() == built()
    assert len(built()) > 20


def test_all_names_are_public_and_nothing_else_is() -> None:
    assert errors.__all__ == sorted(built())


@pytest.mark.parametrize("name", errors.__all__)
def test_a_name_is_a_verdict_with_a_sentence(name: str) -> None:
    kind = getattr(errors, name)
    assert inspect.getdoc(kind) != inspect.getdoc(Exception)
    assert kind.__doc__.splitlines()[0].endswith(".")


def test_a_document_error_says_where() -> None:
    placed = InvalidDocument("is wrong", file="chain.yaml", line=3, column=5, key="stages.0.name")
    assert str(placed) == "chain.yaml:3:5: stages.0.name: is wrong"
    assert str(InvalidDocument("is wrong", file="chain.yaml")) == "chain.yaml: is wrong"
    assert (placed.line, placed.column, placed.key, placed.reason) == (
        3, 5, "stages.0.name", "is wrong",
    )  # fmt: skip


def test_a_cut_error_names_the_operator() -> None:
    error = CannotCut("operator 3 (WHILE)", "control flow stays whole")
    assert str(error) == "cannot cut at operator 3 (WHILE): control flow stays whole"
    assert (error.operator, error.reason) == ("operator 3 (WHILE)", "control flow stays whole")


@pytest.mark.parametrize("kind", [Unavailable, StageError])
def test_a_request_error_carries_its_stage(kind: type[Unavailable | StageError]) -> None:
    error = kind("head", "its worker ended")
    assert str(error) == "stage head: its worker ended"
    assert (error.stage, error.reason) == ("head", "its worker ended")
