"""`boreas completion`, and the names that shells complete: asked of the API, in a short time or not at all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from app.cli import queries
from app.cli.client import Api, Data, api_of

SHELLS = ("bash", "zsh", "fish")
SECONDS = 1.5
"""How long a shell waits for names: longer would be felt as a terminal that hangs."""
MAX_ITEMS = 100
EPILOG = """\b
Examples:
  source <(boreas completion bash)                                   # in ~/.bashrc
  source <(boreas completion zsh)                                    # in ~/.zshrc, after compinit
  boreas completion fish > ~/.config/fish/completions/boreas.fish"""


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script with which a shell completes commands, options and names."""
    kind = get_completion_class(shell)
    assert kind is not None and ctx.parent is not None
    click.echo(kind(ctx.parent.command, {}, "boreas", "_BOREAS_COMPLETE").source())


Ask = Callable[[Api, str], Awaitable[Sequence[tuple[str, str | None]]]]


def _asked(ask: Ask) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return a completion that asks the API, and has nothing to say when it does not answer in time."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found: Sequence[tuple[str, str | None]] = ()
        with suppress(Exception, SystemExit):
            found = asyncio.run(_in_time(ask, ctx.params, incomplete))
        items = [CompletionItem(name, help=about) for name, about in found if name.startswith(incomplete)]
        return items[:MAX_ITEMS]

    return complete


async def _in_time(ask: Ask, given: Data, incomplete: str) -> Sequence[tuple[str, str | None]]:
    async with asyncio.timeout(SECONDS):
        return await ask(api_of(given.get("url"), given.get("token")), incomplete)


async def _names(api: Api, document: str, **variables: Any) -> list[tuple[str, str | None]]:
    found = next(iter((await api.query(document, **variables)).values()))
    nodes = found["nodes"] if isinstance(found, dict) else found
    return [(each["name"], None) for each in nodes]


async def _deployments(api: Api, incomplete: str) -> list[tuple[str, str | None]]:
    nodes = (await api.query(queries.NEWEST, first=MAX_ITEMS))["deployments"]["nodes"]
    return [(each["id"], f"{each['status']} {each['version']['name']} {each['environment']['name']}") for each in nodes]


async def _tasks(api: Api, incomplete: str) -> list[tuple[str, str | None]]:
    deployment, slash, _ = incomplete.partition("/")
    if not slash:
        return [(f"{id_}/", about) for id_, about in await _deployments(api, incomplete)]
    tasks = (await api.query(queries.TASKS, id=deployment))["deployment"]["tasks"]
    return [(f"{deployment}/{each['key']}", None) for each in tasks]


async def _waiting(api: Api, incomplete: str) -> list[tuple[str, str | None]]:
    nodes = (await api.query(queries.INBOX))["myApprovals"]["nodes"]
    whole = [(each["deployment"]["id"], each["deployment"]["version"]["name"]) for each in nodes]
    return [*dict.fromkeys(whole), *((each["id"], each["subject"]) for each in nodes)]


environments = _asked(lambda api, incomplete: _names(api, queries.ENVIRONMENTS))
applications = _asked(lambda api, incomplete: _names(api, queries.APPLICATION_NAMES, contains=incomplete or None))
templates = _asked(lambda api, incomplete: _names(api, queries.TEMPLATES, contains=incomplete or None))
versions = _asked(lambda api, incomplete: _names(api, queries.VERSIONS, contains=incomplete or None))
deployments = _asked(_deployments)
tasks = _asked(_tasks)
waiting = _asked(_waiting)
