"""Patterns for names and paths, as people write them: of what a listing leaves out, and of a manifest that is a glob.

Two languages, since they answer two questions. A *filter* says which files are meant, wherever they lie: without a
slash it is the name of a file or of a folder, with one it is a path, in which ``*`` takes slashes as well. A *glob*
walks down: each part of it stands for one folder, and ``**`` for any number of them.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_FIXED = re.compile(r"(?:[^*?\[]|\[[*?\[]\])*")
_ONE_SIGN = re.compile(r"\[([*?\[])\]")
"""How a pattern says ``[``, ``*`` or ``?`` itself, which the names of folders may have."""
_PIECES = re.compile(r"(\*+/?|\?|\[!?\]?[^\]/]*\])")
_SET_SIGNS = re.compile(r"([\\\[\]&~|^]|-(?=-))")
"""What means something else within a set of a regular expression than in one of a pattern."""
_ESCAPED = r"\\\1"


def plain(text: str) -> str:
    """Return a name or a path in the form in which patterns look at it: accents are one character with their letter."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _translated(pattern: str, star: str, sign: str) -> str:
    """Return a pattern as a regular expression; ``**/`` stands for no folder, too."""
    found = []
    for index, piece in enumerate(_PIECES.split(plain(pattern))):
        if not index % 2:
            found.append(re.escape(piece))
        elif piece == "?":
            found.append(sign)
        elif piece[0] == "[":
            found.append(_one_of(piece))
        elif piece[-1] == "/":
            found.append("(?:.*/)?" if piece != "*/" else f"{star}/")
        else:
            found.append(star)
    return "".join(found)


def _one_of(piece: str) -> str:
    """Return ``[abc]`` or ``[!abc]`` as a regular expression; what cannot be one is meant as it is written."""
    body = piece[1:-1]
    start, body = ("[^", body[1:]) if body.startswith("!") else ("[", body)
    expression = f"{start}{_SET_SIGNS.sub(_ESCAPED, body)}]"
    try:
        re.compile(expression)
    except re.error:
        return re.escape(piece)
    return expression


def _compiled(expressions: Iterable[str]) -> Callable[[str], object] | None:
    """Return what tells whether one of the expressions is the whole of a text; case does not count."""
    joined = "|".join(f"(?:{each})" for each in expressions)
    return re.compile(joined, re.IGNORECASE | re.DOTALL).fullmatch if joined else None


def any_name(patterns: Iterable[str]) -> Callable[[str], object]:
    """Return what tells whether a bare name is one that a pattern stands for."""
    found = _compiled(_translated(each, ".*", ".") for each in patterns)
    return found if found is not None else lambda _: None


class Filter:
    """A set of patterns that name files and folders; case does not count.

    ``thumbs`` and ``*_small.jpg`` are the name of a file or of a folder, wherever it lies; ``thumbs/`` of a folder
    alone; ``gate1/*.png`` a path from the manifest's folder on. What names a folder names all in it.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        names: list[str] = []
        paths: list[str] = []
        folder_names: list[str] = []
        folder_paths: list[str] = []
        for text in patterns:
            pattern = text.removeprefix("./")
            is_path = "/" in pattern.rstrip("/")
            bare = pattern.strip("/")
            if not bare:
                continue
            expression = _translated(bare, ".*", "[^/]" if is_path else ".")
            if pattern[-1] == "/":
                (folder_paths if is_path else folder_names).append(expression)
            else:
                (paths if is_path else names).append(expression)
        self._name, self._path = _compiled(names), _compiled(paths)
        self._folder_name, self._folder_path = _compiled(names + folder_names), _compiled(paths + folder_paths)

    def __bool__(self) -> bool:
        """Return whether there is any pattern."""
        return bool(self._folder_name or self._folder_path)

    def names_file(self, path: str) -> bool:
        """Return whether a pattern names this file itself, by its path from the manifest's folder on."""
        return _is_named(plain(path), self._name, self._path)

    def names_folder(self, path: str) -> bool:
        """Return whether a pattern names this folder itself."""
        return _is_named(plain(path), self._folder_name, self._folder_path)

    def holds_folder(self, path: str) -> bool:
        """Return whether a pattern names this folder or one around it."""
        return any(map(self.names_folder, folders_of(path)))


def _is_named(path: str, name: Callable[[str], object] | None, whole: Callable[[str], object] | None) -> bool:
    return bool((name and name(path.rpartition("/")[2])) or (whole and whole(path)))


def folders_of(path: str) -> Iterator[str]:
    """Yield a folder's path and those of the folders around it, from the outermost on; none for no path."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
    if path:
        yield path


class Glob:
    """A glob, as a path from its fixed folder on: ``*``, ``?`` and ``[…]`` within a part, ``**`` for any folders."""

    def __init__(self, pattern: str) -> None:
        self.parts = tuple(pattern.split("/"))
        """As they are written."""
        self._parts = [re.compile(_translated(part, "[^/]*", "[^/]"), re.DOTALL) for part in self.parts]
        spelled = ["(?:.+/)?" if part == "**" else _translated(part, "[^/]*", "[^/]") + "/" for part in self.parts]
        spelled[-1] = ".+" if self.parts[-1] == "**" else spelled[-1][:-1]
        self.matches = re.compile("".join(spelled), re.DOTALL).fullmatch
        """Whether a path from the fixed folder on is one that is meant."""

    def enters(self, folder: str) -> bool:
        """Return whether something that is meant may lie below a folder."""
        for level, name in enumerate(folder.split("/")):
            if self.parts[level] == "**":
                return True
            if level >= len(self.parts) - 1 or not self._parts[level].fullmatch(name):
                return False
        return True


def cut_glob(path: str) -> tuple[str, str]:
    """Return the fixed folder of a glob, ``/`` at the least where it begins there, and what comes after it.

    ``/yard [[]north]/*.csv`` lies in the folder ``/yard [north]``, and in none above it.
    """
    fixed = _FIXED.match(path)
    at = fixed[0].rfind("/") if fixed else -1
    return _ONE_SIGN.sub(r"\1", path[: at if at > 0 else at + 1]), path[at + 1 :]
