"""Measures a document in one pass: its depth, aliases and objects, and whether it depends on who asks.

This is the first check of a client's document. Its time grows with the document's length: each selection and each
fragment is visited once, however often it is spread. Unknown fields and cyclic fragments are left to validation.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from app.api.documents.costs import (
    PAGES,
    REPEATED,
    SATURATED,
    Cost,
    Page,
    Term,
    UsualSizes,
    defaults_of,
    page_of,
    too_large,
)

DEPENDS_ON_ACTOR: Mapping[str, object] = {"depends_on_actor": True}
"""Marks a field, as metadata, that shows different people different things, even with the same grants."""

MAX_DEPTH = 15
MAX_ALIASES = 50
MAX_OPERATIONS = 20
MAX_REPEATED = 50
"""Selections of an object under the same name in one place: validation compares each pair of them."""
BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF
Sums = dict[tuple[tuple[Page, ...], str | None], int]
"""Numbers of objects, by the pages around them and the fragment that selects them (None: none)."""


@dataclass(slots=True)
class _Definition:
    """What an operation or a fragment selects, without the fragments that it spreads at `spread_depths`."""

    sums: Sums = field(default_factory=dict)
    spread_depths: dict[str, int] = field(default_factory=dict)
    spreads: dict[str, int] = field(default_factory=dict)
    depth: int = 0
    aliases: int = 0
    personal: bool = False

    def add(self, count: int, pages: tuple[Page, ...], fragment: str | None = None) -> None:
        """Count objects."""
        key = (pages, fragment)
        self.sums[key] = min(SATURATED, self.sums.get(key, 0) + count)


@dataclass(slots=True)
class _FragmentCosts:
    """The objects of a document's fragments: a constant, or the number of the step that computes them."""

    constants: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    steps: list[tuple[Term, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Measure:
    """The measure of a document.

    `costs` and `personal` (depends on the actor) are by the operation's name.

    `steps` is the work that measuring took.
    """

    errors: tuple[GraphQLError, ...]
    costs: Mapping[str | None, Cost]
    personal: Mapping[str | None, bool]
    steps: int


class _SelectionSet(NamedTuple):
    """A selection set to visit: its type, the number of its objects, and its depth (None: not counted)."""

    selections: SelectionSetNode
    type: Any
    objects: int
    pages: tuple[Page, ...]
    depth: int | None


class Measurer:
    """Measures documents for one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._sizes = UsualSizes(schema)

    def measure(self, document: DocumentNode) -> Measure:
        """Measure a document."""
        return _Pass(self._schema, self._sizes).run(document)

    def is_personal(self, type_: Any, name: str) -> bool:
        """Whether a field of a type, or of one that implements it, depends on the actor."""
        return _is_personal(self._schema, type_, name)


def _is_personal(schema: GraphQLSchema, type_: Any, name: str) -> bool:
    types = [type_]
    if isinstance(type_, GraphQLInterfaceType):
        types += schema.get_implementations(type_).objects
    return any(_depends_on_actor(kind.fields.get(name)) for kind in types if hasattr(kind, "fields"))


def _depends_on_actor(field: GraphQLField | None) -> bool:
    definition = field.extensions.get(BACKREF) if field else None
    metadata = getattr(definition, "metadata", None) or {}
    return bool(metadata.keys() & DEPENDS_ON_ACTOR.keys())


class _Pass:
    def __init__(self, schema: GraphQLSchema, sizes: UsualSizes) -> None:
        self._schema = schema
        self._sizes = sizes
        self._steps = 0
        self._repeated = False

    def run(self, document: DocumentNode) -> Measure:
        fragments: dict[str, _Definition] = {}
        operations: dict[str | None, tuple[OperationDefinitionNode, _Definition]] = {}
        number = 0
        for node in document.definitions:
            if isinstance(node, FragmentDefinitionNode):
                type_ = self._schema.get_type(node.type_condition.name.value)
                fragments[node.name.value] = self._visit(node.selection_set, type_)
            elif isinstance(node, OperationDefinitionNode):
                number += 1
                type_ = self._schema.get_root_type(node.operation)
                operations[node.name.value if node.name else None] = (node, self._visit(node.selection_set, type_))
        order = list(self._ordered(fragments))
        for name in order:
            self._close(fragments[name], fragments)
        for _, definition in operations.values():
            self._close(definition, fragments)
        costed = self._cost_fragments([(name, fragments[name]) for name in order])
        costs = {name: self._cost(node, definition, costed) for name, (node, definition) in operations.items()}
        personal = {name: definition.personal for name, (_, definition) in operations.items()}
        return Measure(tuple(self._errors(number, operations)), costs, personal, self._steps)

    def _errors(
        self, number: int, operations: Mapping[str | None, tuple[OperationDefinitionNode, _Definition]]
    ) -> Iterator[GraphQLError]:
        if number > MAX_OPERATIONS:
            yield too_large(f"The document has {number} operations; the maximum is {MAX_OPERATIONS}.")
        if self._repeated:
            yield too_large(
                f"The document selects an object under one name more than {MAX_REPEATED} times in one place."
            )
        for name, (_, definition) in operations.items():
            if definition.depth > MAX_DEPTH:
                yield too_large(f"'{name or 'anonymous'}' exceeds maximum operation depth of {MAX_DEPTH}.")
        aliases = sum(definition.aliases for _, definition in operations.values())
        if aliases > MAX_ALIASES:
            yield too_large(f"The document has {aliases} aliases; the maximum is {MAX_ALIASES}.")

    def _visit(self, selections: SelectionSetNode, type_: Any) -> _Definition:
        """Visit every selection of a definition once."""
        definition = _Definition()
        pending = [_SelectionSet(selections, type_, 1, (), 0)]
        while pending:
            selected = pending.pop()
            spread: set[str] = set()
            names: dict[str, int] = {}
            for selection in _flat(selected.selections, selected.type, self._schema):
                self._steps += 1
                definition.depth = max(definition.depth, selected.depth or 0)
                node, parent = selection
                if isinstance(node, FragmentSpreadNode):
                    name = node.name.value
                    if name not in spread:
                        spread.add(name)
                        definition.add(selected.objects, selected.pages, name)
                        definition.spread_depths[name] = max(definition.spread_depths.get(name, 0), selected.depth or 0)
                        definition.spreads[name] = definition.spreads.get(name, 0) + 1
                elif isinstance(node, FieldNode):
                    definition.aliases += node.alias is not None
                    if node.selection_set is not None:
                        shown = (node.alias or node.name).value
                        names[shown] = names.get(shown, 0) + 1
                    below = self._field(definition, selected, node, parent)
                    if below is not None:
                        pending.append(below)
            self._repeated = self._repeated or max(names.values(), default=0) > MAX_REPEATED
        return definition

    def _field(
        self, definition: _Definition, selected: _SelectionSet, node: FieldNode, parent: Any
    ) -> _SelectionSet | None:
        """Count a field, and return the selection set below it."""
        name = node.name.value
        field = self._schema.get_field(parent, name) if parent is not None and is_composite_type(parent) else None
        if field is not None and parent is not None and not definition.personal:
            definition.personal = _is_personal(self._schema, parent, name)
        if node.selection_set is None:
            return None
        depth = None if selected.depth is None or name.startswith("__") else selected.depth + 1
        if field is None:
            return _SelectionSet(node.selection_set, None, selected.objects, selected.pages, depth)
        named, count, pages = get_named_type(field.type), selected.objects, selected.pages
        if any(argument in field.args for argument in PAGES):
            definition.add(count, pages)
            page = page_of(field, node)
            pages, count = (
                (pages, min(SATURATED, count * page.constant)) if not page.variables else ((*pages, page), count)
            )
        else:
            count = min(SATURATED, count * self._size(field, node, parent))
            if named.name != "PageInfo":
                definition.add(count, pages)
            count = min(SATURATED, count * REPEATED.get((parent.name, name), 1))
        return _SelectionSet(node.selection_set, named, count, pages, depth)

    def _size(self, field: GraphQLField, node: FieldNode, parent: Any) -> int:
        """Return how many objects a field has; the lists of a page have its length, which is already counted."""
        type_, size = get_nullable_type(field.type), 1
        while is_list_type(type_):
            if not parent.name.endswith("Connection"):
                size *= self._sizes.of(parent.name, node.name.value)
            type_ = get_nullable_type(type_.of_type)
        return size

    def _ordered(self, fragments: Mapping[str, _Definition]) -> Iterator[str]:
        """Yield fragments, each behind those that it spreads; a cycle is cut."""
        visited: set[str] = set()
        for first in fragments:
            stack: list[tuple[str, Iterator[str]]] = []
            if first not in visited:
                visited.add(first)
                stack.append((first, iter(tuple(fragments[first].spreads))))
            while stack:
                self._steps += 1
                name, rest = stack[-1]
                following = next(rest, None)
                if following is None:
                    stack.pop()
                    yield name
                elif following in fragments and following not in visited:
                    visited.add(following)
                    stack.append((following, iter(tuple(fragments[following].spreads))))

    def _close(self, definition: _Definition, fragments: Mapping[str, _Definition]) -> None:
        """Add the fragments that a definition spreads, which are closed before it."""
        for name, times in definition.spreads.items():
            self._steps += 1
            spread = fragments.get(name)
            if spread is not None:
                definition.depth = min(SATURATED, max(definition.depth, definition.spread_depths[name] + spread.depth))
                definition.aliases = min(SATURATED, definition.aliases + times * spread.aliases)
                definition.personal = definition.personal or spread.personal

    def _cost_fragments(self, fragments: Iterable[tuple[str, _Definition]]) -> _FragmentCosts:
        """Return the costs of fragments, each behind those that it spreads."""
        costed = _FragmentCosts()
        for name, definition in fragments:
            terms = self._terms(definition.sums, costed)
            if _is_constant(terms):
                costed.constants[name] = _total(terms)
            else:
                costed.numbers[name] = len(costed.steps)
                costed.steps.append(terms)
        return costed

    def _cost(self, operation: OperationDefinitionNode, definition: _Definition, costed: _FragmentCosts) -> Cost:
        """Return the cost of an operation: a constant, or steps where variables matter."""
        terms = self._terms(definition.sums, costed)
        if _is_constant(terms):
            return Cost(_total(terms))
        return Cost(None, (*costed.steps, terms), defaults_of(operation))

    def _terms(self, sums: Sums, costed: _FragmentCosts) -> tuple[Term, ...]:
        self._steps += len(sums)
        by_pages: dict[tuple[Page, ...], int] = {}
        terms = list[Term]()
        for (pages, name), count in sums.items():
            if name in costed.numbers:
                terms.append(Term(count, pages, costed.numbers[name]))
            else:
                value = count * (1 if name is None else costed.constants.get(name, 0))
                by_pages[pages] = min(SATURATED, by_pages.get(pages, 0) + value)
        return (*terms, *(Term(count, pages) for pages, count in by_pages.items()))


def _flat(selections: SelectionSetNode, type_: Any, schema: GraphQLSchema) -> Iterator[tuple[SelectionNode, Any]]:
    """Yield the fields and spreads of a selection set and of its inline fragments, with their types."""
    rest: list[tuple[SelectionSetNode, Any]] = [(selections, type_)]
    while rest:
        selection_set, parent = rest.pop()
        for node in selection_set.selections:
            if isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                rest.append((node.selection_set, schema.get_type(condition.name.value) if condition else parent))
            else:
                yield node, parent


def _is_constant(terms: Iterable[Term]) -> bool:
    return all(not term.pages and term.step is None for term in terms)


def _total(terms: Iterable[Term]) -> int:
    return min(SATURATED, sum(term.count for term in terms))
