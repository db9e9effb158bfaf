"""Visibility of commands: who sees their arguments and the values of their environment variables.

Names are visible to everybody who may view anything. Arguments are visible to those who may view the application or
deployment, values only to those who may deploy it, as people put passwords there. Hidden parts are shown as `***`,
which cannot be stored.
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
"""Returns the visibility of a task's command, given the task's application."""


@dataclass(frozen=True, slots=True)
class CommandVisibility:
    """Whether the arguments of commands and the values of variables are visible."""

    arguments: bool
    values: bool

    def command(self, command: Sequence[str]) -> list[str]:
        """Return a command as shown."""
        return list(command if self.arguments else HIDDEN_COMMAND)

    def text(self, text: str) -> str:
        """Return another text as confidential as a command, as shown."""
        return text if self.arguments else HIDDEN

    def step(self, step: CommandStep) -> CommandStep:
        """Return a step as shown."""
        env = step.env if self.values else dict.fromkeys(step.env, HIDDEN)
        return replace(step, command=tuple(self.command(step.command)), env=env, job=self._job(step.job))

    def _job(self, job: JobOptions | None) -> JobOptions | None:
        """Return the options of a Job as shown; annotations are as confidential as arguments."""
        if job is None or job.annotations is None or self.arguments:
            return job
        return replace(job, annotations=dict.fromkeys(job.annotations, HIDDEN))


def of_application(principal: Principal, application_id: str) -> CommandVisibility:
    """Return the visibility of an application: full for those who may deploy it anywhere."""
    values = principal.allows_somewhere(Role.DEPLOYER, application_id)
    return CommandVisibility(values or principal.allows_somewhere(Role.VIEWER, application_id), values)


def of_deployment(
    principal: Principal, environment_ids: Collection[str], application_ids: Collection[str]
) -> VisibilityByApplication:
    """Return the visibility of a deployment's graph; other tasks need rights on all applications."""

    def allows(role: Role, ids: Collection[str]) -> bool:
        return all(principal.allows(role, environment_id=id_, application_ids=ids) for id_ in environment_ids)

    def visibility(application_id: str | None) -> CommandVisibility:
        values = allows(Role.DEPLOYER, (application_id,) if application_id else application_ids)
        return CommandVisibility(values or allows(Role.VIEWER, application_ids), values)

    return visibility


def of_template(
    principal: Principal, authors: Collection[str], application_ids: Collection[str]
) -> VisibilityByApplication:
    """Return the visibility of a template's graph, whose versions `authors` wrote for some applications.

    The values of tasks without application are visible to the only author, to those who may deploy everything, and to
    those who may deploy all applications of the graph; their arguments to everybody who may view anything.
    """
    is_author = set(authors) == {principal.actor.id}
    deploys_all = principal.allows(Role.DEPLOYER) or (
        bool(application_ids) and all(principal.allows_somewhere(Role.DEPLOYER, id_) for id_ in application_ids)
    )

    def visibility(application_id: str | None) -> CommandVisibility:
        if application_id is None:
            return CommandVisibility(arguments=True, values=is_author or deploys_all)
        return of_application(principal, application_id)

    return visibility
