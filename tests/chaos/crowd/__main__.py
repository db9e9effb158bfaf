"""python -m tests.chaos.crowd: restarts all servers under many subscribers, and checks their feeds."""

import argparse
import random
import resource
import sys
from dataclasses import fields

from tests.chaos.crowd.run import Options, run


def options() -> Options:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.crowd", description=__doc__)
    for field in fields(Options):
        default = random.SystemRandom().randrange(1_000_000) if field.name == "seed" else field.default
        kind = (
            int if isinstance(default, int) and field.name in ("subscribers", "deployments", "apis", "seed") else float
        )
        parser.add_argument(f"--{field.name}", type=kind, default=default, metavar="N", help="default: %(default)s")
    return Options(**vars(parser.parse_args()))


def main() -> int:
    """Run, report, and return 1 where something was violated."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    report = run(options())
    print(report.text(), flush=True)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
