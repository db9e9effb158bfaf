"""Lists of an object's children that may grow without limit, as connections.

Pages from either end, with a count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from app.api import page_loaders
from app.api.context import Info
from app.api.loaders import visible
from app.api.page_loaders import Children, DeploymentsOf, PageKey
from app.api.types.common import Connection, Count, PageArguments, page_of
from app.core.access import ApiToken
from app.core.approval import Approval
from app.core.deployment import Deployment
from app.core.events import Event
from app.core.revision import Revision
from app.core.template import TemplateVersion
from app.core.version import Version

Row = TypeVar("Row")
NodeT = TypeVar("NodeT")


@dataclass(frozen=True, slots=True)
class ChildList(Generic[Row]):
    """A list of an object's children.

    `kind` names the list in cursors, `position` returns the position of a row, `size` is the default size of a page.
    """

    kind: str
    children: Callable[[Info], Children[Row]]
    position: Callable[[Row], str | int]
    numbered: bool = False
    size: int = 20

    async def page(
        self,
        info: Info,
        id_: str,
        to_type: Callable[[Row], NodeT],
        arguments: PageArguments,
        count: Count | None = None,
    ) -> Connection[NodeT]:
        """Return a page of the children of the object with this id. Raises Refused.

        `count` is given if the object itself knows the number of its children.
        """
        window = arguments.window(self.kind, self.size, numbered=self.numbered)
        loaders, children = info.context.loaders, self.children(info)
        rows = await loaders.pages.load(PageKey(id_, children, window.request))
        return page_of(window, rows, self.position, to_type, count or (lambda: loaders.counts.load((id_, children))))


def _for_everyone(children: Children[Row]) -> Callable[[Any], Children[Row]]:
    return lambda _: children


def _deployments_of(parent: Literal["version", "environment", "application"]) -> ChildList[Deployment]:
    def _visible_deployments(info: Info) -> Children[Deployment]:
        return DeploymentsOf(parent, visible(info.context.viewer))

    return ChildList("deployments", _visible_deployments, lambda deployment: deployment.id)


APPROVALS: ChildList[Approval] = ChildList(
    "deployment-approvals", _for_everyone(page_loaders.APPROVALS), lambda approval: approval.id
)
EVENTS: ChildList[Event] = ChildList(
    "event", _for_everyone(page_loaders.EVENTS), lambda event: event.number, numbered=True, size=100
)
REVISIONS: ChildList[Revision] = ChildList(
    "revisions", _for_everyone(page_loaders.REVISIONS), lambda revision: revision.number, numbered=True
)
TEMPLATE_VERSIONS: ChildList[TemplateVersion] = ChildList(
    "template-versions", _for_everyone(page_loaders.TEMPLATE_VERSIONS), lambda version: version.number, numbered=True
)
TOKENS: ChildList[ApiToken] = ChildList("tokens", _for_everyone(page_loaders.TOKENS), lambda token: token.id)
VERSIONS: ChildList[Version] = ChildList("versions", _for_everyone(page_loaders.VERSIONS), lambda version: version.id)
OF_APPLICATION = _deployments_of("application")
OF_ENVIRONMENT = _deployments_of("environment")
OF_VERSION = _deployments_of("version")
