"""Loads YAML documents with the values of JSON, and numbers as JSON writes them.

Keys and times stay texts. An anchor may be defined again, as YAML allows. Aliases are expanded up to a limit.
"""

import math
import re
from collections.abc import Hashable
from typing import Any

import yaml
from yaml.constructor import ConstructorError

MAX_VALUES = 100_000
"""Values of one document, with those of each alias."""
_FLOAT = re.compile(
    r"""^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+
    |[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
_INT = re.compile(r"^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$")
FLOAT, INT, TIME = "tag:yaml.org,2002:float", "tag:yaml.org,2002:int", "tag:yaml.org,2002:timestamp"
MERGE, STR = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:str"
_RESOLVERS = {
    first: [(tag, pattern) for tag, pattern in patterns if tag not in (FLOAT, INT, TIME)]
    for first, patterns in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Loader(yaml.SafeLoader):
    """A YAML loader that refuses duplicate keys and numbers that are not finite."""

    yaml_implicit_resolvers = _RESOLVERS

    def construct(self, node: yaml.Node) -> Any:
        """Return the content of a document. Raises YAMLError."""
        if _size(node, {}) > MAX_VALUES:
            problem = f"it has more than {MAX_VALUES} values, with its aliases expanded"
            raise ConstructorError(None, None, problem, node.start_mark)
        return self.construct_document(node)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node, which may define an anchor again. Raises YAMLError."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(event.anchor, None)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return an object. Raises YAMLError for duplicate keys, and for keys that are not texts."""
        keys = set[str]()
        for key, _ in node.value:
            if key.tag == MERGE:
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise ConstructorError(None, None, "a key must be a text", key.start_mark)
            if key.value in keys:
                raise ConstructorError(None, None, f"the key “{key.value}” is there twice", node.start_mark)
            keys.add(key.value)
            key.tag = STR
        return super().construct_mapping(node, deep)

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """Return a text, with escaped surrogate pairs as one character. Raises YAMLError for a lone surrogate."""
        text = str(self.construct_scalar(node))
        try:
            return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise ConstructorError(None, None, "it contains a lone surrogate", node.start_mark) from None

    def construct_number(self, node: yaml.ScalarNode) -> float:
        """Return a number. Raises YAMLError if it is not finite."""
        number = self.construct_yaml_float(node)
        if not math.isfinite(number):
            raise ConstructorError(None, None, f"{node.value[:40]} is not a finite number", node.start_mark)
        return float(number)


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Return how many values a node has with expanded aliases. Raises YAMLError if it contains itself."""
    id_ = id(node)
    if sizes.get(id_) == 0:
        raise ConstructorError(None, None, "it contains itself", node.start_mark)
    if id_ not in sizes:
        sizes[id_] = 0
        children = node.value if isinstance(node, yaml.CollectionNode) else ()
        pairs = children if isinstance(node, yaml.MappingNode) else ((child,) for child in children)
        sizes[id_] = 1 + sum(_size(child, sizes) for pair in pairs for child in pair)
    return sizes[id_]


Loader.add_implicit_resolver(FLOAT, _FLOAT, list("-+0123456789."))
Loader.add_implicit_resolver(INT, _INT, list("-+0123456789"))
Loader.add_constructor(STR, Loader.construct_text)
Loader.add_constructor(FLOAT, Loader.construct_number)
