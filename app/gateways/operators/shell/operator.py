"""The shell operator: the environment of a command, when it may start, and how it is ended."""

import asyncio
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from app.core.attempt import Ending, Outcome
from app.gateways.operators.execution import EndRequest, TaskExecution
from app.gateways.operators.shell.accounts import Accounts, NoAccountError, OwnUser
from app.gateways.operators.shell.guard_client import GuardClient
from app.gateways.operators.shell.landlock import Wall
from app.gateways.operators.shell.open_files import max_commands
from app.gateways.operators.shell.output import DRAIN_SECONDS
from app.gateways.operators.shell.process import CommandPlace, RunningCommand, Starter, outcome_of, start
from app.gateways.operators.shell.start_errors import not_started, refused, start_error
from app.gateways.operators.shell.workspaces import Workspaces
from app.ports import Execution, Instruction, LeaseExpiredError, LogSink


class ShellOperator:
    """Runs each command as a process group of its own, in a folder of its own below `workspaces`.

    Commands run as the user that `accounts` returns, and behind `wall` where the system has Landlock: both keep them
    away from files that are not theirs. Commands see PATH, HOME and LANG of the worker (as another user that user's
    home), BOREAS_WORKSPACE (their folder) and the variables of their instruction. TMPDIR names a folder of their own
    where they may not use the system's.

    A process that a command leaves running stays, as deploy commands start services. Its output is not read after the
    command has ended. A time limit, `stop` and `detach` end the whole group: SIGTERM, then SIGKILL after
    `grace_seconds`. A process that left the group (setsid) is not ended.

    A guard, a process beside the worker, kills the running groups when the worker dies, or does not call `renew_lease`
    in time. It starts with the first command, and ends with `close` or with the operator.
    """

    def __init__(
        self,
        workspaces: Path,
        grace_seconds: float = 10.0,
        *,
        accounts: Accounts | None = None,
        wall: Wall | None = None,
    ) -> None:
        self._workspaces = Workspaces(workspaces)
        self._grace = grace_seconds
        self._guard = GuardClient()
        self._accounts = accounts or OwnUser()
        self._wall = wall if wall and wall.stands else None
        self._starter = Starter(self._guard)
        self._room = asyncio.Semaphore(max_commands())

    def start(self, instruction: Instruction, log: LogSink) -> Execution:
        """Begin to run the command of an instruction. It waits while the limit of open files allows no more."""
        return TaskExecution(lambda request: self._in_turn(instruction, log, request))

    async def _in_turn(self, instruction: Instruction, log: LogSink, request: EndRequest) -> Outcome:
        async with self._room:
            return await self._execute(instruction, log, request)

    async def _execute(self, instruction: Instruction, log: LogSink, request: EndRequest) -> Outcome:
        """Create the folder, run the command if there is one, and return its outcome with the exit code of a shell.

        The time limit is the command's: lines that it printed in time are passed on however long the log takes. While
        the lease is expired the command waits, for its time limit at most. Raises LeaseExpiredError, and what `log`
        raises, after the processes were ended.
        """
        command = instruction.command
        try:
            place = self._place(instruction)
        except NoAccountError as error:
            return refused(command, str(error))
        except (OSError, RuntimeError, ValueError) as error:
            why = (isinstance(error, OSError) and error.strerror) or error
            return refused(command, f"its working folder {instruction.workspace!r} cannot be used: {why}")
        if command is None:
            return Outcome(Ending.SUCCEEDED)
        if reason := start_error(command, instruction.env):
            return refused(command, reason)
        if not await self._guard.wait_for_lease(instruction.timeout_seconds):
            return refused(
                command, "the leases of this worker expired and were not renewed; check that it can reach the database"
            )
        env = place.environment(instruction.env)
        try:
            run = start(command, env, place, log, self._starter)
        except (OSError, ValueError) as error:
            return not_started(command, env, place.folder, error)
        try:
            return await self._follow(run, instruction.timeout_seconds)
        except BaseException:
            await run.stop(self._grace, request)
            raise
        finally:
            await run.close()

    def renew_lease(self, seconds: float) -> None:
        """Let commands run for `seconds` from now.

        Unless it is called again in time, the guard kills all commands, and none starts before the next call. Before
        the first call there is no limit. To be called in the event loop's thread.
        """
        self._guard.renew_lease(seconds)

    def renew_lease_from_thread(self, seconds: float) -> None:
        """Renew the lease from any thread, unless it has expired."""
        self._guard.renew_lease_from_thread(seconds)

    async def close(self) -> None:
        """End the guard and all running commands. Closing again does nothing."""
        await self._guard.close()
        self._starter.close()
        if self._wall:
            self._wall.close()

    async def _follow(self, run: RunningCommand, limit: float) -> Outcome:
        await run.flush(limit)
        if run.process.returncode is not None:
            await run.flush(None)
            if run.lease_expired:
                raise LeaseExpiredError
            return outcome_of(run.process.returncode)
        await run.end(self._grace)
        await run.flush(max(self._grace, DRAIN_SECONDS))
        message = f"the time limit of {limit:.10g} seconds was reached, and its processes were ended"
        return replace(outcome_of(run.process.returncode), ending=Ending.FAILED, message=message)

    def idle_workspaces(self, before: datetime) -> list[str]:
        """Return the ids of deployments whose folders here have not changed since `before`."""
        return self._workspaces.idle_deployments(before)

    def move_to_trash(self, deployment_id: str) -> bool:
        """Take the folders of a deployment out of use, at once; False where that is not possible."""
        return self._workspaces.move_to_trash(deployment_id)

    def empty_trash(self) -> None:
        """Remove the folders in the trash. May take long: for a thread."""
        self._workspaces.empty_trash()

    def _place(self, instruction: Instruction) -> CommandPlace:
        """Create the folders. Raises NoAccountError, OSError, and ValueError where the folder is not below the root."""
        account = self._accounts.of(instruction.origin.environment_id if instruction.origin else "")
        folder = self._workspaces.ensure(instruction.workspace, account)
        home = self._workspaces.home(account)
        if self._wall is None:
            return CommandPlace(folder, account, home)
        temporary = None
        if self._wall.on_way(Path(tempfile.gettempdir())) or (account and account.passage):
            temporary = home / "tmp" if home else self._workspaces.temporary(account)
        folders = [path for path in (folder, home, temporary) if path]
        return CommandPlace(folder, account, home, temporary, self._wall.ruleset(folders))
