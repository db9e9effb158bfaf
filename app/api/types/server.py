"""The server itself: its release and its time."""

from datetime import datetime

import strawberry


@strawberry.type(description="The server that answers.")
class Server:
    now: datetime = strawberry.field(description="The server's time, to count ages and countdowns from.")
    version: str = strawberry.field(description="The release of Boreas that it runs.")
