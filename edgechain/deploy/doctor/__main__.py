"""On a device: ``python -m edgechain.deploy.doctor [CONFIG...] [--json]``, with a node's packages.

Exits with 1 when there is a fault. `edgechain doctor` is the same with a command line's libraries.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edgechain.deploy.doctor.door import consult
from edgechain.deploy.doctor.findings import Severity
from edgechain.deploy.doctor.lines import lines
from edgechain.deploy.doctor.question import LISTEN_SECONDS, Question


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine this machine and print what was found; the exit status."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    options = _parser().parse_args(arguments)
    report = consult(
        Question(
            configs=tuple(options.configs),
            chain=options.chain,
            namespace=options.namespace,
            identity=options.identity,
            insecure=options.insecure,
            listen=options.listen,
        )
    )
    said = report.to_json() if options.json else "\n".join(lines(report.findings))
    sys.stdout.write(f"{said}\n")
    return int(report.severity is Severity.FAULT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgechain doctor", description="What is wrong here, and what to do about it."
    )
    parser.add_argument("configs", type=Path, nargs="*", help="the device's YAML file")
    parser.add_argument("--chain", default="", help="the chain that is looked for")
    parser.add_argument("--namespace", default="", help="which fleet")
    parser.add_argument("--identity", type=Path, help="who asks")
    parser.add_argument("--insecure", action="store_true", help="the nodes run without keys")
    parser.add_argument("--listen", type=float, default=LISTEN_SECONDS, help="seconds")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
