"""Plays a daemon whose worker is in the middle of a run; says who they are and waits.

python -m tests.runtime.stuck_daemon FOLDER
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import numpy as np

from tests.runtime.workers import actor_setup, working

SLEEPER = """
import os, time

class Sleeper:
    def __init__(self, asleep):
        self.asleep = asleep

    def __call__(self, value):
        with open(self.asleep, "wb") as pipe:
            pipe.write(b"!")
        while True:
            time.sleep(3600)
"""


async def main(folder: Path) -> None:
    path, asleep = folder / "sleeper.py", folder / "asleep"
    path.write_text(SLEEPER)
    os.mkfifo(asleep)
    async with working(actor_setup(path, "Sleeper", options={"asleep": str(asleep)})) as live:
        running = asyncio.create_task(live.run(np.zeros((1, 4), np.float32)))
        await asyncio.to_thread(asleep.read_bytes)
        print(json.dumps([live.worker.pid, live.zygote.pid]), flush=True)
        await running


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
