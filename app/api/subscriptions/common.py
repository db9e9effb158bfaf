"""What every live feed does with each batch.

Check access again, and note the position that was reached.
"""

from app.api.context import Info
from app.api.loaders import may_see
from app.api.scalars import Cursor
from app.core.deployment import Deployment
from app.core.roles import Role
from app.services.retry import retry_while_away
from app.services.use_cases import forbidden


async def renew_and_check(info: Info, deployment: Deployment) -> None:
    """Authenticate the subscriber again. Raises Refused when they may no longer see the deployment."""
    await retry_while_away(info.context.reauthenticate)
    if not may_see(info.context.viewer, deployment):
        raise forbidden(Role.VIEWER)


def advance(info: Info, cursor: Cursor) -> Cursor:
    """Record the cursor that the feed has reached, and return it."""
    info.context.position.cursor = cursor
    return cursor
