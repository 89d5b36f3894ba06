"""A client on the last of its job's boards: ``python -m tests.faults.boarded_client JOB``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from tests.faults.asking import ask_many
from tests.faults.boards import WITHOUT, Job, Told, boards_of, tell
from tests.faults.namespaces import enter
from tests.faults.parting import part_boards


def work(job: Job) -> Coroutine[Any, Any, Any]:
    """What the job asks for; its result is a dataclass."""
    folder, boards, report = Path(job["folder"]), boards_of(job), Told()
    folder.mkdir(parents=True)
    if job["what"] == "part":
        cuts, deadline = job["cuts"], job["deadline"]
        return part_boards(folder, boards, cuts, deadline, job["seed"], report)
    return ask_many(folder, boards, job["requests"], report)


def main(job: Job) -> None:
    """Do it, and tell."""
    enter(boards_of(job)[-1].namespace)
    without = job.get("without", [])
    os.environ["WITHOUT"] = " ".join(without)
    with ExitStack() as stack:
        for protection in without:
            stack.enter_context(WITHOUT[protection]())
        tell(result=asdict(uvloop.run(work(job))))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
