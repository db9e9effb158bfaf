"""The folders that commands work in: made for whom they run as, closed to everybody else, and removed in the end."""

import os
import re
import secrets
import shutil
import stat
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePath

from app.gateways.operators.shell.accounts import Account

OF_DEPLOYMENT = re.compile(r"dep_[0-9a-z]+")
ASIDE = ".gone-"
"""How the name begins of what is to be removed."""
_CLOSED, _PASSABLE = 0o700, 0o711


class Workspaces:
    """The folders below `root`: one for each deployment, and in it one for each application."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def made(self, name: str, account: Account | None) -> Path:
        """Return the folder, made where it is not there. Raises ValueError where it would not lie below the root.

        Where commands run as another user it belongs to that one, whoever had it before, and all above it is ours and
        lets pass.
        """
        root = self.root.resolve()
        folder = (root / name).resolve()
        if ".." in PurePath(name).parts or folder == root or not folder.is_relative_to(root):
            raise ValueError("it must lie inside the folder of workspaces")
        if account is None:
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        _let_pass(root.parent)
        for above in (root, *(root / part for part in list(folder.relative_to(root).parents)[-2::-1])):
            above.mkdir(mode=_PASSABLE, parents=True, exist_ok=True)
            above.chmod(_PASSABLE)
        with suppress(FileExistsError):
            folder.mkdir(mode=_CLOSED)
        _hand_over(folder, account)
        return folder

    def home(self, account: Account | None) -> Path | None:
        """Return the home of an account that has none of its own, made where it is not there."""
        if account is None or account.home is None:
            return None
        home = account.home.absolute()
        home.parent.mkdir(mode=_PASSABLE, parents=True, exist_ok=True)
        home.parent.chmod(_PASSABLE)
        for folder in (home, home / "tmp"):
            with suppress(FileExistsError):
                folder.mkdir(mode=_CLOSED)
            _hand_over(folder, account)
        return home

    def temporary(self, account: Account | None) -> Path:
        """Return a folder for temporary files, made where it is not there."""
        folder = self.root.resolve().with_name("tmp") / (str(account.user) if account else "")
        folder.parent.mkdir(mode=_PASSABLE, parents=True, exist_ok=True)
        folder.mkdir(mode=_CLOSED, exist_ok=True)
        if account:
            folder.parent.chmod(_PASSABLE)
            _hand_over(folder, account)
        return folder

    def of_deployments(self, before: datetime) -> list[str]:
        """Return the deployments of which there is a folder in which nothing was made since then."""
        since = before.timestamp()
        with suppress(FileNotFoundError), os.scandir(self.root) as entries:
            folders = [each for each in entries if OF_DEPLOYMENT.fullmatch(each.name) and _is_folder(each)]
            return [each.name for each in folders if each.stat(follow_symlinks=False).st_mtime < since]
        return []

    def move_to_trash(self, deployment: str) -> bool:
        """Rename the folder of a deployment, so that nobody finds it any more."""
        if OF_DEPLOYMENT.fullmatch(deployment):
            with suppress(OSError):
                (self.root / deployment).rename(self.root / f"{ASIDE}{deployment}-{secrets.token_hex(4)}")
                return True
        return False

    def empty_trash(self) -> None:
        """Remove what was put aside, without following a link. What can not be removed is tried again next time."""
        with suppress(FileNotFoundError), os.scandir(self.root) as entries:
            for each in entries:
                if each.name.startswith(ASIDE) and _is_folder(each):
                    shutil.rmtree(each.path, ignore_errors=True)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _let_pass(folder: Path) -> None:
    """Let everybody pass through a folder of ours; what is in it they have to know, and be allowed to use."""
    found = folder.stat()
    if found.st_uid == os.geteuid() and found.st_mode & 0o011 != 0o011:
        folder.chmod(stat.S_IMODE(found.st_mode) | 0o011)


def _hand_over(folder: Path, account: Account) -> None:
    """Give a folder, and what is in it of its former owner, to an account. Raises OSError for what is no folder.

    While that lasts it is ours and closed to everybody: nobody puts something else in the place of what is looked at.
    """
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        former = os.fstat(here).st_uid
        if former == account.user:
            os.fchmod(here, _CLOSED)
            return
        os.fchown(here, os.geteuid(), os.getegid())
        os.fchmod(here, _CLOSED)
        for _, folders, files, where in os.fwalk(".", topdown=False, dir_fd=here):
            for name in (*folders, *files):
                each = os.stat(name, dir_fd=where, follow_symlinks=False)
                if each.st_uid == former and (stat.S_ISDIR(each.st_mode) or each.st_nlink == 1):
                    os.chown(name, account.user, account.group, dir_fd=where, follow_symlinks=False)
        os.fchown(here, account.user, account.group)
    finally:
        os.close(here)
