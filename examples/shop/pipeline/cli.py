"""The command line of shop.py."""

import argparse
import sys
from collections.abc import Sequence

from pipeline import build, deploy, instances, register, verify
from pipeline.catalog import FIRST_PORT, SERVICES
from pipeline.job import read_home, read_job
from pipeline.report import ShopError, use_plain_streams

DESCRIPTION = """\
The shop: three small HTTP services, as something real to deploy.

Boreas runs build, test, deploy and rollback with BOREAS_* variables in the environment. By hand, use options instead;
an option overrides its variable.
"""
EPILOG = """\
by hand:
  shop.py build user-service --version v1
  shop.py test user-service --version v1
  shop.py deploy user-service --version v1     both instances; --instance 18101 for one
  shop.py status
  shop.py stop

with Boreas running, and BOREAS_TOKEN set:
  shop.py ship v1
  shop.py ship v2                              fails its health check and is rolled back
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand. The exit status is 0 for success, 1 for a failure, 2 for wrong usage."""
    use_plain_streams()
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except ShopError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"ERROR: {options.subcommand} failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ERROR: interrupted", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace) -> None:
    jobs = {"build": build.build, "test": verify.test, "deploy": deploy.deploy, "rollback": deploy.rollback}
    jobs["health"] = instances.health
    homes = {"stop": instances.stop, "status": instances.status}
    if options.subcommand in jobs:
        jobs[options.subcommand](read_job(options))
    elif options.subcommand in homes:
        homes[options.subcommand](read_home(options))
    else:
        home = read_home(options)
        tool_options = ["--home", str(home.root)] if options.home else []
        tool_options += ["--first-port", str(home.first_port)] if home.first_port != FIRST_PORT else []
        if options.subcommand == "register":
            register.register(options.version, home, tool_options)
        else:
            register.ship(options.version, home, tool_options, first=options.first, strategy=options.strategy)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="shop.py", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw)
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND", title="subcommands")
    home = argparse.ArgumentParser(add_help=False)
    home.add_argument(
        "--home", metavar="DIR", help="the folder of artifacts, data, logs and records (default: .run here)"
    )
    home.add_argument(
        "--first-port",
        metavar="N",
        type=int,
        default=FIRST_PORT,
        help="the ports of instances follow this port (default: %(default)s)",
    )
    job = _job_options()
    commands.add_parser("build", parents=[job, home], help="build the artifact of one version in the workspace")
    commands.add_parser("test", parents=[job, home], help="run the service's tests against the built artifact")
    for name, text in (
        ("deploy", "deploy a version to its instances"),
        ("rollback", "deploy the previous version again, or stop the instances if there is none"),
        ("health", "check the health of instances: of the set BOREAS_COLOR, or of the serving set"),
    ):
        placed = commands.add_parser(name, parents=[job, home], help=text, description=text)
        placed.add_argument("--instance", metavar="PORT", help="BOREAS_INSTANCE (default: all of the service)")
        if name == "health":
            continue
        placed.add_argument(
            "--settings", metavar="FILE", help="the settings of the services (default: settings.json here)"
        )
        if name == "rollback":
            placed.add_argument(
                "--previous", metavar="NAME", help="BOREAS_PREVIOUS_VERSION: the version to roll back to"
            )
    commands.add_parser("stop", parents=[home], help="stop all instances of this home")
    commands.add_parser("status", parents=[home], help="show the instances and their health")
    text = "create the environment, the applications and a version in Boreas (BOREAS_URL, BOREAS_TOKEN)"
    commands.add_parser("register", parents=[home], help=text, description=text).add_argument(
        "version", nargs="?", default="v1", help="(default: v1)"
    )
    text = "register a version, then deploy it with Boreas and follow the deployment"
    ship = commands.add_parser("ship", parents=[home], help=text, description=text)
    ship.add_argument("version")
    ship.add_argument(
        "--strategy", default="", metavar="KIND", help="rolling, blue-green or canary:50,100 (default: boreas deploy's)"
    )
    ship.add_argument(
        "--first",
        action="store_true",
        help="do nothing if a version runs already; watch a deployment that is in progress",
    )
    return parser


def _job_options() -> argparse.ArgumentParser:
    """Returns the options for the BOREAS_* variables of every step."""
    job = argparse.ArgumentParser(add_help=False)
    names = ", ".join(service.name for service in SERVICES)
    job.add_argument("service", nargs="?", help=f"BOREAS_APPLICATION: {names}")
    for option, variable, metavar, text in (
        ("--version", "BOREAS_VERSION", "NAME", "such as v1"),
        ("--workspace", "BOREAS_WORKSPACE", "DIR", "the working folder of the build (default: in the home)"),
        ("--repository", "BOREAS_REPOSITORY", "URL", "file:///… with the sources (default: the folder of shop.py)"),
        ("--commit", "BOREAS_COMMIT", "ID", "written into the artifact (default: none)"),
    ):
        job.add_argument(option, metavar=metavar, help=f"{variable}: {text}")
    return job
