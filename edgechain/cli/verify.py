"""``edgechain verify``: prove a chain equal to the model it was cut from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from edgechain.cli.output import emit_json, progress_reporter
from edgechain.model.chain import require_cut
from edgechain.model.given import read_given
from edgechain.model.proof import PROOF_RUNS, PROOF_SEED, Proof
from edgechain.model.proof import verify as prove_chain
from edgechain.model.source import read_model
from edgechain.runtime.chain_files import load_manifest, read_stage_file
from edgechain.runtime.isolation import IsolatedInterpreter


def verify(
    directory: Annotated[Path, typer.Argument(help="A chain directory.")],
    model: Annotated[Path, typer.Option(help="The .tflite it was cut from.")],
    input_file: Annotated[
        Path | None, typer.Option("--input", help=".npz of real inputs to compare as well.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="How many random inputs.")] = PROOF_RUNS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random inputs.")] = PROOF_SEED,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a chain's submodels and the whole model on the same inputs and compare every bit."""
    manifest = load_manifest(directory)
    files = {s.name: read_stage_file(directory, s) for s in manifest.stages if s.file is not None}
    whole = read_model(model)
    require_cut(manifest, whole)
    given = [read_given(input_file, whole)] if input_file is not None else []
    with progress_reporter() as progress, IsolatedInterpreter() as interpreter:
        proof = prove_chain(
            manifest,
            files,
            whole,
            open_runner=interpreter.open,
            given=given,
            runs=runs,
            seed=seed,
            progress=progress,
        )
    for warning in proof.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if as_json:
        emit_json(as_document(proof, seed))
    elif proof.comparison.equal:
        typer.echo(f"Equal to the last bit in {proof.comparison.runs} runs (seed {seed}).")
    proof.comparison.require_equal()


def as_document(proof: Proof, seed: int) -> dict[str, Any]:
    """The outcome as JSON types."""
    comparison = proof.comparison
    return {
        "equal": comparison.equal,
        "runs": comparison.runs,
        "random_runs": proof.random_runs,
        "given_runs": proof.given_runs,
        "seed": seed,
        "difference": None if comparison.difference is None else asdict(comparison.difference),
        "warnings": list(proof.warnings),
    }
