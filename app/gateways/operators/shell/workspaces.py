"""The working folders of commands.

Created for their user, closed to all others, and removed in the end.
"""

import os
import re
import secrets
import shutil
import stat
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePath

from app.gateways.operators.shell.accounts import Account

DEPLOYMENT_ID = re.compile(r"dep_[0-9a-z]+")
TRASH_PREFIX = ".gone-"
"""The beginning of the name of a folder that is to be removed."""
_PRIVATE, _TRAVERSABLE = 0o700, 0o711


class Workspaces:
    """The folders below `root`: one for each deployment, and in it one for each application."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def ensure(self, name: str, account: Account | None) -> Path:
        """Return a folder, created where it does not exist.

        Raises ValueError where it would not lie below the root.

        With an account the folder's owner becomes that account. The folders above belong to this process, and every
        user may traverse them.
        """
        root = self.root.resolve()
        folder = (root / name).resolve()
        if ".." in PurePath(name).parts or folder == root or not folder.is_relative_to(root):
            raise ValueError("it must lie below the folder of workspaces")
        if account is None:
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        _make_traversable(root.parent)
        for parent in (root, *(root / part for part in list(folder.relative_to(root).parents)[-2::-1])):
            parent.mkdir(mode=_TRAVERSABLE, parents=True, exist_ok=True)
            parent.chmod(_TRAVERSABLE)
        with suppress(FileExistsError):
            folder.mkdir(mode=_PRIVATE)
        _hand_over(folder, account)
        return folder

    def home(self, account: Account | None) -> Path | None:
        """Return the home of an account that has none of its own, created where it does not exist."""
        if account is None or account.home is None:
            return None
        home = account.home.absolute()
        home.parent.mkdir(mode=_TRAVERSABLE, parents=True, exist_ok=True)
        home.parent.chmod(_TRAVERSABLE)
        for folder in (home, home / "tmp"):
            with suppress(FileExistsError):
                folder.mkdir(mode=_PRIVATE)
            _hand_over(folder, account)
        return home

    def temporary(self, account: Account | None) -> Path:
        """Return a folder for temporary files, created where it does not exist."""
        folder = self.root.resolve().with_name("tmp") / (str(account.user) if account else "")
        folder.parent.mkdir(mode=_TRAVERSABLE, parents=True, exist_ok=True)
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
        if account:
            folder.parent.chmod(_TRAVERSABLE)
            _hand_over(folder, account)
        return folder

    def idle_deployments(self, before: datetime) -> list[str]:
        """Return the ids of deployments whose folder has not changed since `before`."""
        since = before.timestamp()
        with suppress(FileNotFoundError), os.scandir(self.root) as entries:
            folders = [entry for entry in entries if DEPLOYMENT_ID.fullmatch(entry.name) and _is_folder(entry)]
            return [entry.name for entry in folders if entry.stat(follow_symlinks=False).st_mtime < since]
        return []

    def move_to_trash(self, deployment: str) -> bool:
        """Rename the folder of a deployment, so that no command finds it. Return whether that was possible."""
        if DEPLOYMENT_ID.fullmatch(deployment):
            with suppress(OSError):
                (self.root / deployment).rename(self.root / f"{TRASH_PREFIX}{deployment}-{secrets.token_hex(4)}")
                return True
        return False

    def empty_trash(self) -> None:
        """Remove the folders in the trash, without following links.

        What cannot be removed is tried again next time.
        """
        with suppress(FileNotFoundError), os.scandir(self.root) as entries:
            for entry in entries:
                if entry.name.startswith(TRASH_PREFIX) and _is_folder(entry):
                    shutil.rmtree(entry.path, ignore_errors=True)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _make_traversable(folder: Path) -> None:
    """Let every user traverse a folder of this process, without listing it."""
    status = folder.stat()
    if status.st_uid == os.geteuid() and status.st_mode & 0o011 != 0o011:
        folder.chmod(stat.S_IMODE(status.st_mode) | 0o011)


def _hand_over(folder: Path, account: Account) -> None:
    """Give a folder, and all in it that its former owner owns, to an account.

    Raises OSError where it is no folder.

    Meanwhile this process owns the folder alone, so that no other can replace an entry between its check and chown.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        former = os.fstat(descriptor).st_uid
        if former == account.user:
            os.fchmod(descriptor, _PRIVATE)
            return
        os.fchown(descriptor, os.geteuid(), os.getegid())
        os.fchmod(descriptor, _PRIVATE)
        for _, folders, files, parent in os.fwalk(".", topdown=False, dir_fd=descriptor):
            for name in (*folders, *files):
                status = os.stat(name, dir_fd=parent, follow_symlinks=False)
                if status.st_uid == former and (stat.S_ISDIR(status.st_mode) or status.st_nlink == 1):
                    os.chown(name, account.user, account.group, dir_fd=parent, follow_symlinks=False)
        os.fchown(descriptor, account.user, account.group)
    finally:
        os.close(descriptor)
