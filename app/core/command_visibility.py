"""How much somebody sees of commands: their arguments, and the values of their environment variables.

Names are the catalogue's, which everybody reads who may view anything. Arguments are for those who view the application
or the deployment that a command is of, values for those who deploy it: people put passwords there. What is not shown is
`***` in place of it, which nobody can store.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from app.core.access import Principal
from app.core.application import CommandStep
from app.core.job_options import JobOptions
from app.core.roles import Role
from app.core.tokens import HIDDEN

HIDDEN_COMMAND = (HIDDEN,)
VisibilityByApplication = Callable[[str | None], "CommandVisibility"]
"""Says what somebody sees of a task of a graph, by the application that it is of."""


@dataclass(frozen=True, slots=True)
class CommandVisibility:
    """Whether arguments of commands, and values of variables, are seen."""

    arguments: bool
    values: bool

    def command(self, command: Sequence[str]) -> list[str]:
        """Return a command as it is shown."""
        return list(command if self.arguments else HIDDEN_COMMAND)

    def text(self, text: str) -> str:
        """Return something else of a command's kind as it is shown."""
        return text if self.arguments else HIDDEN

    def step(self, step: CommandStep) -> CommandStep:
        """Return a step as it is shown."""
        env = step.env if self.values else dict.fromkeys(step.env, HIDDEN)
        return replace(step, command=tuple(self.command(step.command)), env=env, job=self._job(step.job))

    def _job(self, job: JobOptions | None) -> JobOptions | None:
        """Return the options of a Job as they are shown: what tools read in annotations is as an argument to them."""
        if job is None or job.annotations is None or self.arguments:
            return job
        return replace(job, annotations=dict.fromkeys(job.annotations, HIDDEN))


def of_application(principal: Principal, application_id: str) -> CommandVisibility:
    """Return what somebody sees of an application: all of it who may deploy it anywhere."""
    values = principal.allows_somewhere(Role.DEPLOYER, application_id)
    return CommandVisibility(values or principal.allows_somewhere(Role.VIEWER, application_id), values)


def of_deployment(
    principal: Principal, environment_ids: Collection[str], application_ids: Collection[str]
) -> VisibilityByApplication:
    """Return what somebody sees of a deployment's graph: of tasks without application, what they see of all of it."""

    def allows(role: Role, wanted: Collection[str]) -> bool:
        return all(principal.allows(role, environment_id=id_, application_ids=wanted) for id_ in environment_ids)

    def see(application_id: str | None) -> CommandVisibility:
        wanted = (application_id,) if application_id else application_ids
        values = allows(Role.DEPLOYER, wanted)
        return CommandVisibility(values or allows(Role.VIEWER, application_ids), values)

    return see


def of_template(
    principal: Principal, authors: Collection[str], application_ids: Collection[str]
) -> VisibilityByApplication:
    """Return what somebody sees of a template's graph, of versions that `authors` made for some applications.

    Tasks without application are seen by their authors, by those who may deploy everything, and by those who may deploy
    all that the graph is for; their arguments by whoever may view anything, as these are what the catalogue is for.
    """
    own = set(authors) == {principal.actor.id}
    every = principal.allows(Role.DEPLOYER) or (
        bool(application_ids) and all(principal.allows_somewhere(Role.DEPLOYER, id_) for id_ in application_ids)
    )

    def see(application_id: str | None) -> CommandVisibility:
        if application_id is None:
            return CommandVisibility(arguments=True, values=own or every)
        return of_application(principal, application_id)

    return see
