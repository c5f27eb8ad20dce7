"""Where data goes as a picture: stations in columns, sure ways as lines, ways that depend on the event as dashes."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from assay.pipelines.configs.commands.answering import Edge, Graph, Node
from assay.web.layered import Measures, Point, laid_out
from assay.web.lettering import shortened

_COLUMNS = (
    ("input",),
    ("sourcetype",),
    ("props",),
    ("transform",),
    ("index", "queue", "output"),
    ("server",),
)
# Five columns of that stand beside each other on a screen of 1,280 pixels.
_MEASURES = Measures(width=160, between=44)
_INSET = 10
# Pixels; `configs.css` says the same.
_NAME_SIZE, _KIND_SIZE = 12.0, 10.5
# What such lines are called says nothing that their ends do not say.
_PLAIN = frozenset(("index", "sourcetype", "queue", "sends to"))


def picture(graph: Graph, address: Callable[[Node], str], chosen: str = "") -> Markup:
    """The graph, each station a link; nothing stands in it that has no place in the columns."""
    columns = [[key for key, node in graph.nodes.items() if node.kind in kinds] for kinds in _COLUMNS]
    edges = list(graph.edges)
    placed = laid_out(columns, [(edge.source, edge.target) for edge in edges], _MEASURES)
    parts = [_way(edge, points) for edge, points in zip(edges, placed.lines, strict=True)]
    reasons = {edge.target: edge.label for edge in reversed(edges) if edge.label not in _PLAIN}
    parts += [
        _station(node, placed.boxes[key], address(node), reasons.get(key, ""), is_chosen=key == chosen)
        for key, node in graph.nodes.items()
    ]
    return Markup(
        '<svg class="routes" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="group" '
        'aria-label="Where data goes, from left to right"><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="tip" d="M0 0.500 8 4 0 7.500z"/>'
        "</marker></defs>{2}</svg>"
    ).format(placed.width, placed.height, Markup().join(parts))


def _way(edge: Edge, points: Sequence[Point]) -> Markup:
    (x, y), *rest = points
    path = [f"M{x:.0f} {y:.1f}"]
    for step, (to_x, to_y) in enumerate(rest):
        if step % 2:
            path.append(f"L{to_x:.0f} {to_y:.1f}")
        else:
            bend = max(40.0, abs(to_x - x) / 2)
            path.append(f"C{x + bend:.0f} {y:.1f} {to_x - bend:.0f} {to_y:.1f} {to_x:.0f} {to_y:.1f}")
        x, y = to_x, to_y
    kind = "way possible" if edge.is_possible else "way"
    about = edge.label + (", depends on the event" if edge.is_possible else "")
    return Markup('<path class="{}" d="{}" marker-end="url(#tip)"><title>{}</title></path>').format(
        kind, " ".join(path), about
    )


def _station(node: Node, corner: Point, address: str, reason: str, *, is_chosen: bool) -> Markup:
    x, y = corner
    kind = f"station {node.kind}" + (" missing" if node.is_missing else "") + (" chosen" if is_chosen else "")
    caption = reason if node.kind == "transform" and reason else node.kind
    if node.is_missing:
        caption = f"no such {node.kind}"
    elif node.kind == "props" and reason:
        caption = f"props by {reason.removeprefix('matches ')}"
    about = f"{caption} {node.name}"
    room = _MEASURES.width - 2 * _INSET
    return Markup(
        '<a class="{}" href="{}"><title>{}</title>'
        '<rect x="{:.0f}" y="{:.0f}" width="{}" height="{}" rx="{}"/>'
        # A picture within the picture, which is cut at its edge if a font is wider than any that is known.
        '<svg x="{:.0f}" y="{:.0f}" width="{}" height="{}"><text class="kind" y="15">{}</text>'
        '<text y="31">{}</text></svg></a>'
    ).format(
        *(kind, address, about),
        *(x, y, _MEASURES.width, _MEASURES.height, 14 if node.kind in ("index", "server") else 4),
        *(x + _INSET, y, room, _MEASURES.height),
        shortened(caption, room / _KIND_SIZE),
        shortened(node.name, room / _NAME_SIZE),
    )
