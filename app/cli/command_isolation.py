"""What stands between commands and Boreas: chosen where nothing is said, and told."""

import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import app
from app.gateways.operators.shell.accounts import DEFAULT_RANGE, accounts, can_switch
from app.settings import SettingError, Settings

INDENT = "\n" + " " * 16


def settled(settings: Settings) -> Settings:
    """Return whom the commands of `boreas up` run as: as root, users of their own, who may pass where they must."""
    worker = settings.worker
    if os.geteuid() != 0:
        return settings
    if worker.command_user is None and can_switch():
        worker = replace(worker, command_user=DEFAULT_RANGE)
    if "-" in (worker.command_user or "") and not worker.command_passage and _closed(settings.data_dir, *_ours()):
        worker = replace(worker, command_passage=tuple(_ours()))
    return replace(settings, worker=worker)


def check(settings: Settings) -> None:
    """Raise SettingError where commands can not run as whom the settings say."""
    try:
        accounts(settings.worker.command_user, settings.data_dir)
    except ValueError as error:
        raise SettingError(str(error)) from error


def told(settings: Settings) -> str:
    """Say what stands. Raises SettingError where commands can not run as whom the settings say."""
    from app.wiring import command_accounts, landlock_wall

    who = command_accounts(settings)
    built = landlock_wall(settings)
    behind = bool(built and built.stands)
    text = f"run as {who.description()}"
    if behind:
        text += "; Landlock keeps them out of the data"
    elif built is None:
        text += "; Landlock is switched off"
    else:
        text += "; this kernel has no Landlock"
    if settings.worker.command_passage:
        where = "in the system and in the folders of Boreas" if behind else "everywhere, also in the data"
        closed = _first_closed(settings.data_dir, *_ours())
        text += f"{INDENT}Only root may enter {closed}: commands may read what is closed to them {where}."
        text += f"{INDENT}Move Boreas, its data and its Python to where everybody may pass, to hold them off."
    elif not behind and who.is_own:
        text += ", so they can read the data, and with it become ADMIN"
    return text


def _ours() -> list[Path]:
    """Return the folders of what Boreas itself runs with: its own, that of its packages, and that of Python."""
    found = (Path(app.__file__).parent.parent, Path(sys.prefix), Path(sys.base_prefix))
    return sorted({folder.resolve() for folder in found})


def _first_closed(*paths: Path) -> Path | None:
    """Return a folder at or above the paths that does not let everybody pass."""
    folders = sorted({folder for path in paths for folder in path.resolve().parents})
    return next((folder for folder in folders if not folder.stat().st_mode & stat.S_IXOTH), None)


def _closed(*paths: Path) -> bool:
    return _first_closed(*paths) is not None
