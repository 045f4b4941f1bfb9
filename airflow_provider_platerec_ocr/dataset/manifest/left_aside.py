"""What a folder or a glob had beside its images, counted by kind, so that nothing is left out without a word."""

from __future__ import annotations

from collections import Counter

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.images.sieve import Kind
from airflow_provider_platerec_ocr.core.redact import shorten
from airflow_provider_platerec_ocr.core.saying.counts import count_of

LINKED = "linked_folders"
"""Links to folders whose images are taken under another name."""
OUTSIDE = "links_outside_roots"
"""Links to folders that lie outside of the allowed roots."""
NOWHERE = "links_to_nowhere"
"""Links whose target is gone."""
SUBFOLDERS = "subfolders"
"""Folders below one that is to be read without them."""
FOLDERS = "folders"
"""Folders that a glob names, which takes files."""
DOTS = "keys_with_dots"
"""Objects whose key has ``.`` or ``..`` as a part: every name of them would be read as another object's."""
_SAID = {
    Kind.NO_IMAGE: ("file is no image", "files are no images"),
    Kind.NOT_INCLUDED: ("image is in no pattern of include", "images are in no pattern of include"),
    Kind.HIDDEN: ("hidden", "hidden"),
    Kind.EXCLUDED: ("excluded", "excluded"),
    Kind.OURS: ("that runs have written themselves", "that runs have written themselves"),
    LINKED: ("linked folder that is read by another name", "linked folders that are read by another name"),
    OUTSIDE: ("linked folder outside of the allowed roots", "linked folders outside of the allowed roots"),
    NOWHERE: ("link that leads nowhere", "links that lead nowhere"),
    SUBFOLDERS: ("subfolder, since recursive is off", "subfolders, since recursive is off"),
    DOTS: ("object with . or .. as a part of its key", "objects with . or .. as a part of their keys"),
    FOLDERS: ("folder that the pattern names", "folders that the pattern names"),
}
_TO_MEND = (Kind.NO_IMAGE, Kind.NOT_INCLUDED, OUTSIDE, NOWHERE, FOLDERS, DOTS)
"""Kinds of which a manifest is not empty: somebody meant something to be read."""
TO_LOOK_AT = (OUTSIDE, NOWHERE, FOLDERS, DOTS)
"""Kinds of which the first few are named: there are few, and each is worth a look."""
_MOST_NAMES = 3
_MOST_ENDINGS = 200
"""Endings that are told apart; names may hold a dot before anything."""
_SHOWN_ENDINGS = 8
_LONGEST_ENDING = 12
OTHER_ENDINGS = "others"
NO_ENDING = "without an ending"


class LeftAside:
    """The count; a folder that is left out counts once, with all in it."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """How many, by kind."""
        self.endings: Counter[str] = Counter()
        """Files that are no images, by ending in lower case."""
        self._names: dict[str, list[str]] = {}

    def add(self, kind: str, path: str) -> None:
        """Count one file or folder."""
        self.counts[kind] += 1
        if kind == Kind.NO_IMAGE:
            ending = _ending(path)
            is_new = ending not in self.endings and len(self.endings) >= _MOST_ENDINGS
            self.endings[OTHER_ENDINGS if is_new else ending] += 1
        names = self._names.setdefault(kind, []) if kind in TO_LOOK_AT else None
        if names is not None and len(names) < _MOST_NAMES:
            names.append(path.encode("utf-8", "replace").decode())

    def clear(self) -> None:
        """Forget everything: what was counted is read after all."""
        self.counts.clear()
        self.endings.clear()
        self._names.clear()

    def refuse_nothing(self, manifest: str) -> None:
        """Refuse a manifest of which nothing could be taken although something is there.

        :param manifest: as it may be shown.
        :raises OCRManifestError: it says what is there, by kind, and what to do.
        """
        if any(self.counts[kind] for kind in _TO_MEND):
            said = f"although something is there: {self.describe()}. {self._advice()}"
            message = f"Nothing could be taken from {manifest}, {said}"
            raise OCRManifestError(message)

    def describe(self) -> str:
        """Return the count as text, such as ``42 files are no images: .mov 40, .pdf 2; 3 hidden``; empty for nothing.

        The first few links and folders that are worth a look are named.
        """
        parts = []
        for kind, (one, many) in _SAID.items():
            number = self.counts[kind]
            if not number:
                continue
            text = count_of(number, one, many)
            if kind == Kind.NO_IMAGE:
                text += f": {self._said_endings()}"
            elif kind in TO_LOOK_AT:
                shown = [shorten(name, 100) for name in self._names[kind]]
                text += f": {', '.join(shown)}{', …' if number > len(shown) else ''}"
            parts.append(text)
        return "; ".join(parts)

    def _said_endings(self) -> str:
        most = sorted(self.endings.items(), key=lambda pair: (-pair[1], pair[0]))
        shown = [f"{ending} {number:,}" for ending, number in most[:_SHOWN_ENDINGS]]
        rest = sum(number for _, number in most[_SHOWN_ENDINGS:])
        return ", ".join([*shown, f"{OTHER_ENDINGS} {rest:,}"] if rest else shown)

    def _advice(self) -> str:
        if any(ending in self.endings for ending in (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".txt")):
            start = "Give the list itself as the manifest, not its folder."
        elif self.counts[OUTSIDE]:
            start = "Name the folders that the links lead to in allowed_roots."
        elif self.counts[NOWHERE]:
            start = "See that what the links lead to is mounted."
        elif self.counts[FOLDERS]:
            start = "End the pattern with /** to take what is in the folders."
        elif self.counts[Kind.NOT_INCLUDED]:
            start = "See whether include says what is meant: its patterns count from the manifest's folder on."
        else:
            start = "Look at the path."
        return f"{start} What may lie there without a word, name in exclude."


def _ending(path: str) -> str:
    name = path[path.rfind("/") + 1 :]
    stem, dot, ending = name.rpartition(".")
    known = stem and dot and ending.isascii() and ending.isprintable() and 0 < len(ending) <= _LONGEST_ENDING
    return f".{ending.lower()}" if known else NO_ENDING
