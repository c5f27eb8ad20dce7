"""Where data goes: from inputs through props and transforms to indexes, queues and outputs, as a graph.

What a transform does depends on the event, so its edges are possible ones and are labelled so. Order and strength are
those of props.conf.spec: `TRANSFORMS-<class>` in ASCII order of the class, `RULESET-` after them; `_TCP_ROUTING` of an
input beats `defaultGroup` (outputs.conf.spec).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from assay.domain.splunk.conf import DEFAULT
from assay.domain.splunk.layers import Effective
from assay.domain.splunk.patterns import PropsName, matches, props_name
from assay.pipelines.configs.rules.projecting import as_flag

_TRANSFORMED = ("TRANSFORMS", "RULESET")
# Matches "monitor:///var/log/messages" and "udp://514".
_INPUT = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*://")
_INTERNAL_INDEXES = "_"
_BETWEEN = frozenset(("sourcetype", "props"))
# The ways of an input that lead past them.
_SENT = frozenset(("index", "sends to"))


@dataclass(frozen=True, slots=True)
class Node:
    """One station. `is_missing`: something refers to it and nothing defines it."""

    id: str
    kind: str
    name: str
    app: str = ""
    path: str = ""
    line: int = 0
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one station to the next; `is_possible` where it depends on the event."""

    source: str
    target: str
    label: str
    is_possible: bool = False


@dataclass(slots=True)
class Graph:
    """Stations by id, and the ways between them in the order in which they were found.

    What is around a sourcetype or a stanza of props.conf is also where its inputs send what no transform reroutes.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[Edge, None] = field(default_factory=dict)

    def around(self, text: str, kind: str = "") -> "Graph":
        """What leads to the stations (of a kind) in whose name a text occurs, and where one gets from there."""
        return self._around(
            {
                key
                for key, node in self.nodes.items()
                if text.lower() in node.name.lower() and kind in ("", node.kind)
            }
        )

    def at(self, station: str) -> "Graph":
        """What leads to one station, and where one gets from there; nothing where there is no such station."""
        return self._around(self.nodes.keys() & {station})

    def _around(self, wanted: set[str]) -> "Graph":
        before = _reached(wanted, ((edge.target, edge.source) for edge in self.edges))
        # What has a sourcetype goes where its input sends it, unless a transform says otherwise.
        sent = before if any(self.nodes[key].kind in _BETWEEN for key in wanted) else set()
        ways = {edge.target for edge in self.edges if edge.source in sent and edge.label in _SENT}
        kept = before | _reached(wanted | ways, ((edge.source, edge.target) for edge in self.edges))
        return Graph(
            {key: node for key, node in self.nodes.items() if key in kept},
            {edge: None for edge in self.edges if edge.source in kept and edge.target in kept},
        )


def _reached(start: set[str], ways: Iterable[tuple[str, str]]) -> set[str]:
    onward: dict[str, list[str]] = {}
    for source, target in ways:
        onward.setdefault(source, []).append(target)
    found, todo = set(start), list(start)
    while todo:
        for target in onward.get(todo.pop(), ()):
            if target not in found:
                found.add(target)
                todo.append(target)
    return found


class Routing:
    """Builds the graph of four effective configurations and of the indexes that there are."""

    def __init__(self, confs: Mapping[str, Effective]) -> None:
        nothing = Effective("", {})
        self._inputs = confs.get("inputs", nothing)
        self._props = confs.get("props", nothing)
        self._transforms = confs.get("transforms", nothing)
        self._outputs = confs.get("outputs", nothing)
        self._indexes = confs.get("indexes", nothing)
        self.graph = Graph()
        self._names = [(name, props_name(name)) for name in self._props.stanzas if name != DEFAULT]
        self._patterns = [pair for pair in self._names if pair[1].kind in ("source", "host")]

    def build(self) -> Graph:
        """Everything from every enabled input on."""
        for name in self._inputs.stanzas:
            if _INPUT.match(name) and as_flag(self._inputs.value(name, "disabled"), False) is not True:
                self._input(name)
        return self.graph

    def _input(self, name: str) -> None:
        stanza = self._inputs.stanzas[name]
        here = self._node("input", name, path=stanza.path, line=stanza.line)
        sourcetype = self._inputs.value(name, "sourcetype")
        index = self._inputs.value(name, "index", "default")
        self._link(here, self._index("main" if index == "default" else index), "index")
        if sourcetype:
            there = self._node("sourcetype", sourcetype)
            self._link(here, there, "sourcetype")
        for props, matched in self._matching(name, sourcetype):
            there = self._props_node(props)
            self._link(here, there, f"matches {matched.kind}", is_possible=matched.kind != "sourcetype")
            self._transform_all(props, there)
        self._outputs_of(name, here)

    def _matching(self, name: str, sourcetype: str) -> Iterator[tuple[str, PropsName]]:
        source = self._inputs.value(name, "source") or name.partition("://")[2]
        host = self._inputs.value(name, "host")
        values = {"source": source, "host": host}
        for stanza, one in self._patterns:
            value = values[one.kind]
            if value and matches(one, value):
                yield stanza, one
                # A stanza for a source may give the sourcetype, whose own stanza then applies as well.
                sourcetype = sourcetype or self._props.value(stanza, "sourcetype")
        if sourcetype and sourcetype in self._props.stanzas and sourcetype != DEFAULT:
            yield sourcetype, PropsName("sourcetype", sourcetype)

    def _props_node(self, name: str) -> str:
        stanza = self._props.stanzas[name]
        return self._node("props", name, path=stanza.path, line=stanza.line)

    def _transform_all(self, props: str, here: str) -> None:
        for family in _TRANSFORMED:
            classes = self._props.expanded(props)
            for key in sorted(key for key in classes if key.startswith(f"{family}-") or key == family):
                for transform in _parts(classes[key].value):
                    self._transform(transform, here, key)

    def _transform(self, name: str, props: str, label: str) -> None:
        stanza = self._transforms.stanzas.get(name)
        if stanza is None:
            self._link(props, self._node("transform", name, is_missing=True), label)
            return
        here = self._node("transform", name, path=stanza.path, line=stanza.line)
        self._link(props, here, label)
        says = self._transforms.value(name, "FORMAT").strip()
        regex = self._transforms.value(name, "REGEX")
        # `REGEX = .` matches every event that is not empty.
        is_possible = regex not in (".", ".*", "(.)", "")
        match self._transforms.value(name, "DEST_KEY"):
            case "_MetaData:Index" if says:
                self._link(here, self._index(says), "index", is_possible=is_possible)
            case "queue" if says:
                self._link(here, self._node("queue", says), "queue", is_possible=is_possible)
            case "_TCP_ROUTING":
                self._groups(here, says, "tcpout", is_possible=is_possible)
            case "_SYSLOG_ROUTING":
                self._groups(here, says, "syslog", is_possible=is_possible)
            case "MetaData:Sourcetype" if says:
                name = says.removeprefix("sourcetype::")
                self._link(here, self._node("sourcetype", name), "sourcetype", is_possible=is_possible)

    def _outputs_of(self, name: str, here: str) -> None:
        own = self._inputs.value(name, "_TCP_ROUTING")
        said = own if own and own != "*" else self._outputs.value("tcpout", "defaultGroup")
        self._groups(here, said, "tcpout", is_possible=False)
        self._groups(here, self._inputs.value(name, "_SYSLOG_ROUTING"), "syslog", is_possible=False)

    def _groups(self, here: str, said: str, kind: str, *, is_possible: bool) -> None:
        for group in _parts(said):
            name = f"{kind}:{group}"
            stanza = self._outputs.stanzas.get(name)
            if stanza is None:
                there = self._node("output", name, is_missing=True)
            else:
                there = self._node("output", name, path=stanza.path, line=stanza.line)
                for server in _parts(self._outputs.value(name, "server")):
                    self._link(there, self._node("server", server), "sends to")
            self._link(here, there, "sends to", is_possible=is_possible)

    def _index(self, name: str) -> str:
        stanza = self._indexes.stanzas.get(name)
        if stanza is None:
            is_known = name == "main" or name.startswith(_INTERNAL_INDEXES) or "$" in name
            return self._node("index", name, is_missing=not is_known and bool(self._indexes.stanzas))
        return self._node("index", name, path=stanza.path, line=stanza.line)

    def _node(self, kind: str, name: str, *, path: str = "", line: int = 0, is_missing: bool = False) -> str:
        key = f"{kind}:{name}"
        if key not in self.graph.nodes:
            self.graph.nodes[key] = Node(key, kind, name, path=path, line=line, is_missing=is_missing)
        return key

    def _link(self, source: str, target: str, label: str, *, is_possible: bool = False) -> None:
        self.graph.edges[Edge(source, target, label, is_possible)] = None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_SHAPES = {"input": "([{}])", "index": "[({})]", "queue": "[/{}/]", "output": "[[{}]]", "server": "(({}))"}


def mermaid(graph: Graph) -> str:
    """The graph as Mermaid draws it; possible ways are dotted, what is missing has a class of its own."""
    numbers = {key: f"n{place}" for place, key in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for key, node in graph.nodes.items():
        shape = _SHAPES.get(node.kind, "[{}]").format(f'"{_quoted(node.kind)}: {_quoted(node.name)}"')
        lines.append(f"  {numbers[key]}{shape}" + (":::missing" if node.is_missing else ""))
    for edge in graph.edges:
        arrow = "-.->" if edge.is_possible else "-->"
        lines.append(f'  {numbers[edge.source]} {arrow}|"{_quoted(edge.label)}"| {numbers[edge.target]}')
    lines.append("  classDef missing stroke:#c00,stroke-dasharray:4")
    return "".join(f"{line}\n" for line in lines)


def _quoted(text: str) -> str:
    return "".join(
        char if char.isalnum() or char in " /._-:*,=@+" else f"#{ord(char)};" for char in text[:120]
    )
