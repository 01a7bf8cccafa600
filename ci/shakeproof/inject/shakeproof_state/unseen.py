"""What hangs on the globals of the project and was not compared, or not as a whole: said in a few words."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List

from .cached import entries
from .graph import MOST_PARTS, Graph, Node
from .raw import bases, class_dict, instance_dict
from .slots import CACHE, INSTANCE
from .words import type_name

MOST_NAMED = 3


def unseen(graph: Graph, most_nodes: int) -> List[str]:
    """List it, a sentence for each kind, with the first few by name."""
    found = []
    if len(graph) >= most_nodes:
        found.append(
            "more than {:,} objects hang on the project's globals: the others were not compared".format(
                most_nodes
            )
        )
    large = "of {} only the first {:,} items were compared"
    found += _said(large, (node for node in graph.values() if node.is_partial), MOST_PARTS)
    opaque = "the inside of {} was not compared: only its type could tell what it holds"
    found += _said(opaque, _opaque(graph), kind=True)
    closed = "the results that {} holds were not compared: there are too many, or Python does not show them"
    return found + _said(
        closed,
        (node for node in graph.values() if node.slots is CACHE and entries(node.owner) is None),
    )


def _said(sentence: str, nodes: Iterable[Node], *more: Any, kind: bool = False) -> List[str]:
    all_of_them = sorted(
        "{} ({})".format(each.path, type_name(type(each.owner))) if kind else each.path
        for each in nodes
    )
    if not all_of_them:
        return []
    named = ", ".join(all_of_them[:MOST_NAMED])
    others = len(all_of_them) - MOST_NAMED
    return [sentence.format(named + (" and {:,} more".format(others) if others > 0 else ""), *more)]


def _opaque(graph: Graph) -> Iterator[Node]:
    """Find the objects of types written in C that can change: by custom those have no hash. Arrays, for one."""
    for key, node in graph.items():
        if (
            type(key) is int  # and not the second way in which an object is looked at
            and node.slots is INSTANCE
            and (key, 1) not in graph
            and instance_dict(node.owner) is None
            and _own(type(node.owner), "__hash__") is None
        ):
            yield node


def _own(kind: Any, name: str) -> Any:
    """Give an attribute of a class, or of those it inherits from, as it stands there."""
    return next((class_dict(base)[name] for base in bases(kind) if name in class_dict(base)), None)
