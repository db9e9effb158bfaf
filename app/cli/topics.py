"""`boreas help`: the help of commands, and of what they have in common."""

import click

EXIT_CODES = """Exit status

Every command ends with one of these:

  0    It is done. A deployment that was followed ended in SUCCESS.
  1    A deployment that was followed ended in FAILED; apply --exit-code found
       differences; audit verify or doctor found a fault.
  2    Refused or not possible: wrong use, an unknown name, a missing right, a wrong state, no API.
  3    A deployment that was followed ended in ROLLED_BACK.
  4    A deployment that was followed ended in CANCELLED.
  70   A fault in Boreas itself; standard error says where.
  130  Ended by Ctrl-C. A deployment that was followed goes on.
  141  Whatever read the output has left, such as head.

Those that follow are deploy --follow, watch, and deployment show --watch. Of several deployments the highest counts.
"""
OUTPUT = """Output

  -o table   Columns for people (the default): ages such as 5m, a symbol beside each status.
  -o wide    More columns, and whole times in the local zone.
  -o json    The fields of the GraphQL API under their names there: a list is an array, an object an object.
  -o yaml    The same as YAML.
  -o name    Names, or ids of what has no name, one a line: what other commands take.

Commands that end, undo or remove something ask back on a terminal; --yes does not. Scripts are taken at their word.

--utc writes whole times in UTC, in any table. With --watch JSON comes as one object a line, YAML as one document each.
Tables and data go to standard output; hints, questions and errors to standard error. Colours, the bar of progress and
cut lines are for terminals only: NO_COLOR or --no-color leaves the colours out. On terminals that are not UTF-8,
characters that they do not have are replaced; JSON escapes them instead.

  boreas deployment list --status FAILED -o name | xargs -n1 boreas deployment retry
  boreas deployment list -o json | jq -r '.[] | [.id, .version.name, .environment.name] | @tsv'
"""
VARIABLES = """Environment variables

  BOREAS_URL       Where the API is; --url. On the machine of boreas up it is found.
  BOREAS_TOKEN     Who asks; --token. On the machine of boreas up its own token is found.
  BOREAS_DATA_DIR  The folder of boreas up, where its token is: .boreas.
  NO_COLOR         Set to anything: no colours.
  VISUAL, EDITOR   What workflow edit opens.

The servers read more: docs/reference/settings.md lists them.
"""
NAMES = """Names

Environments, applications and templates are named by their names or ids. A version is named by its name, or by its id
where several have that name. Deployments and approvals are named by their ids; of a deployment the beginning is enough
where only one has it. Tasks are named by their ids or as DEPLOYMENT/KEY, such as dep_0a1b2c/web/build.
"""
TOPICS = {"exit-codes": EXIT_CODES, "output": OUTPUT, "variables": VARIABLES, "names": NAMES}


@click.command("help")
@click.argument("words", metavar="[COMMAND...|TOPIC]", nargs=-1)
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command, or of a topic.

    Topics: exit-codes, output, variables, names.
    """
    assert ctx.parent is not None
    if len(words) == 1 and words[0] in TOPICS:
        click.echo(TOPICS[words[0]], nl=False)
        return
    command, place = ctx.parent.command, ctx.parent
    for word in words:
        _, found, _ = command.resolve_command(place, [word]) if isinstance(command, click.Group) else (None, None, [])
        if found is None:
            raise click.UsageError(f"“{' '.join(words)}” is no command. Topics: {', '.join(TOPICS)}.")
        command, place = found, click.Context(found, info_name=word, parent=place)
    click.echo(command.get_help(place))
