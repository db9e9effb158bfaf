"""Registers the enums of the core, before any type uses them, so that each is registered once."""

import strawberry

from app.core.approval import ApprovalStatus, ApprovalSubject, ApprovalTimeoutAction, Verdict
from app.core.deployment import DeploymentStatus, RollbackStatus
from app.core.editing import MoveDirection
from app.core.environment import OperatorKind
from app.core.errors import ErrorCode, FaultKind
from app.core.gate import BlockerKind
from app.core.job_options import TaintEffect, TolerationOperator
from app.core.log_levels import LogLevel
from app.core.roles import Role
from app.core.strategy.model import StrategyKind
from app.core.task import TaskStatus
from app.core.workflow import TaskType

strawberry.enum(ErrorCode, description="The stable codes of errors.")
strawberry.enum(FaultKind, description="The kinds of faults that a workflow graph can have.")
strawberry.enum(
    Role, description="A role that a grant gives. DEPLOYER and APPROVER include VIEWER. ADMIN includes all."
)
strawberry.enum(DeploymentStatus, description="The status of a deployment.")
strawberry.enum(RollbackStatus, description="The status of a rollback.")
strawberry.enum(TaskStatus, description="The status of a task or of one of its attempts.")
strawberry.enum(TaskType, description="The type of a task.")
strawberry.enum(OperatorKind, description="How deployments to an environment are carried out.")
strawberry.enum(TolerationOperator, description="How a toleration is compared with a taint.")
strawberry.enum(TaintEffect, description="The effect of a taint on pods that do not tolerate it.")
strawberry.enum(StrategyKind, description="How the instances of an application are replaced.")
strawberry.enum(ApprovalSubject, description="What is to be approved.")
strawberry.enum(ApprovalStatus, description="The status of an approval.")
strawberry.enum(Verdict, description="The decision on an approval.")
strawberry.enum(ApprovalTimeoutAction, description="What happens when an approval expires.")
strawberry.enum(BlockerKind, description="The kinds of reasons why something does not proceed.")
strawberry.enum(LogLevel, description="The severity of a log line.")
strawberry.enum(
    MoveDirection,
    description="The direction in which a task moves in the list. The order of the list does not affect the edges.",
)
