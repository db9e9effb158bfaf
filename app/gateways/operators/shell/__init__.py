"""Commands as real processes of this machine.

Started from an argument list, followed live, ended as a group.
"""

from app.gateways.operators.shell.open_files import raise_open_files
from app.gateways.operators.shell.operator import ShellOperator

__all__ = ["ShellOperator", "raise_open_files"]
