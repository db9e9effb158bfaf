"""The cache of prepared documents: each is parsed, measured and validated once.

Its size is bounded. A document that came once stays among the newest; one that came again stays as long as there is
room. Long documents are prepared in a thread, so that other requests can run.
"""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, specified_rules, validate
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.api.documents.costs import too_large
from app.api.documents.finite_numbers import FiniteNumbersRule
from app.api.documents.measure import Measure, Measurer
from app.api.documents.parsing import parse_document
from app.api.documents.prepared_document import PreparedDocument
from app.api.errors import as_graphql_error, translate_error, with_code
from app.api.request_codes import RequestCode

MAX_SIZE = 100_000
"""Tokens of all documents in the cache: each takes about half a kilobyte, with all that is derived from it."""
MAX_NEW_SIZE = 20_000
"""Tokens of the documents that came once."""
MAX_REPEATED_TOKENS = 2000
"""Tokens of the longest document that stays longer when it comes again."""
CHARACTERS_PER_TOKEN = 16
"""So many characters weigh as a token: a few long words take memory as well."""
LONG_TEXT = 2000
"""Characters from which on a document is prepared in a thread."""
PREPARED_QUERY_FACTOR = 4
"""How many times as much memory a document takes with a prepared query, which keeps its encoders."""
MAX_ERRORS = 50
RULES = (*specified_rules, FiniteNumbersRule, MaybeNullValidationRule, OneOfInputValidationRule)
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 20_000
"""Steps in which fields of the same name are compared: about 10 ms."""


class DocumentCache:
    """The prepared documents of one schema."""

    def __init__(self, schema: GraphQLSchema, max_size: int = MAX_SIZE, max_new_size: int = MAX_NEW_SIZE) -> None:
        self._schema = schema
        self._measurer = Measurer(schema)
        self._new = _LruCache(max_new_size)
        self._repeated = _LruCache(max_size)
        self._thread = ThreadPoolExecutor(1, "documents")

    @property
    def size(self) -> int:
        """The weight of all documents, in tokens."""
        return self._new.size + self._repeated.size

    def cached(self, text: str) -> PreparedDocument | None:
        """Return a document that is in the cache."""
        return self._repeated.get(text) or self._new.get(text)

    def get(self, text: str) -> PreparedDocument:
        """Return a document; prepare it now if it is not in the cache."""
        document = self.cached(text)
        if document is None:
            document = self._prepare(text)
            self._new.put(document)
        return document

    async def load(self, text: str) -> PreparedDocument:
        """Return the document of a new operation; one that comes again stays longer."""
        document = self._repeated.get(text)
        if document is not None:
            return document
        document = self._new.get(text)
        if document is not None:
            if document.tokens <= MAX_REPEATED_TOKENS:
                self._new.drop(text)
                self._repeated.put(document)
            return document
        if len(text) > LONG_TEXT:
            document = await asyncio.get_running_loop().run_in_executor(self._thread, self._prepare, text)
        else:
            document = self._prepare(text)
        self._new.put(document)
        return document

    def prepare_query(self, text: str, name: str | None) -> None:
        """Keep a query that was answered without an error, as long as its document stays."""
        document = self.cached(text)
        if document is not None and document.prepare_query(name):
            self._reweigh(document, document.size * PREPARED_QUERY_FACTOR)

    def _reweigh(self, document: PreparedDocument, size: int) -> None:
        for cache in (self._new, self._repeated):
            if cache.get(document.text) is document:
                cache.drop(document.text)
                document.size = size
                cache.put(document)
                return

    def _prepare(self, text: str) -> PreparedDocument:
        """Prepare a document; an unexpected error becomes one of the document, with an id from the log."""
        try:
            return self._analyse(text)
        except Exception as error:
            return PreparedDocument(text, _weight(text), 0, None, (translate_error(as_graphql_error(error)),))

    def _analyse(self, text: str) -> PreparedDocument:
        try:
            ast = parse_document(text)
        except GraphQLError as error:
            error.__traceback__ = None
            return PreparedDocument(text, _weight(text), 0, None, (_parse_error(error),))
        tokens = ast.token_count or 0
        measure = self._measurer.measure(ast)
        operations = [node for node in ast.definitions if isinstance(node, OperationDefinitionNode)]
        types = {node.name.value if node.name else None: node.operation for node in operations}
        return PreparedDocument(
            text,
            max(_weight(text), tokens),
            tokens,
            ast,
            self._errors(ast, measure),
            types,
            measure.costs,
            measure.personal,
        )

    def _errors(self, ast: DocumentNode, measure: Measure) -> tuple[GraphQLError, ...]:
        """Return why a document is invalid; one beyond a limit is not validated."""
        if measure.errors:
            return measure.errors
        errors = validate(self._schema, ast, RULES, max_errors=MAX_ERRORS, hide_suggestions=True)
        return tuple(_validation_error(error) for error in errors)


class _LruCache:
    """Documents up to a total size; the least recently used ones leave first."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._documents: OrderedDict[str, PreparedDocument] = OrderedDict()
        self.size = 0

    def get(self, text: str) -> PreparedDocument | None:
        document = self._documents.get(text)
        if document is not None:
            self._documents.move_to_end(text)
        return document

    def drop(self, text: str) -> None:
        document = self._documents.pop(text, None)
        if document is not None:
            self.size -= document.size

    def put(self, document: PreparedDocument) -> None:
        self.drop(document.text)
        self._documents[document.text] = document
        self.size += document.size
        while self.size > self._max_size and len(self._documents) > 1:
            self.drop(next(iter(self._documents)))


def _weight(text: str) -> int:
    return 1 + len(text) // CHARACTERS_PER_TOKEN


def _parse_error(error: GraphQLError) -> GraphQLError:
    """Return why a document cannot be parsed, with its code."""
    is_limit = error.message.endswith("Parsing aborted.")
    return with_code(error, RequestCode.TOO_LARGE if is_limit else RequestCode.PARSE_FAILED)


def _validation_error(error: GraphQLError) -> GraphQLError:
    if isinstance(error, ValidationAbortedError) and error.message == "Validation aborted.":
        return too_large(
            "The document is nested too deeply, or repeats itself too often, to be checked: make it simpler."
        )
    return with_code(error, RequestCode.VALIDATION_FAILED)
