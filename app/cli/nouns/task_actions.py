"""`boreas task`: retry, skip, cancel and promote."""

from collections.abc import Awaitable, Callable

import click

from app.cli import completion, lookups
from app.cli.client import Api, Data
from app.cli.nouns import queries
from app.cli.nouns.details import REASON_HELP
from app.cli.nouns.each import change_each
from app.cli.options import api_command, confirm, output_options, yes_option
from app.cli.printer import Printer, id_of

TASKS = "TASK..."


async def _change_tasks(
    api: Api, printer: Printer, texts: tuple[str, ...], mutate: Callable[[str], Awaitable[Data]], participle: str
) -> int:
    """Change several tasks, and print each. Return the exit status."""

    async def change(text: str) -> None:
        task = (await mutate(await lookups.task_id(api, text)))["task"]
        printer.result(f"{participle}: {task['key']} ({task['id']}) is {task['status']}.", task, id_of)
        if not printer.is_data:
            printer.note(f"  boreas watch {task['deployment']['id']}")

    return await change_each(printer, texts, change)


@click.command(epilog="\b\nExamples:\n  boreas task retry dep_0a1b2c/web/test")
@click.argument("tasks", metavar=TASKS, nargs=-1, required=True, shell_complete=completion.tasks)
@output_options
@api_command
async def retry(api: Api, printer: Printer, tasks: tuple[str, ...]) -> int:
    """Retry failed tasks of a running or failed deployment."""
    return await _change_tasks(api, printer, tasks, lambda id_: api.mutate(queries.RETRY_TASK, id=id_), "Retried")


@click.command(epilog="\b\nExamples:\n  boreas task skip dep_0a1b2c/web/test --reason 'known to be flaky'")
@click.argument("tasks", metavar=TASKS, nargs=-1, required=True, shell_complete=completion.tasks)
@click.option("--reason", required=True, help=REASON_HELP)
@yes_option
@output_options
@api_command
async def skip(api: Api, printer: Printer, tasks: tuple[str, ...], reason: str, yes: bool) -> int:
    """Skip tasks that have not started or have failed; their dependents continue as after a success."""
    confirm(f"Skip {', '.join(tasks)}?", yes=yes)

    async def mutate(id_: str) -> Data:
        return await api.mutate(queries.SKIP_TASK, id=id_, reason=reason)

    return await _change_tasks(api, printer, tasks, mutate, "Skipped")


@click.command(epilog="\b\nExamples:\n  boreas task cancel dep_0a1b2c/web/test --reason 'hangs'")
@click.argument("tasks", metavar=TASKS, nargs=-1, required=True, shell_complete=completion.tasks)
@click.option("--reason", default="cancelled from the command line", help=REASON_HELP)
@click.option("--force", is_flag=True, help="Kill running commands instead of waiting for them to end.")
@yes_option
@output_options
@api_command
async def cancel(api: Api, printer: Printer, *, tasks: tuple[str, ...], reason: str, force: bool, yes: bool) -> int:
    """Cancel tasks; this counts as their failure."""
    confirm(f"Cancel {', '.join(tasks)}?", yes=yes)

    async def mutate(id_: str) -> Data:
        return await api.mutate(queries.CANCEL_TASK, id=id_, reason=reason, force=force)

    return await _change_tasks(api, printer, tasks, mutate, "Cancelled")


@click.command(
    epilog="\b\nExamples:\n  boreas task promote dep_0a1b2c/web/deploy\n"
    "  boreas task promote dep_0a1b2c/web/deploy --full"
)
@click.argument("task", shell_complete=completion.tasks)
@click.option("--full", is_flag=True, help="Deploy all remaining instances at once, without watching them.")
@output_options
@api_command
async def promote(api: Api, printer: Printer, task: str, full: bool) -> None:
    """Let the rollout of a deploy task continue without further waiting."""
    id_ = await lookups.task_id(api, task)
    deployment = (await api.mutate(queries.PROMOTE, taskId=id_, full=full))["deployment"]
    printer.result(f"Promoted: {deployment['id']} is {deployment['status']}.", deployment, id_of)
