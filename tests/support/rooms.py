"""The rooms of the package as their imports draw them; run as a script, it writes the picture of the architecture page.

``python tests/support/rooms.py`` rewrites what stands between the marks in ``docs/explanation/architecture.md``; a test
holds that it is what the imports say today.
"""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "airflow_provider_platerec_ocr"
SOURCE = Path(__file__).parents[2] / PACKAGE
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "architecture.md"
BEGIN, END = "<!-- rooms: made by tests/support/rooms.py -->\n", "<!-- end of rooms -->"
FILES = sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return what a file of the package is called in a list of them."""
    return path.relative_to(SOURCE).as_posix()


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return all that a file's source consists of; many rules ask, and each file is read once."""
    return tuple(ast.walk(ast.parse(path.read_text())))


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Return the dotted names that a file imports anywhere, type hints included."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def room_named(dotted: str) -> str:
    """Return the room that a dotted name of this package (without its first part) is in."""
    parts = dotted.split(".")
    within = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in within if SOURCE.joinpath(*name.split(".")).is_dir()), parts[0])


def room_of(path: Path) -> str:
    """Return the room that a file is in."""
    return room_named(".".join(path.relative_to(SOURCE).with_suffix("").parts))


def our_rooms(path: Path) -> set[str]:
    """Return the rooms that a file imports from, its own not among them."""
    ours = (name.removeprefix(f"{PACKAGE}.") for name in imports_of(path) if name.startswith(f"{PACKAGE}."))
    return {"__init__" if name.startswith("__") else room_named(name) for name in ours} - {room_of(path)}


def rooms_below() -> dict[str, set[str]]:
    """Return, for each room, those that it imports from."""
    below: dict[str, set[str]] = {}
    for path in FILES:
        below.setdefault(room_of(path), set()).update(our_rooms(path))
    return below


def sizes() -> Counter[str]:
    """Return the files of each room."""
    return Counter(room_of(path) for path in FILES if path.name != "__init__.py" and path.parent != SOURCE)


def modules() -> list[str]:
    """Return the modules that stand in no room, at the package's top."""
    return [path.stem for path in FILES if path.parent == SOURCE and path.name != "__init__.py"]


def picture() -> str:
    """Return the floors of the house, top first: what is drawn stands above all that it imports from."""
    below, files = rooms_below(), sizes()
    drawn = {name for name in below if files[name]} | set(modules())
    floors: dict[str, int] = {}
    for name in TopologicalSorter(below).static_order():
        floors[name] = 1 + max((floors[under] for under in below.get(name, ()) if under != "__init__"), default=-1)
    lines = ["```text"]
    for floor in sorted({floors[name] for name in drawn}, reverse=True):
        for name in sorted(name for name in drawn if floors[name] == floor):
            label, size = (name, files[name]) if files[name] else (f"{name}.py", "")
            lines.append(f"{floor:>2}  {label:<19} {size:>2}  {' '.join(sorted(below[name] & drawn))}".rstrip())
    return "\n".join([*lines, "```\n"])


def page_with(text: str) -> str:
    """Return the architecture page with ``text`` between its marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + text + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page_with(picture()))
