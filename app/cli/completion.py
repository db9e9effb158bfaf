"""`boreas completion`, and the names that shells complete, which the API lists."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from app.cli import queries
from app.cli.api_options import api_of
from app.cli.client import Api, Data

SHELLS = ("bash", "zsh", "fish")
TIMEOUT_SECONDS = 1.5
"""How long a shell waits for names; people would take a longer wait for a hanging terminal."""
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
    """Print a script that makes a shell complete commands, options and names."""
    completion_class = get_completion_class(shell)
    assert completion_class is not None and ctx.parent is not None
    click.echo(completion_class(ctx.parent.command, {}, "boreas", "_BOREAS_COMPLETE").source())


Candidates = Sequence[tuple[str, str | None]]
"""What can be completed, each with a description."""
Fetch = Callable[[Api, str], Awaitable[Candidates]]


def _completer(fetch: Fetch) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return a completer that asks the API. It completes nothing if the API fails or is too slow."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        candidates: Candidates = ()
        with suppress(Exception, SystemExit):
            candidates = asyncio.run(_fetch(fetch, ctx.params, incomplete))
        items = [CompletionItem(name, help=about) for name, about in candidates if name.startswith(incomplete)]
        return items[:MAX_ITEMS]

    return complete


async def _fetch(fetch: Fetch, parameters: Data, incomplete: str) -> Candidates:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return await fetch(api_of(parameters.get("url"), parameters.get("token")), incomplete)


async def _names(api: Api, document: str, **variables: Any) -> list[tuple[str, str | None]]:
    root = next(iter((await api.query(document, **variables)).values()))
    nodes = root["nodes"] if isinstance(root, dict) else root
    return [(node["name"], None) for node in nodes]


async def _deployments(api: Api, incomplete: str) -> list[tuple[str, str | None]]:
    nodes = (await api.query(queries.NEWEST, first=MAX_ITEMS))["deployments"]["nodes"]
    return [(node["id"], f"{node['status']} {node['version']['name']} {node['environment']['name']}") for node in nodes]


async def _tasks(api: Api, incomplete: str) -> list[tuple[str, str | None]]:
    deployment, slash, _ = incomplete.partition("/")
    if not slash:
        return [(f"{id_}/", about) for id_, about in await _deployments(api, incomplete)]
    tasks = (await api.query(queries.TASKS, id=deployment))["deployment"]["tasks"]
    return [(f"{deployment}/{task['key']}", None) for task in tasks]


async def _pending_approvals(api: Api, incomplete: str) -> list[tuple[str, str | None]]:
    approvals = (await api.query(queries.INBOX))["myApprovals"]["nodes"]
    deployments = [(node["deployment"]["id"], node["deployment"]["version"]["name"]) for node in approvals]
    return [*dict.fromkeys(deployments), *((approval["id"], approval["subject"]) for approval in approvals)]


environments = _completer(lambda api, incomplete: _names(api, queries.ENVIRONMENTS))
applications = _completer(lambda api, incomplete: _names(api, queries.APPLICATION_NAMES, contains=incomplete or None))
templates = _completer(lambda api, incomplete: _names(api, queries.TEMPLATES, contains=incomplete or None))
versions = _completer(lambda api, incomplete: _names(api, queries.VERSIONS, contains=incomplete or None))
deployments = _completer(_deployments)
tasks = _completer(_tasks)
pending_approvals = _completer(_pending_approvals)
