"""Where analyses of a dataset wrote what they made, if not beside it: who deletes has to find it there as well.

One small file for each set of places, named after them, below the dataset's workspaces: two tasks never write the same
file with other content, and the same task writes it once.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from airflow_provider_platerec_ocr.dataset.layout.names import beside
from airflow_provider_platerec_ocr.storage.files import find_files, read_whole, write_whole

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

FOLDER = "_analyses"
"""In the dataset's workspace; no run is called so."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Folders that an analysis wrote into; URIs as the task has them, connections included. Empty: beside the dataset.

    :param results: of the reconciliations. :param sightings: of the sightings. :param reports: of the files for people.
    """

    results: str = ""
    sightings: str = ""
    reports: str = ""

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Return what a file says; what it does not say is empty."""
        known = content if isinstance(content, dict) else {}
        return cls(**{name: str(known.get(name) or "") for name in ("results", "sightings", "reports")})


def remember(dataset: StoragePath, places: Elsewhere) -> None:
    """Write down that an analysis of the dataset writes there; nothing is written where all lies beside it."""
    if places == Elsewhere():
        return
    data = json.dumps(asdict(places), ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    file = beside(dataset, "workspace") / FOLDER / f"{sha256(data).hexdigest()[:16]}.json"
    if read_whole(file) != data:
        write_whole(file, data)


def remembered(dataset: StoragePath) -> list[Elsewhere]:
    """Return where analyses of the dataset wrote; a file that is broken says nothing."""
    found = []
    for file in find_files(beside(dataset, "workspace") / FOLDER, r"[^._].*\.json", deep=False):
        try:
            found.append(Elsewhere.from_json(json.loads(read_whole(file) or b"")))
        except ValueError:
            continue
    return found
