"""YAML as declarations are written in it: what JSON can hold, and numbers as JSON spells them.

Keys are texts, as they are written. Times stay texts, which whoever wants a time reads. Anchors may be named again, as
YAML allows, and aliases stand for their contents, as long as all of it together is not too much.
"""

import math
import re
from collections.abc import Hashable
from typing import Any

import yaml
from yaml.constructor import ConstructorError

MAX_NODES = 100_000
"""Values of one document, those that aliases stand for counted each time."""
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
_OTHERS = {
    first: [(tag, form) for tag, form in forms if tag not in (FLOAT, INT, TIME)]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Loader(yaml.SafeLoader):
    """Plain YAML, in which a key that is there twice is a fault, and so is a number that is none."""

    yaml_implicit_resolvers = _OTHERS

    def whole(self, node: yaml.Node) -> Any:
        """Return what a document holds. Raises YAMLError."""
        if _size(node, {}) > MAX_NODES:
            fault = f"it has more than {MAX_NODES} values, with all that its aliases stand for"
            raise ConstructorError(None, None, fault, node.start_mark)
        return self.construct_document(node)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node; its anchor may have been that of another one before. Raises YAMLError."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(event.anchor, None)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return an object. Raises YAMLError for a key that is there twice, or is no text."""
        keys = set[str]()
        for key, _ in node.value:
            if key.tag == MERGE:
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise ConstructorError(None, None, "a key is a text", key.start_mark)
            if key.value in keys:
                raise ConstructorError(None, None, f"“{key.value}” is there twice", node.start_mark)
            keys.add(key.value)
            key.tag = STR
        return super().construct_mapping(node, deep)

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """Return a text; of escapes for the halves of a character the whole. Raises YAMLError for half of one."""
        text = str(self.construct_scalar(node))
        try:
            return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise ConstructorError(None, None, "it holds half a character", node.start_mark) from None

    def construct_number(self, node: yaml.ScalarNode) -> float:
        """Return a number. Raises YAMLError for one that is not finite."""
        found = self.construct_yaml_float(node)
        if not math.isfinite(found):
            raise ConstructorError(None, None, f"{node.value[:40]} is no number that can be kept", node.start_mark)
        return float(found)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node stands for. Raises YAMLError for one that holds itself."""
    id_ = id(node)
    if known.get(id_) == 0:
        raise ConstructorError(None, None, "it holds itself", node.start_mark)
    if id_ not in known:
        known[id_] = 0
        inner = node.value if isinstance(node, yaml.CollectionNode) else ()
        pairs = inner if isinstance(node, yaml.MappingNode) else ((one,) for one in inner)
        known[id_] = 1 + sum(_size(one, known) for pair in pairs for one in pair)
    return known[id_]


Loader.add_implicit_resolver(FLOAT, _FLOAT, list("-+0123456789."))
Loader.add_implicit_resolver(INT, _INT, list("-+0123456789"))
Loader.add_constructor(STR, Loader.construct_text)
Loader.add_constructor(FLOAT, Loader.construct_number)
