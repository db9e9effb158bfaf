"""The operator: what a command sees, when it may start, and how it is brought to its end."""

import asyncio
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from app.core.attempt import Ending, Outcome
from app.gateways.operators.execution import EndRequest, TaskExecution
from app.gateways.operators.shell.accounts import Accounts, NoAccountError, Own
from app.gateways.operators.shell.guard_client import GuardClient
from app.gateways.operators.shell.landlock import Wall
from app.gateways.operators.shell.open_files import room
from app.gateways.operators.shell.output import DRAIN_SECONDS
from app.gateways.operators.shell.process import CommandPlace, RunningCommand, Starter, outcome_of, start
from app.gateways.operators.shell.start_errors import not_started, refused, start_error
from app.gateways.operators.shell.workspaces import Workspaces
from app.ports import Execution, Instruction, LeaseExpiredError, LogSink


class ShellOperator:
    """Runs each command as a process group of its own in a folder of its own below `workspaces`.

    They run as whom `accounts` says, and behind `wall`, where the system has one: both keep them out of what is not
    theirs. Commands see PATH, HOME and LANG of the worker, BOREAS_WORKSPACE (their folder) and the variables of their
    instruction; as another user the home of that one. Where the system's folder for temporary files is closed to them
    TMPDIR names another one.

    What a command leaves running when it ends stays, as deploy commands start services; it should write its output
    elsewhere, since nobody reads it here any more. A time limit or a cancellation ends the whole group: SIGTERM, then
    SIGKILL after `grace_seconds`. A process that left the group (setsid) is beyond reach.

    A guard, a process beside the worker, kills the groups of commands that run when the worker dies in whatever way,
    and when `hold` is not called in time. It comes with the first command and goes with `close`, or with the operator.
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
        self._guarded = GuardClient()
        self._accounts = accounts or Own()
        self._wall = wall if wall and wall.stands else None
        self._starter = Starter(self._guarded)
        self._room = asyncio.Semaphore(room())

    def start(self, instruction: Instruction, log: LogSink) -> Execution:
        """Carry it out once there is room: more commands at once than files can be open for wait for their turn."""
        return TaskExecution(lambda request: self._in_turn(instruction, log, request))

    async def _in_turn(self, instruction: Instruction, log: LogSink, request: EndRequest) -> Outcome:
        async with self._room:
            return await self._execute(instruction, log, request)

    async def _execute(self, instruction: Instruction, log: LogSink, request: EndRequest) -> Outcome:
        """Make the folder, run the command if there is one, and return how it ended, with the code a shell would give.

        Raises LeaseExpiredError, and what `log` raises after the processes were ended. One stream at a time awaits
        the log.
        The time limit is the command's: lines that it printed in time are passed on however long the log takes.
        Where the time of the last `hold` has passed, the command waits for the next one, for its time limit at most.
        """
        command = instruction.command
        try:
            place = self._place(instruction)
        except NoAccountError as error:
            return refused(command, str(error))
        except (OSError, RuntimeError, ValueError) as error:
            why = (isinstance(error, OSError) and error.strerror) or error
            return refused(command, f"its working folder {instruction.workspace!r} can not be used: {why}")
        if command is None:
            return Outcome(Ending.SUCCEEDED)
        if flaw := start_error(command, instruction.env):
            return refused(command, flaw)
        if not await self._guarded.is_held(instruction.timeout_seconds):
            return refused(
                command, "the leases of this worker ran out and were not renewed; check that it can reach the database"
            )
        env = place.environment(instruction.env)
        try:
            run = start(command, env, place, log, self._starter)
        except (OSError, ValueError) as error:
            return not_started(command, env, place.folder, error)
        try:
            return await self._attend(run, instruction.timeout_seconds)
        except BaseException:
            await run.stop(self._grace, request)
            raise
        finally:
            await run.close()

    def renew_lease(self, seconds: float) -> None:
        """Let what runs run on for `seconds` from now: so long the leases of this worker are good.

        Where it is not called again in time, the guard kills whatever runs, and no command starts before the next
        call. Without a first call there is no such limit. To be called in the event loop's thread.
        """
        self._guarded.renew_lease(seconds)

    def renew_lease_from_thread(self, seconds: float) -> None:
        """Let what runs run on for `seconds` from now, from any thread, unless the time of the last call has passed."""
        self._guarded.renew_lease_from_thread(seconds)

    async def close(self) -> None:
        """End the guard, and with it any command that still runs. Closing again does nothing."""
        await self._guarded.close()
        self._starter.close()
        if self._wall:
            self._wall.close()

    async def _attend(self, run: RunningCommand, limit: float) -> Outcome:
        await run.flush(limit)
        if run.process.returncode is not None:
            await run.flush(None)
            if run.lapsed:
                raise LeaseExpiredError
            return outcome_of(run.process.returncode)
        await run.end(self._grace)
        await run.flush(max(self._grace, DRAIN_SECONDS))
        message = f"the time limit of {limit:.10g} seconds was reached, and its processes were ended"
        return replace(outcome_of(run.process.returncode), ending=Ending.FAILED, message=message)

    def idle_workspaces(self, before: datetime) -> list[str]:
        """Return the ids of deployments of which there are folders here that nothing was made in since then."""
        return self._workspaces.of_deployments(before)

    def move_to_trash(self, deployment_id: str) -> bool:
        """Take the folders of a deployment out of use, at once; False where that is not possible."""
        return self._workspaces.move_to_trash(deployment_id)

    def empty_trash(self) -> None:
        """Remove what was put aside. May take long: for a thread."""
        self._workspaces.empty_trash()

    def _place(self, instruction: Instruction) -> CommandPlace:
        """Make the folders. Raises NoAccountError, OSError, and ValueError where one would not lie where it should."""
        account = self._accounts.of(instruction.origin.environment_id if instruction.origin else "")
        folder = self._workspaces.made(instruction.workspace, account)
        home = self._workspaces.home(account)
        if self._wall is None:
            return CommandPlace(folder, account, home)
        temporary = None
        if self._wall.on_way(Path(tempfile.gettempdir())) or (account and account.passage):
            temporary = home / "tmp" if home else self._workspaces.temporary(account)
        given = [path for path in (folder, home, temporary) if path]
        return CommandPlace(folder, account, home, temporary, self._wall.ruleset(given))
