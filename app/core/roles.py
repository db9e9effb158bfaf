"""Roles, which grants give. `access` decides what each of them allows."""

from enum import StrEnum


class Role(StrEnum):
    """A level of rights, granted on an environment, an application or everything."""

    VIEWER = "VIEWER"
    DEPLOYER = "DEPLOYER"
    APPROVER = "APPROVER"
    ADMIN = "ADMIN"
