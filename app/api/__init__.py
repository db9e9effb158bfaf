"""The GraphQL API over HTTP, WebSocket and SSE."""

from app.api import enums

__all__ = ["enums"]
