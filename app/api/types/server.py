"""The server: its release and its time."""

from datetime import datetime

import strawberry


@strawberry.type(description="The Boreas server that answers.")
class Server:
    now: datetime = strawberry.field(description="The time of the server, for computing ages and countdowns.")
    version: str = strawberry.field(description="The release of Boreas that the server runs.")
