"""`boreas help`: the help of commands, and of topics that concern all of them."""

import click

EXIT_CODES = """Exit status

Every command ends with one of these:

  0    Success. A followed deployment ended with SUCCESS.
  1    A followed deployment ended with FAILED; apply --exit-code found differences;
       audit verify or doctor found a problem.
  2    The command was refused or is impossible: wrong usage, an unknown name, a missing right,
       a wrong status, or an API that does not answer.
  3    A followed deployment ended with ROLLED_BACK.
  4    A followed deployment ended with CANCELLED.
  70   A bug in Boreas; standard error has the traceback.
  130  Interrupted by Ctrl-C. A followed deployment continues.
  141  The reader of the output, such as head, closed the pipe.

These commands follow deployments: deploy --follow, watch, deployment show --watch and deployment rollback --follow.
Of several deployments the highest status counts.
"""
OUTPUT = """Output

  -o table   Columns for people (the default): ages such as 5m, a symbol beside each status.
  -o wide    More columns, and exact times in the local zone.
  -o json    The fields of the GraphQL API under their own names; a list is an array.
  -o yaml    The same as YAML.
  -o name    Names, or ids of objects without a name, one per line: what other commands take.

Commands that end, undo or remove something ask for confirmation on a terminal, unless --yes is given. Scripts are not
asked.

--utc prints exact times in UTC in every table. With --watch, JSON is one object per line and YAML one document each.
Tables and data go to standard output; hints, questions and errors to standard error. Only terminals get colours, the
progress bar and cut lines; NO_COLOR or --no-color turns colours off. On terminals without UTF-8, missing characters are
replaced; JSON escapes them.

  boreas deployment list --status FAILED -o name | xargs -n1 boreas deployment retry
  boreas deployment list -o json | jq -r '.[] | [.id, .version.name, .environment.name] | @tsv'
"""
VARIABLES = """Environment variables

  BOREAS_URL       The address of the API, like --url. In the folder of boreas up it is found by itself.
  BOREAS_TOKEN     The token, like --token. In the folder of boreas up it is found by itself.
  BOREAS_DATA_DIR  The data folder of boreas up, which holds its token. Default: .boreas.
  NO_COLOR         Any value turns colours off.
  VISUAL, EDITOR   The editor that workflow edit opens.

The servers read more variables: see docs/reference/settings.md.
"""
NAMES = """Names

Name environments, applications and templates by name or id. Name a version by its name, or by its id where several
versions have that name. Name deployments and approvals by id; the beginning of a deployment's id is enough if it is
unique. Name tasks by id, or as DEPLOYMENT/KEY, such as dep_0a1b2c/web/build.
"""
TOPICS = {"exit-codes": EXIT_CODES, "output": OUTPUT, "variables": VARIABLES, "names": NAMES}


@click.command("help")
@click.argument("words", metavar="[COMMAND...|TOPIC]", nargs=-1)
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command or a topic.

    Topics: exit-codes, output, variables, names.
    """
    assert ctx.parent is not None
    if len(words) == 1 and words[0] in TOPICS:
        click.echo(TOPICS[words[0]], nl=False)
        return
    command, context = ctx.parent.command, ctx.parent
    for word in words:
        if not isinstance(command, click.Group):
            raise _unknown_command(words)
        _, subcommand, _ = command.resolve_command(context, [word])
        if subcommand is None:
            raise _unknown_command(words)
        command, context = subcommand, click.Context(subcommand, info_name=word, parent=context)
    click.echo(command.get_help(context))


def _unknown_command(words: tuple[str, ...]) -> click.UsageError:
    return click.UsageError(f"“{' '.join(words)}” is not a command. Topics: {', '.join(TOPICS)}.")
