"""What hangs on objects and may grow for ever, as connections: pages from either end, with a count."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from app.api import page_loaders
from app.api.context import Info
from app.api.loaders import visible
from app.api.page_loaders import Children, DeploymentsOf, PageKey
from app.api.scalars import encode_cursor
from app.api.types.common import Connection, Page, PageArguments, connection
from app.core.access import ApiToken
from app.core.approval import Approval
from app.core.deployment import Deployment
from app.core.events import Event
from app.core.revision import Revision
from app.core.template import TemplateVersion
from app.core.version import Version

T = TypeVar("T")
N = TypeVar("N")
Count = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list that hangs on an object. `kind` names it in cursors, `position` is the place of one item,
    and `size` that of a page of which nothing is said."""

    kind: str
    of: Callable[[Info], Children[T]]
    position: Callable[[T], str | int]
    numbered: bool = False
    size: int = 20

    async def page(
        self, info: Info, id_: str, show: Callable[[T], N], asked: PageArguments, count: Count | None = None
    ) -> Connection[N]:
        """Return a page of what hangs on the object with that id, as `show` shows it. Raises Refused.

        `count` is given where the object itself tells how many there are.
        """
        part, loaders, of = (
            asked.window(self.kind, self.size, numbered=self.numbered),
            info.context.loaders,
            self.of(info),
        )
        found, earlier, later = part.cut(await loaders.pages.load(PageKey(id_, of, part.span)))
        cursors = [encode_cursor(self.kind, self.position(one)) for one in found]
        shown = Page([show(one) for one in found], cursors, earlier, later)
        return connection(shown, count or (lambda: loaders.counts.load((id_, of))))


def _fixed(of: Children[T]) -> Callable[[Any], Children[T]]:
    return lambda _: of


def _deployments_of(parent: Literal["version", "environment", "application"]) -> Listing[Deployment]:
    def of(info: Info) -> Children[Deployment]:
        return DeploymentsOf(parent, visible(info.context.viewer))

    return Listing("deployments", of, lambda one: one.id)


APPROVALS: Listing[Approval] = Listing("deployment-approvals", _fixed(page_loaders.APPROVALS), lambda one: one.id)
EVENTS: Listing[Event] = Listing("event", _fixed(page_loaders.EVENTS), lambda one: one.number, numbered=True, size=100)
REVISIONS: Listing[Revision] = Listing(
    "revisions", _fixed(page_loaders.REVISIONS), lambda one: one.number, numbered=True
)
TEMPLATE_VERSIONS: Listing[TemplateVersion] = Listing(
    "template-versions", _fixed(page_loaders.TEMPLATE_VERSIONS), lambda one: one.number, numbered=True
)
TOKENS: Listing[ApiToken] = Listing("tokens", _fixed(page_loaders.TOKENS), lambda one: one.id)
VERSIONS: Listing[Version] = Listing("versions", _fixed(page_loaders.VERSIONS), lambda one: one.id)
OF_APPLICATION = _deployments_of("application")
OF_ENVIRONMENT = _deployments_of("environment")
OF_VERSION = _deployments_of("version")
