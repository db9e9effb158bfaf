"""Parses documents within limits, into a syntax tree that holds no tokens."""

from graphql import DocumentNode, Source, Token, TokenKind
from graphql.language import Location
from graphql.language.parser import Parser, nested_too_deeply_error

from app.api.documents.costs import too_large

MAX_TOKENS = 5000
MAX_LENGTH = 65_536
"""Characters of a document. Long texts are sent in variables."""
_ANY_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)


class _Span(Location):
    """The place of a node, without its tokens: these would keep all others of the document alive."""

    __slots__ = ()

    def __init__(self, start: int, end: int, source: Source) -> None:
        self.start, self.end, self.source = start, end, source
        self.start_token = self.end_token = _ANY_TOKEN


class _Parser(Parser):
    def loc(self, start_token: Token) -> Location | None:
        """Return the place of a node that begins with a token."""
        return _Span(start_token.start, self._lexer.last_token.end, self._lexer.source)

    def unlink_tokens(self) -> None:
        """Break the chain of tokens, each of which holds the next and the previous one."""
        token: Token | None = self._lexer.token
        while token is not None:
            previous, token.prev, token.next = token.prev, None, None
            token = previous


def parse_document(text: str) -> DocumentNode:
    """Parse a document. Raises GraphQLError."""
    if len(text) > MAX_LENGTH:
        raise too_large(
            f"A document has at most {MAX_LENGTH} characters, and this one {len(text)}: send long texts in variables."
        )
    parser = _Parser(text, max_tokens=MAX_TOKENS)
    try:
        return parser.parse_document()
    except RecursionError:
        pass
    finally:
        parser.unlink_tokens()
    raise nested_too_deeply_error(parser)
