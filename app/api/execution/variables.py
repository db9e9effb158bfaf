"""Variables that hold long lists of input objects, of which each is looked at once.

graphql-core walks the values of variables twice and looks each field of each object up again, and Strawberry then makes
objects of dicts: for a graph of 2,000 tasks half of what saving it costs. Here a function per input type, made once,
turns what was sent into the object that resolvers get. That is done for whole lists in which all is just as it should
be; graphql-core then sees an empty list in their place. Whatever is otherwise it coerces itself: errors have one way.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    type_from_ast,
)
from graphql.type import GraphQLBoolean, GraphQLID, GraphQLInt, GraphQLResolveInfoHelpers
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter

from app.api.execution.plain_inputs import PLAIN_INPUT, PlainInput

MANY = 20
"""Items from which on a list is long: shorter ones cost nothing."""
MAX_INT = 2**31 - 1
Read = Callable[[Any], Any]
"""Returns a value as resolvers get it; raises whatever it likes where it is not just as it should be."""


class UnplainError(Exception):
    """A value is not just as it should be, or a type not one of those that are known here."""


@dataclass(frozen=True, slots=True)
class Built:
    """A list that was made of a variable, or of a field of it."""

    variable: str
    field: str | None
    items: list[Any]


class VariablesExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, except for variables with long lists of input objects, and for what it holds."""

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        """What resolvers are given of the executor.

        Were it kept here, the executor would hold itself, and all that came with the operation, until the garbage
        collector comes by.
        """
        return GraphQLResolveInfoHelpers(gather=self.gather_async_work, track=self.track_async_work)

    @async_helpers.setter
    def async_helpers(self, _: GraphQLResolveInfoHelpers) -> None:
        pass

    @classmethod
    def build(  # noqa: PLR0917
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,
        context_value: Any = None,
        raw_variable_values: dict[str, Any] | None = None,
        operation_name: str | None = None,
        *args: Any,
        **others: Any,
    ) -> Any:
        """Build an executor, or return errors."""

        # What is suggested for a name takes the square of its length to find, and is not shown.
        others["hide_suggestions"] = True

        def build(given: Mapping[str, Any] | None) -> Any:
            values: Any = given
            return super(VariablesExecutor, cls).build(
                schema, document, root_value, context_value, values, operation_name, *args, **others
            )

        sent = raw_variable_values or {}
        built = [one for node in _variables(document, operation_name) for one in _built(schema, node, sent)]
        if not built:
            return build(raw_variable_values)
        made: list[GraphQLError] | VariablesExecutor = build(_without(sent, built))
        if isinstance(made, list):
            return build(raw_variable_values)
        _put_back(made, sent, built)
        return made


def _variables(document: DocumentNode, name: str | None) -> Iterator[VariableDefinitionNode]:
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and (name is None or (node.name and node.name.value == name)):
            yield from node.variable_definitions or ()


def _built(schema: GraphQLSchema, node: VariableDefinitionNode, sent: Mapping[str, Any]) -> Iterator[Built]:
    """Make what can be made of a variable."""
    name = node.variable.name.value
    value = sent.get(name)
    if isinstance(value, list):
        items = _items(_input_type(schema, node), value)
        if items is not None:
            yield Built(name, None, items)
    elif isinstance(value, dict) and any(
        isinstance(content, list) and len(content) >= MANY for content in value.values()
    ):
        type_ = _nullable(_input_type(schema, node))
        for field, content in value.items() if is_input_object_type(type_) else ():
            items = _items(type_.fields[field].type, content) if field in type_.fields else None
            if items is not None:
                yield Built(name, field, items)


def _input_type(schema: GraphQLSchema, node: VariableDefinitionNode) -> Any:
    return type_from_ast(schema, node.type)


def _nullable(type_: Any) -> Any:
    return type_.of_type if is_non_null_type(type_) else type_


def _items(type_: Any, value: object) -> list[Any] | None:
    """Return the items of a long list of input objects; None where graphql-core is to look at it."""
    of = _nullable(type_)
    if not isinstance(value, list) or len(value) < MANY or not is_list_type(of):
        return None
    item = _nullable(of.of_type)
    if not is_input_object_type(item):
        return None
    try:
        read = reader(of.of_type)
        return [read(one) for one in value]
    except Exception:
        return None


def _without(sent: Mapping[str, Any], built: list[Built]) -> dict[str, Any]:
    """Return variables with empty lists in place of those that were made."""
    left = dict(sent)
    for one in built:
        left[one.variable] = [] if one.field is None else left[one.variable] | {one.field: []}
    return left


def _put_back(executor: Any, sent: Mapping[str, Any], built: list[Built]) -> None:
    values = executor.variable_values
    for one in built:
        values.sources[one.variable] = values.sources[one.variable]._replace(value=sent[one.variable])
        if one.field is None:
            values.coerced[one.variable] = one.items
        else:
            values.coerced[one.variable][one.field] = one.items


@cache
def reader(type_: GraphQLInputType) -> Read:
    """Return what reads values of a type. Raises UnplainError where that is not known here."""
    if is_non_null_type(type_):
        return reader_of_present(type_.of_type)
    read = reader_of_present(type_)
    return lambda value: None if value is None else read(value)


@cache
def reader_of_present(type_: Any) -> Read:
    """Return what reads values of a type that are not null; it refuses null. Raises UnplainError."""
    if is_list_type(type_):
        return _reader_of_list(type_.of_type)
    if is_input_object_type(type_):
        return _reader_of_objects(type_)
    if is_enum_type(type_):
        return _reader_of_enum(type_)
    coerce: Read = type_.coerce_input_value
    exact = EXACT.get(type_)

    def read(value: Any) -> Any:
        if type(value) is exact:
            return value
        if value is None:
            raise UnplainError
        return coerce(value)

    def read_int(value: Any) -> Any:
        return value if type(value) is int and -MAX_INT <= value <= MAX_INT else read(value)

    return read_int if type_ is GraphQLInt else read


EXACT: Mapping[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""The types whose values, if they are of just this kind, stay as they are."""


def _reader_of_list(type_: GraphQLInputType) -> Read:
    read = reader(type_)
    exact = EXACT.get(_nullable(type_))

    def read_list(value: Any) -> list[Any]:
        if value is None:
            raise UnplainError
        if type(value) is not list:
            return [read(value)]
        if exact is not None and set(map(type, value)) <= {exact}:
            return value
        return [read(one) for one in value]

    return read_list


def _reader_of_enum(type_: GraphQLEnumType) -> Read:
    coerce: Read = type_.coerce_input_value
    return {name: coerce(name) for name in type_.values}.__getitem__


def _reader_of_objects(type_: GraphQLInputObjectType) -> Read:
    definition = type_.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    plain: PlainInput | None = getattr(definition.origin, PLAIN_INPUT, None)
    if plain is None or type_.is_one_of or plain.names.keys() != type_.fields.keys():
        raise UnplainError
    known = {name: _field(plain, name, field) for name, field in type_.fields.items()}
    of: Callable[..., Any] = definition.origin

    def read_object(value: Any) -> Any:
        if type(value) is not dict:
            raise UnplainError
        made = {}
        for name, content in value.items():
            python_name, exact, read = known[name]
            made[python_name] = content if type(content) is exact else read(content)
        return of(**made)

    return read_object


def _field(plain: PlainInput, name: str, field: GraphQLInputField) -> tuple[str, type | None, Read]:
    """Return what reads a field, which has the same default in Python as in the schema, or none in either."""
    python_name = plain.names[name]
    found = next(one for one in fields(plain.type) if one.name == python_name)
    usual = found.default if found.default_factory is MISSING else found.default_factory()
    sent = coerce_default_value(field)
    if (usual is MISSING) is not is_required_input_field(field) or (sent is not Undefined and sent != usual):
        raise UnplainError
    return python_name, EXACT.get(_nullable(field.type)), reader(field.type)
