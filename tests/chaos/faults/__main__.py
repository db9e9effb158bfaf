"""python -m tests.chaos.faults: injects faults for a while, and checks that no work is lost."""

import argparse
import asyncio
import random
import signal
import sys
from dataclasses import fields
from types import FrameType

from tests.chaos.faults.driver import Options, run


def options() -> Options:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.faults", description=__doc__)
    for field in fields(Options):
        if field.name == "keep":
            parser.add_argument("--keep", action="store_true", help="keep the folder of the run in any case")
            continue
        kind = float if field.name in ("seconds", "every", "lease", "drain") else int
        default = random.SystemRandom().randrange(1_000_000) if field.name == "seed" else field.default
        parser.add_argument(f"--{field.name}", type=kind, default=default, metavar="N", help="default: %(default)s")
    return Options(**vars(parser.parse_args()))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run, report, and return 1 where something was violated."""
    chosen = options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    print(f"{chosen}", flush=True)
    try:
        report = run(chosen)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted", file=sys.stderr)
        return 130
    print(report.text(), flush=True)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
