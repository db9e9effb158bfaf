"""Roles: what a grant gives. What each of them allows is decided in `access`."""

from enum import StrEnum


class Role(StrEnum):
    """A level of rights, granted on an environment, an application or everything."""

    VIEWER = "VIEWER"
    DEPLOYER = "DEPLOYER"
    APPROVER = "APPROVER"
    ADMIN = "ADMIN"
