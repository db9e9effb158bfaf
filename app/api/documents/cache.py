"""Documents, parsed, measured and validated once: what is known of them, for as long as they are asked for.

What is kept is bounded by what it takes: a document that came once is kept among the newest, one that came again for as
long as there is room. Long documents are looked at in a thread, and others have their turn meanwhile.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Source,
    Token,
    TokenKind,
    specified_rules,
    validate,
)
from graphql.language import Location
from graphql.language.parser import Parser, nested_too_deeply_error
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.api.documents.costs import Cost, beyond
from app.api.documents.finite_numbers import FiniteNumbersRule
from app.api.documents.measure import Measure, Measurer
from app.api.errors import as_graphql_error, translate_error, with_code
from app.api.request_codes import RequestCode

MAX_TOKENS = 5000
MAX_LENGTH = 65_536
"""Characters of a document. Long texts are sent in variables."""
ROOM = 100_000
"""Tokens of all documents that are kept: each takes about half a kilobyte, with what was made of it."""
ROOM_FOR_NEW = 20_000
REMEMBERED = 2000
"""Tokens of the longest document that is kept for longer than it is new."""
CHARACTERS_EACH = 16
"""So many characters count as a token: what a document says in few long words takes room as well."""
LONG = 2000
"""Characters from which on a document is looked at in a thread."""
MAX_ERRORS = 50
RULES = (*specified_rules, FiniteNumbersRule, MaybeNullValidationRule, OneOfInputValidationRule)
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 20_000
"""Steps in which fields of the same name are compared: a hundredth of a second."""
_ANY = Token(TokenKind.SOF, 0, 0, 0, 0)


class _Span(Location):
    """Where a node stands, without the tokens there: these would hold all others of the document."""

    __slots__ = ()

    def __init__(self, start: int, end: int, source: Source) -> None:
        self.start, self.end, self.source = start, end, source
        self.start_token = self.end_token = _ANY


class _Parser(Parser):
    def loc(self, start_token: Token) -> Location | None:
        """Return where a node stands that has begun with a token."""
        return _Span(start_token.start, self._lexer.last_token.end, self._lexer.source)

    def forget(self) -> None:
        """Let go of the tokens, of which each holds the next and the one before."""
        token: Token | None = self._lexer.token
        while token is not None:
            before, token.prev, token.next = token.prev, None, None
            token = before


@dataclass(slots=True)
class Document:
    """A document. `errors` say why nothing of it can be run; `node` is None where that is its syntax.

    `costs` and `personal` (depends on who asks) are by the name of the operation. `made` holds what others made of it.
    """

    text: str
    size: int
    tokens: int
    node: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    kinds: Mapping[str | None, OperationType] = field(default_factory=dict)
    costs: Mapping[str | None, Cost] = field(default_factory=dict)
    personal: Mapping[str | None, bool] = field(default_factory=dict)
    made: dict[Any, Any] = field(default_factory=dict)

    def named(self, name: str | None) -> str | None:
        """Return the name of the operation that is meant where none was given and there is but one."""
        return next(iter(self.kinds), None) if name is None and len(self.kinds) == 1 else name

    def objects(self, name: str | None, variables: Mapping[str, Any] | None) -> int:
        """Return for how many objects an operation asks."""
        cost = self.costs.get(self.named(name))
        return cost.objects(variables) if cost else 0

    def depends_on_actor(self, name: str | None) -> bool:
        """Return whether an operation may show different people different things; so does what is not known."""
        return self.personal.get(self.named(name), True)


class Documents:
    """The documents that one schema was asked for."""

    def __init__(self, schema: GraphQLSchema, room: int = ROOM, room_for_new: int = ROOM_FOR_NEW) -> None:
        self._schema = schema
        self._measurer = Measurer(schema)
        self._new = _Shelf(room_for_new)
        self._kept = _Shelf(room)
        self._thread = ThreadPoolExecutor(1, "documents")

    @property
    def size(self) -> int:
        """How much is kept, in tokens."""
        return self._new.size + self._kept.size

    def known(self, text: str) -> Document | None:
        """Return a document that is kept."""
        return self._kept.get(text) or self._new.get(text)

    def grow(self, document: Document, times: int) -> None:
        """Count a document as so many times as large: something was made of it that is kept with it."""
        for shelf in (self._new, self._kept):
            if shelf.get(document.text) is document:
                shelf.drop(document.text)
                document.size *= times
                shelf.put(document)
                return

    def find(self, text: str) -> Document:
        """Return a document, looked at now where it has to be."""
        found = self.known(text)
        if found is None:
            found = self._looked_at(text)
            self._new.put(found)
        return found

    async def ask(self, text: str) -> Document:
        """Return a document for an operation that begins: one that is asked for again is kept for longer."""
        found = self._kept.get(text)
        if found is not None:
            return found
        found = self._new.get(text)
        if found is not None:
            if found.tokens <= REMEMBERED:
                self._new.drop(text)
                self._kept.put(found)
            return found
        if len(text) > LONG:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, self._looked_at, text)
        else:
            found = self._looked_at(text)
        self._new.put(found)
        return found

    def _looked_at(self, text: str) -> Document:
        """Look at a document; what nobody expected is told as such, by an id that the log has."""
        try:
            return self._analysed(text)
        except Exception as error:
            return Document(
                text, 1 + len(text) // CHARACTERS_EACH, 0, None, (translate_error(as_graphql_error(error)),)
            )

    def _analysed(self, text: str) -> Document:
        weight = 1 + len(text) // CHARACTERS_EACH
        try:
            node = _parsed(text)
        except GraphQLError as error:
            error.__traceback__ = None
            return Document(text, weight, 0, None, (_coded(error),))
        tokens = node.token_count or 0
        measure = self._measurer.measure(node)
        operations = [one for one in node.definitions if isinstance(one, OperationDefinitionNode)]
        kinds = {one.name.value if one.name else None: one.operation for one in operations}
        return Document(
            text, max(weight, tokens), tokens, node, self._errors(node, measure), kinds, measure.costs, measure.personal
        )

    def _errors(self, node: DocumentNode, measure: Measure) -> tuple[GraphQLError, ...]:
        """Return what is wrong: where it goes beyond a limit, nothing else is looked for."""
        if measure.errors:
            return measure.errors
        found = validate(self._schema, node, RULES, max_errors=MAX_ERRORS, hide_suggestions=True)
        return tuple(_explained(error) for error in found)


class _Shelf:
    """Documents up to a size; of too many, those go that nobody has asked for the longest."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self.size = 0

    def get(self, text: str) -> Document | None:
        found = self._documents.get(text)
        if found is not None:
            self._documents.move_to_end(text)
        return found

    def drop(self, text: str) -> None:
        found = self._documents.pop(text, None)
        if found is not None:
            self.size -= found.size

    def put(self, document: Document) -> None:
        self.drop(document.text)
        self._documents[document.text] = document
        self.size += document.size
        while self.size > self._room and len(self._documents) > 1:
            self.drop(next(iter(self._documents)))


def _parsed(text: str) -> DocumentNode:
    """Parse a document. Raises GraphQLError."""
    if len(text) > MAX_LENGTH:
        message = (
            f"A document has at most {MAX_LENGTH} characters, and this one {len(text)}: send long texts in variables."
        )
        raise beyond(message)
    parser = _Parser(text, max_tokens=MAX_TOKENS)
    try:
        return parser.parse_document()
    except RecursionError:
        pass
    finally:
        parser.forget()
    raise nested_too_deeply_error(parser)


def _coded(error: GraphQLError) -> GraphQLError:
    """Return why a document can not be parsed, with its code."""
    is_limit = error.message.endswith("Parsing aborted.")
    return with_code(error, RequestCode.TOO_LARGE if is_limit else RequestCode.PARSE_FAILED)


def _explained(error: GraphQLError) -> GraphQLError:
    if isinstance(error, ValidationAbortedError) and error.message == "Validation aborted.":
        return beyond("The document is nested too deeply, or repeats itself too often, to be checked: make it simpler.")
    return with_code(error, RequestCode.VALIDATION_FAILED)
