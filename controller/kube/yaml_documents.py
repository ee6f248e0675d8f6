"""YAML from strangers as JSON values: bounded, and refused in one way.

Used by manifests. libyaml reads the text; what it makes is composed here, node by node, so that nesting,
aliases and the number of values are bounded before anything is built: a bomb is refused while it is still a
few lines. What JSON cannot say (tags such as !!binary, .nan, a key that is a list) is an error with its line:
kubectl refuses it too, or would change it silently.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

from controller.parsing import MAX_DEPTH, MAX_DIGITS, finite_number

MAX_VALUES = 200_000
"""Values of one text, what aliases repeat included; the largest resource of an API server has fewer."""
_CORE = "tag:yaml.org,2002:"
TAGS: dict[type[Node], frozenset[str]] = {
    MappingNode: frozenset({f"{_CORE}map"}),
    SequenceNode: frozenset({f"{_CORE}seq"}),
    ScalarNode: frozenset(f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null", "merge")),
}
"""What JSON can say, by the form in which YAML writes it."""


class YamlError(ValueError):
    """The text is no YAML, or says what JSON cannot; `line` is 1-based."""

    def __init__(self, words: str, line: int) -> None:
        self.line = line
        super().__init__(words)


class Loader(Composer, CParser, SafeConstructor, Resolver):
    """Composes in Python what libyaml parses, and counts on the way. Dates stay text."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        self._depth, self._values = 0, 0
        self._sizes: dict[int, int] = {}
        """Values of a node that is complete, by its id."""

    def compose_node(self, parent: Node | None, index: Any) -> Node:
        """The next node. An alias counts as much as what it repeats."""
        line = _line_of(self.peek_event())
        if self.check_event(AliasEvent):
            return self._aliased(parent, index, line)
        before, self._depth = self._values, self._depth + 1
        self._count(1, line)
        if self._depth > MAX_DEPTH:
            raise YamlError(f"nested deeper than {MAX_DEPTH} levels", line)
        node = Composer.compose_node(self, parent, index)
        assert node is not None
        if node.tag not in TAGS[type(node)]:
            raise YamlError(
                f"has the tag {node.tag.removeprefix(_CORE)[:40]}, which JSON does not know", line
            )
        self._depth -= 1
        self._sizes[id(node)] = self._values - before
        return node

    def _aliased(self, parent: Node | None, index: Any, line: int) -> Node:
        node = Composer.compose_node(self, parent, index)
        assert node is not None
        if id(node) not in self._sizes:
            raise YamlError("an anchor holds itself", line)
        self._count(self._sizes[id(node)], line)
        return node

    def _count(self, more: int, line: int) -> None:
        self._values += more
        if self._values > MAX_VALUES:
            raise YamlError(f"has more than {MAX_VALUES} values; split it", line)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The object, its keys as texts: a key that is a number is one in JSON too."""
        self.flatten_mapping(node)
        made: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise YamlError("a key has to be a text", _line_of(key))
            made[str(key.value)] = self.construct_object(value, deep=deep)
        return made


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _line_of(place: Any) -> int:
    """The 1-based line of an event or a node."""
    return int(place.start_mark.line) + 1


def _number(loader: Loader, node: ScalarNode) -> int | float:
    """A number of JSON: no .nan, no .inf, none of thousands of digits."""
    text = str(node.value)
    is_whole = node.tag.endswith(":int")
    try:
        if len(text) > MAX_DIGITS:
            raise ValueError
        construct = SafeConstructor.construct_yaml_int if is_whole else SafeConstructor.construct_yaml_float
        number: int | float = construct(loader, node)
        if finite_number(number) is None:
            raise ValueError
    except (ValueError, OverflowError, IndexError):
        raise YamlError(f"{text[:40]!r} is no number of JSON", _line_of(node)) from None
    return number


def _boolean(loader: Loader, node: ScalarNode) -> bool:
    try:
        return SafeConstructor.bool_values[str(node.value).lower()]
    except KeyError:
        raise YamlError(f"{str(node.value)[:40]!r} is no boolean", _line_of(node)) from None


def _null(loader: Loader, node: Node) -> None:
    return None


for _name, _construct in (("int", _number), ("float", _number), ("bool", _boolean), ("null", _null)):
    Loader.add_constructor(f"{_CORE}{_name}", _construct)  # type: ignore[type-var]


def read_documents(text: str) -> Iterator[tuple[Node, Any]]:
    """(node, JSON value) of each document. Raises YamlError."""
    loader: Loader | None = None
    try:
        loader = Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            yield node, loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(str(error.problem or error.context), mark.line + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:
        raise YamlError(f"{error.reason}, at character {error.position + 1}", 1) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlError(str(error), 1) from None
    finally:
        if loader is not None:
            loader.dispose()
