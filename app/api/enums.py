"""Enums of the core as clients see them. Registered before any type is made, so that each is made once."""

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

strawberry.enum(ErrorCode, description="Stable codes of refusals.")
strawberry.enum(FaultKind, description="What can be wrong with a workflow graph.")
strawberry.enum(Role, description="What a grant gives. DEPLOYER and APPROVER both include VIEWER; ADMIN includes all.")
strawberry.enum(DeploymentStatus, description="Where a deployment stands.")
strawberry.enum(RollbackStatus, description="Where a rollback stands.")
strawberry.enum(TaskStatus, description="Where a task stands.")
strawberry.enum(TaskType, description="What a task does.")
strawberry.enum(OperatorKind, description="Who carries instructions out.")
strawberry.enum(TolerationOperator, description="How a toleration compares with a taint.")
strawberry.enum(TaintEffect, description="What a taint does to pods that do not tolerate it.")
strawberry.enum(StrategyKind, description="How instances are changed.")
strawberry.enum(ApprovalSubject, description="What is to be approved.")
strawberry.enum(ApprovalStatus, description="Where an approval stands.")
strawberry.enum(Verdict, description="What a person decides.")
strawberry.enum(ApprovalTimeoutAction, description="What comes of an approval that nobody decides in time.")
strawberry.enum(BlockerKind, description="Why something waits.")
strawberry.enum(LogLevel, description="How much a line matters.")
strawberry.enum(MoveDirection, description="Where a task goes in the list: the order of the list is no edge.")
