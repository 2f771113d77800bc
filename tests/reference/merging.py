"""Merging data of two members, as seed 002 says in member.merge (data_rule): a plain model.

Written from the specification; shares no code with the core. Documents are trees of
`reference.json_tree`, which keep the order of keys and numbers as they were written.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = ["Rule", "merge"]


class Missing(Enum):
    """There is nothing at a path; an enum, so that copies are the same."""

    MISSING = 0


MISSING = Missing.MISSING


@dataclass(frozen=True)
class Rule:
    """A data rule with the defaults of the seed."""

    level: int = 2
    has_miss: str = "SET"
    has_has: str = "NONE"
    miss_has: str = "NONE"
    # Path of names to its own mode.
    keys: dict[tuple[str, ...], str] = field(default_factory=dict)


def merge(receiver: dict[str, Any], source: dict[str, Any], rule: Rule) -> tuple[Any, Any]:
    """Returns the receiver and the source after the merge."""
    ours, theirs = deepcopy(receiver), deepcopy(source)
    for path in _places(receiver, source, rule.level):
        mode = _mode(receiver, source, path, rule)
        _apply(ours, theirs, (receiver, source), path, mode)
    for path, mode in rule.keys.items():
        # Whatever the default modes did to the key, what counts is what it was before.
        kept, left = _own(_get(receiver, path), _get(source, path), mode)
        _put(ours, path, kept)
        _put(theirs, path, left)
    return ours, theirs


def _places(receiver: Any, source: Any, level: int) -> list[tuple[str, ...]]:
    """Returns the paths that are compared: those of the receiver, then those of the source only."""
    if level == 0:
        return [()]
    found: list[tuple[str, ...]] = []

    def walk(path: tuple[str, ...], ours: Any, theirs: Any) -> None:
        sides = [side for side in (ours, theirs) if side is not MISSING]
        if len(path) == level or not all(isinstance(side, dict) for side in sides):
            found.append(path)
            return
        names = [*(ours if ours is not MISSING else {})]
        names += [name for name in (theirs if theirs is not MISSING else {}) if name not in names]
        if not names:
            found.append(path)
        for name in names:
            walk(
                (*path, name),
                MISSING if ours is MISSING else ours.get(name, MISSING),
                MISSING if theirs is MISSING else theirs.get(name, MISSING),
            )

    walk((), receiver, source)
    return [path for path in found if path]


def _mode(receiver: Any, source: Any, path: tuple[str, ...], rule: Rule) -> str:
    has, had = _get(source, path) is not MISSING, _get(receiver, path) is not MISSING
    sides = [side for side in (_get(source, path), _get(receiver, path)) if side is not MISSING]
    if 0 < len(path) < rule.level and all(side == {} for side in sides):
        # An object without keys has none to compare; it comes along with what is copied.
        return "NONE" if not has or had or rule.has_miss == "NONE" else "SET"
    if has and had:
        return rule.has_has
    if has:
        return rule.has_miss
    return rule.miss_has


def _own(receiver: Any, source: Any, mode: str) -> tuple[Any, Any]:
    """Returns what both have of a key with a mode of its own."""
    if source is MISSING:
        return (MISSING if mode == "DELETE" else receiver), MISSING
    if mode == "DELETE":
        return MISSING, source
    if mode == "MERGE" and receiver is not MISSING:
        return _joined(receiver, source), source
    if mode == "NONE":
        return receiver, source
    return source, (MISSING if mode == "MOVE" else source)


def _apply(
    ours: Any, theirs: Any, former: tuple[Any, Any], path: tuple[str, ...], mode: str
) -> None:
    receiver, source = (_get(tree, path) for tree in former)
    if mode in {"SET", "MOVE"}:
        _put(ours, path, deepcopy(source))
    if mode == "MOVE":
        _put(theirs, path, MISSING)
    if mode == "DELETE":
        _put(ours, path, MISSING)
    if mode == "MERGE":
        _put(ours, path, _joined(receiver, source))


def _joined(receiver: Any, source: Any) -> Any:
    if isinstance(receiver, dict) and isinstance(source, dict):
        return deepcopy(receiver) | deepcopy(source)
    if isinstance(receiver, list) and isinstance(source, list):
        return deepcopy(receiver) + deepcopy(source)
    return deepcopy(source)


def _get(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(tree, dict) or name not in tree:
            return MISSING
        tree = tree[name]
    return tree


def _put(tree: Any, path: tuple[str, ...], value: Any) -> None:
    if not path:
        tree.clear()
        tree.update({} if value is MISSING else value)
        return
    *above, last = path
    for name in above:
        if value is MISSING and not isinstance(tree.get(name), dict):
            return
        if tree.get(name) is None:
            tree[name] = {}
        tree = tree[name]
    if value is MISSING:
        tree.pop(last, None)
    else:
        tree[last] = deepcopy(value)
