"""One pass over a document that tells how deep it is, how many aliases and objects it asks for, and who it depends on.

It comes before everything else that looks at documents of strangers, and takes as long as they are: each selection and
each fragment is visited once, however often it is spread. Whatever is wrong with a document otherwise (fields that are
not there, fragments in a circle) is left to validation.
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

from app.api.documents.costs import PAGES, REPEATED, SATURATED, Cost, Page, Sizes, Term, defaults_of, page_of, too_large

DEPENDS_ON_ACTOR: Mapping[str, object] = {"depends_on_actor": True}
"""Marks a field (as its metadata) that shows different people different things, even with the same grants."""

MAX_DEPTH = 15
MAX_ALIASES = 50
MAX_OPERATIONS = 20
MAX_REPEATED = 50
"""How often an object may be selected under the same name in one place: each pair of these is compared."""
BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF
Sums = dict[tuple[tuple[Page, ...], str | None], int]
"""How many objects there are, by the pages that they are in, and the fragment that has them (None: none)."""


@dataclass(slots=True)
class _Definition:
    """What an operation or a fragment selects, the fragments that it spreads left open. `at` has their depths."""

    sums: Sums = field(default_factory=dict)
    at: dict[str, int] = field(default_factory=dict)
    spreads: dict[str, int] = field(default_factory=dict)
    depth: int = 0
    aliases: int = 0
    personal: bool = False

    def add(self, count: int, pages: tuple[Page, ...], fragment: str | None = None) -> None:
        """Count objects."""
        key = (pages, fragment)
        self.sums[key] = min(SATURATED, self.sums.get(key, 0) + count)


@dataclass(slots=True)
class _Fold:
    """What the fragments of a document cost: a number, or the number of the step that tells it."""

    constants: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    steps: list[tuple[Term, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Measure:
    """What was found. `costs` and `personal` (depends on who asks) are by the operation's name.

    `steps` tells how much there was to do.
    """

    errors: tuple[GraphQLError, ...]
    costs: Mapping[str | None, Cost]
    personal: Mapping[str | None, bool]
    steps: int


class _Place(NamedTuple):
    """A selection set to be visited: its type, the objects it is selected of, and how deep it is (None: no matter)."""

    selections: SelectionSetNode
    type: Any
    objects: int
    pages: tuple[Page, ...]
    depth: int | None


class Measurer:
    """Measures documents for one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._sizes = Sizes(schema)

    def measure(self, document: DocumentNode) -> Measure:
        """Measure a document."""
        return _Pass(self._schema, self._sizes).run(document)

    def is_personal(self, type_: Any, name: str) -> bool:
        """Whether a field of a type, or of one that implements it, depends on who asks."""
        return _is_personal(self._schema, type_, name)


def _is_personal(schema: GraphQLSchema, type_: Any, name: str) -> bool:
    kinds = [type_]
    if isinstance(type_, GraphQLInterfaceType):
        kinds += schema.get_implementations(type_).objects
    return any(_marked(kind.fields.get(name)) for kind in kinds if hasattr(kind, "fields"))


def _marked(of: GraphQLField | None) -> bool:
    definition = of.extensions.get(BACKREF) if of else None
    metadata = getattr(definition, "metadata", None) or {}
    return bool(metadata.keys() & DEPENDS_ON_ACTOR.keys())


class _Pass:
    def __init__(self, schema: GraphQLSchema, sizes: Sizes) -> None:
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
        fold = self._folded([(name, fragments[name]) for name in order])
        costs = {name: self._cost(node, found, fold) for name, (node, found) in operations.items()}
        personal = {name: found.personal for name, (_, found) in operations.items()}
        return Measure(tuple(self._faults(number, operations)), costs, personal, self._steps)

    def _faults(
        self, number: int, operations: Mapping[str | None, tuple[OperationDefinitionNode, _Definition]]
    ) -> Iterator[GraphQLError]:
        if number > MAX_OPERATIONS:
            yield too_large(f"The document has {number} operations, and may have {MAX_OPERATIONS}.")
        if self._repeated:
            yield too_large(f"A document selects an object under one name at most {MAX_REPEATED} times in one place.")
        for name, (_, found) in operations.items():
            if found.depth > MAX_DEPTH:
                yield too_large(f"'{name or 'anonymous'}' exceeds maximum operation depth of {MAX_DEPTH}.")
        aliases = sum(found.aliases for _, found in operations.values())
        if aliases > MAX_ALIASES:
            yield too_large(f"{aliases} aliases found. Allowed: {MAX_ALIASES}.")

    def _visit(self, selections: SelectionSetNode, type_: Any) -> _Definition:
        """Visit every selection of a definition once."""
        found = _Definition()
        places = [_Place(selections, type_, 1, (), 0)]
        while places:
            place = places.pop()
            spread: set[str] = set()
            names: dict[str, int] = {}
            for selection in _flat(place.selections, place.type, self._schema):
                self._steps += 1
                found.depth = max(found.depth, place.depth or 0)
                node, parent = selection
                if isinstance(node, FragmentSpreadNode):
                    name = node.name.value
                    if name not in spread:
                        spread.add(name)
                        found.add(place.objects, place.pages, name)
                        found.at[name] = max(found.at.get(name, 0), place.depth or 0)
                        found.spreads[name] = found.spreads.get(name, 0) + 1
                elif isinstance(node, FieldNode):
                    found.aliases += node.alias is not None
                    if node.selection_set is not None:
                        shown = (node.alias or node.name).value
                        names[shown] = names.get(shown, 0) + 1
                    below = self._field(found, place, node, parent)
                    if below is not None:
                        places.append(below)
            self._repeated = self._repeated or max(names.values(), default=0) > MAX_REPEATED
        return found

    def _field(self, found: _Definition, place: _Place, node: FieldNode, parent: Any) -> _Place | None:
        """Count a field, and return what is to be visited below it."""
        name = node.name.value
        of = self._schema.get_field(parent, name) if parent is not None and is_composite_type(parent) else None
        if of is not None and parent is not None and not found.personal:
            found.personal = _is_personal(self._schema, parent, name)
        if node.selection_set is None:
            return None
        depth = None if place.depth is None or name.startswith("__") else place.depth + 1
        if of is None:
            return _Place(node.selection_set, None, place.objects, place.pages, depth)
        named, count, pages = get_named_type(of.type), place.objects, place.pages
        if any(argument in of.args for argument in PAGES):
            found.add(count, pages)
            page = page_of(of, node)
            pages, count = (
                (pages, min(SATURATED, count * page.known)) if not page.variables else ((*pages, page), count)
            )
        else:
            count = min(SATURATED, count * self._size(of, node, parent))
            if named.name != "PageInfo":
                found.add(count, pages)
            count = min(SATURATED, count * REPEATED.get((parent.name, name), 1))
        return _Place(node.selection_set, named, count, pages, depth)

    def _size(self, of: GraphQLField, node: FieldNode, parent: Any) -> int:
        """Return how many objects a field has: the lists of a page are as long as the page, which counts already."""
        type_, size = get_nullable_type(of.type), 1
        while is_list_type(type_):
            if not parent.name.endswith("Connection"):
                size *= self._sizes.of(parent.name, node.name.value)
            type_ = get_nullable_type(type_.of_type)
        return size

    def _ordered(self, fragments: Mapping[str, _Definition]) -> Iterator[str]:
        """Yield fragments, each behind those that it spreads; where they go in a circle it is cut."""
        seen: set[str] = set()
        for first in fragments:
            stack: list[tuple[str, Iterator[str]]] = []
            if first not in seen:
                seen.add(first)
                stack.append((first, iter(tuple(fragments[first].spreads))))
            while stack:
                self._steps += 1
                name, rest = stack[-1]
                following = next(rest, None)
                if following is None:
                    stack.pop()
                    yield name
                elif following in fragments and following not in seen:
                    seen.add(following)
                    stack.append((following, iter(tuple(fragments[following].spreads))))

    def _close(self, found: _Definition, fragments: Mapping[str, _Definition]) -> None:
        """Add to a definition what the fragments have that it spreads, which were closed before it."""
        for name, times in found.spreads.items():
            self._steps += 1
            spread = fragments.get(name)
            if spread is not None:
                found.depth = min(SATURATED, max(found.depth, found.at[name] + spread.depth))
                found.aliases = min(SATURATED, found.aliases + times * spread.aliases)
                found.personal = found.personal or spread.personal

    def _folded(self, fragments: Iterable[tuple[str, _Definition]]) -> _Fold:
        """Return what fragments cost, each behind those that it spreads."""
        fold = _Fold()
        for name, found in fragments:
            terms = self._terms(found.sums, fold)
            if _is_constant(terms):
                fold.constants[name] = _total(terms)
            else:
                fold.numbers[name] = len(fold.steps)
                fold.steps.append(terms)
        return fold

    def _cost(self, operation: OperationDefinitionNode, found: _Definition, fold: _Fold) -> Cost:
        """Return the cost of an operation: a number, or the steps to it where variables matter."""
        terms = self._terms(found.sums, fold)
        if _is_constant(terms):
            return Cost(_total(terms))
        return Cost(None, (*fold.steps, terms), defaults_of(operation))

    def _terms(self, sums: Sums, fold: _Fold) -> tuple[Term, ...]:
        self._steps += len(sums)
        by_pages: dict[tuple[Page, ...], int] = {}
        terms = list[Term]()
        for (pages, name), count in sums.items():
            if name in fold.numbers:
                terms.append(Term(count, pages, fold.numbers[name]))
            else:
                value = count * (1 if name is None else fold.constants.get(name, 0))
                by_pages[pages] = min(SATURATED, by_pages.get(pages, 0) + value)
        return (*terms, *(Term(count, pages) for pages, count in by_pages.items()))


def _flat(selections: SelectionSetNode, type_: Any, schema: GraphQLSchema) -> Iterator[tuple[SelectionNode, Any]]:
    """Yield the fields and spreads of a selection set, and of the inline fragments in it, with what they are of."""
    rest: list[tuple[SelectionSetNode, Any]] = [(selections, type_)]
    while rest:
        found, of = rest.pop()
        for node in found.selections:
            if isinstance(node, InlineFragmentNode):
                on = node.type_condition
                rest.append((node.selection_set, schema.get_type(on.name.value) if on else of))
            else:
                yield node, of


def _is_constant(terms: Iterable[Term]) -> bool:
    return all(not term.pages and term.step is None for term in terms)


def _total(terms: Iterable[Term]) -> int:
    return min(SATURATED, sum(term.count for term in terms))
