"""What is deleted from a run's workspace, its report, the report's page and other files of JSON.

Lines of the plan and of what became of it keep their place and lose their content, so that a run that is exported again
is whole: the image counts as forgotten.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.images.page_marks import without
from airflow_provider_platerec_ocr.core.images.wanted import MASK
from airflow_provider_platerec_ocr.core.models import ReadStatus
from airflow_provider_platerec_ocr.dataset.layout.names import BAD_ROWS, OUTCOMES, SHARDS
from airflow_provider_platerec_ocr.storage.files import find_files, read_whole, relative, remove, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_platerec_ocr.core.images.wanted import Wanted
    from airflow_provider_platerec_ocr.storage.path import StoragePath

    Line = dict[str, Any]

_ADDED = "000-00000000-00000.jsonl"
"""Name of the outcomes that are added for planned images that had none."""
PAGE = ".html"
"""Ending of a report's page: names stand in it as HTML has them, so it is always looked into."""
CodesOf = "Callable[[str | None], list[str]]"


@dataclass(slots=True)
class TextsFound:
    """What of some files is to go."""

    items: int = 0
    """Lines, and texts within other files."""
    places: list[StoragePath] = field(default_factory=list)
    """Files that hold some."""
    fingerprints: set[str] = field(default_factory=set)
    versions: set[tuple[str, str, str | None]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Texts:
    """The files of JSON below one folder, and the pages beside them.

    :param codes_of: returns the codes of an answer's JSON text.
    :param pattern: regular expression that the files' names match; others are left alone.
    """

    folder: StoragePath
    codes_of: Callable[[str | None], list[str]]
    pattern: str = r".*"

    def find(self, wanted: Wanted) -> TextsFound:
        """Return what is about what is wanted."""
        return self._go(wanted, erase=False)

    def erase(self, wanted: Wanted) -> TextsFound:
        """Take it out, and return what it was."""
        return self._go(wanted, erase=True)

    def _go(self, wanted: Wanted, *, erase: bool) -> TextsFound:
        found = TextsFound()
        files = find_files(self.folder, self.pattern)
        rows: dict[str, set[int]] = {}
        about: dict[str, bytes] = {}
        for place in files:
            data = read_whole(place)
            if data is None:
                continue
            name = relative(place, self.folder)
            shard = _shard_of(name)
            if name.endswith(PAGE) or wanted.maybe_in(data):
                about[name] = data
                if shard:
                    rows.setdefault(shard, set()).update(self._rows(data, wanted, found))
        for place in files:
            name = relative(place, self.folder)
            mine = rows.get(_shard_of(name) or "", set())
            if name not in about and not mine:
                continue
            self._file(place, (wanted, mine), found, erase=erase)
        for shard, mine in rows.items() if erase else ():
            self._complete(shard, mine, files)
        return found

    def _rows(self, data: bytes, wanted: Wanted, found: TextsFound) -> Iterator[int]:
        """Yield the rows of the manifest whose lines are about it, and note what belongs to them."""
        for line in data.splitlines():
            item = _loaded(line)
            if item is not None and self._is_about(item, line, wanted) and isinstance(item.get("row"), int):
                if item.get("fingerprint"):
                    found.fingerprints.add(item["fingerprint"])
                if item.get("image") not in (None, MASK) and item.get("type"):
                    found.versions.add((item["type"], item["image"], item.get("image_version")))
                yield item["row"]

    def _is_about(self, item: Line, line: bytes, wanted: Wanted) -> bool:
        if item.get("fingerprint") in wanted.fingerprints or item.get("image_name") in wanted.images:
            return True
        if wanted.has_image(item.get("image"), item.get("image_version")) or wanted.in_text(line):
            return True
        if item.get("uri") in wanted.images:
            return True
        answer = item.get("answer")
        return bool(wanted.codes and answer) and any(map(wanted.has_code, self.codes_of(answer)))

    def _file(self, place: StoragePath, what: tuple[Wanted, set[int]], found: TextsFound, *, erase: bool) -> None:
        """Take what is wanted out of one file."""
        wanted, rows = what
        name = relative(place, self.folder)
        data = read_whole(place) or b""
        if _shard_of(name):
            new, number = _without_rows(data, rows)
        elif f"/{BAD_ROWS}/" in f"/{name}":
            new, number = self._without_lines(data, wanted)
        elif name.endswith(PAGE):
            page, number = without(data.decode("utf-8", "replace"), wanted)
            new = page.encode()
        elif name.endswith((".json", ".sweep")):
            new, number = self._masked(data, wanted)
        else:  # half-written, or staged by an export that was killed
            new, number = b"", 1
        if not number:
            return
        found.items += number
        found.places.append(place)
        if not erase:
            return
        if new or name.endswith((".jsonl", ".json", ".sweep", PAGE)):
            write_whole(place, new)
        else:
            remove(place)

    def _without_lines(self, data: bytes, wanted: Wanted) -> tuple[bytes, int]:
        lines = data.splitlines(keepends=True)
        kept = [line for line in lines if not self._is_about(_loaded(line) or {}, line, wanted)]
        return b"".join(kept), len(lines) - len(kept)

    def _masked(self, data: bytes, wanted: Wanted) -> tuple[bytes, int]:
        """Return a JSON file in which no text says it any more, and lists of outcomes have none of it."""
        try:
            content = json.loads(data)
        except ValueError:
            return data, 0
        count = [0]

        def masked(item: Any) -> Any:
            if isinstance(item, dict):
                return {masked(key): masked(value) for key, value in item.items()}
            if isinstance(item, list):
                kept = [each for each in item if not (_is_outcome(each) and self._is_about(each, _line(each), wanted))]
                count[0] += len(item) - len(kept)
                return [masked(each) for each in kept]
            if isinstance(item, str):
                new = wanted.masked(item)
                count[0] += new != item
                return new
            return item

        new = masked(content)
        return (json.dumps(new, indent=1, ensure_ascii=False).encode(), count[0]) if count[0] else (data, 0)

    def _complete(self, shard: str, rows: set[int], files: list[StoragePath]) -> None:
        """See to it that each row that was taken out of a shard has an outcome, which says so."""
        folder = shard.rpartition("/")[0]
        index = shard.rpartition("/")[2]
        root = f"{folder}/" if folder else ""
        known: set[int] = set()
        planned: set[int] = set()
        for place in files:
            name = relative(place, self.folder)
            if _shard_of(name) == shard:
                lines = (_loaded(line) or {} for line in (read_whole(place) or b"").splitlines())
                (known if f"/{OUTCOMES}/" in f"/{name}" else planned).update(
                    line["row"] for line in lines if isinstance(line.get("row"), int)
                )
        missing = sorted((rows & planned) - known)
        if missing:
            data = b"".join(_forgotten({"row": row, "type": "?"}) for row in missing)
            write_whole(self.folder / f"{root}{OUTCOMES}/{index}/{_ADDED}", data)


def _shard_of(name: str) -> str:
    """Return the run and the shard that a file of a workspace is of, empty where it is of none."""
    parts = name.split("/")
    if not name.endswith(".jsonl"):
        return ""
    if SHARDS in parts[:-1]:
        return "/".join([*parts[: parts.index(SHARDS)], parts[-1].removesuffix(".jsonl")])
    if OUTCOMES in parts[:-2]:
        return "/".join([*parts[: parts.index(OUTCOMES)], parts[-2]])
    return ""


def _without_rows(data: bytes, rows: set[int]) -> tuple[bytes, int]:
    lines, number = [], 0
    for line in data.splitlines(keepends=True):
        item = _loaded(line)
        if item is not None and item.get("row") in rows and item.get("image") != MASK:
            number += 1
            lines.append(_forgotten(item))
        else:
            lines.append(line)
    return b"".join(lines), number


def _forgotten(item: Line) -> bytes:
    """Return what stands for an image in a plan, and for what became of it: each reads what it knows of it."""
    line = {"row": item["row"], "image": MASK, "type": item.get("type") or "?", "status": ReadStatus.FORGOTTEN.value}
    return _line(line | ({"at": item["at"]} if item.get("at") else {})) + b"\n"


def _is_outcome(item: Any) -> bool:
    return isinstance(item, dict) and {"row", "image", "status"} <= item.keys()


def _line(item: Any) -> bytes:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _loaded(line: bytes) -> Line | None:
    try:
        item = json.loads(line)
    except ValueError:
        return None
    return item if isinstance(item, dict) else None
