"""`boreas watch`: follows a deployment from its first event to its end."""

import sys

import click

from app.cli import completion
from app.cli.api_options import address_options, api_of
from app.cli.follow import follow_to_exit
from app.cli.options import color_option

EPILOG = """\b
Examples:
  boreas watch dep_0a1b2c
  boreas watch dep_0a1b2c --no-logs
  boreas watch dep_0a1b2c --json | jq -r 'select(.type == "log") | .line.message'

\b
Exit status: 0 SUCCESS, 1 FAILED, 3 ROLLED_BACK, 4 CANCELLED, 2 refused, 130 interrupted."""


@click.command(epilog=EPILOG)
@click.argument("deployment", shell_complete=completion.deployments)
@click.option("--no-logs", is_flag=True, help="Print only status changes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@color_option
@address_options
def watch(url: str, token: str | None, deployment: str, no_logs: bool, as_json: bool) -> None:
    """Print the events and logs of a deployment, from its beginning until it ends."""
    api = api_of(url, token)
    sys.exit(follow_to_exit(api, [deployment], as_json=as_json, logs=not no_logs))
