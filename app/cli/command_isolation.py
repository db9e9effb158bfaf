"""How the commands of `boreas up` are isolated from Boreas: the default choice, and its description."""

import os
import stat
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import app
from app.gateways.operators.shell.accounts import DEFAULT_RANGE, accounts, can_switch
from app.settings import SettingError, Settings

INDENT = "\n" + " " * 16


@dataclass(frozen=True, slots=True)
class Isolation:
    """What keeps commands from Boreas's data, in sentences, and whether it is enough."""

    sentences: tuple[str, ...]
    protects_data: bool


def with_default_accounts(settings: Settings) -> Settings:
    """Return settings whose commands run as users of their own if this process is root.

    If Boreas or its data are in a folder that only root may enter, these users get passage through it.
    """
    worker = settings.worker
    if os.geteuid() != 0:
        return settings
    if worker.command_user is None and can_switch():
        worker = replace(worker, command_user=DEFAULT_RANGE)
    uses_range = "-" in (worker.command_user or "")
    if uses_range and not worker.command_passage and _first_closed_folder(settings.data_dir, *_own_folders()):
        worker = replace(worker, command_passage=tuple(_own_folders()))
    return replace(settings, worker=worker)


def check(settings: Settings) -> None:
    """Raise SettingError if commands cannot run as the user of the settings."""
    try:
        accounts(settings.worker.command_user, settings.data_dir)
    except ValueError as error:
        raise SettingError(str(error)) from error


def describe(settings: Settings) -> Isolation:
    """Return how commands are isolated. Raises SettingError if they cannot run as the chosen user."""
    from app.wiring import command_accounts, landlock_wall

    users, wall = command_accounts(settings), landlock_wall(settings)
    has_landlock = bool(wall and wall.stands)
    text = f"run as {users.description()}"
    if has_landlock:
        text += "; Landlock keeps them out of the data"
    elif wall is None:
        text += "; Landlock is switched off"
    else:
        text += "; this kernel has no Landlock"
    if settings.worker.command_passage:
        readable = "in the system and in the folders of Boreas" if has_landlock else "everywhere, also in the data"
        closed = _first_closed_folder(settings.data_dir, *_own_folders())
        sentences = (
            text,
            f"Only root may enter {closed}: commands may read files that are closed to them {readable}.",
            "To prevent that, move Boreas, its data and its Python to folders that every user may enter.",
        )
        return Isolation(sentences, protects_data=has_landlock)
    if not has_landlock and users.is_own:
        return Isolation((f"{text}, so they can read the data, and with it become ADMIN",), protects_data=False)
    return Isolation((text,), protects_data=True)


def _own_folders() -> list[Path]:
    """Return the folders that Boreas runs from: its own, that of its packages, and that of Python."""
    folders = (Path(app.__file__).parent.parent, Path(sys.prefix), Path(sys.base_prefix))
    return sorted({folder.resolve() for folder in folders})


def _first_closed_folder(*paths: Path) -> Path | None:
    """Return the first folder above the paths that not every user may enter."""
    folders = sorted({folder for path in paths for folder in path.resolve().parents})
    return next((folder for folder in folders if not folder.stat().st_mode & stat.S_IXOTH), None)
