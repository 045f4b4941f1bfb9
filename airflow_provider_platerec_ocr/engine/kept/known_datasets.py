"""Which datasets a ledger pays for: one small file for each, so that the page and the commands find them unconfigured.

A plan writes it, with all that a person would otherwise have to say again: where table, dead letters, reports and
workspaces lie, which DAG it is and which connection pays. Nothing hangs on it but being found.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.page_urls import dataset_key
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_platerec_ocr.storage.path import StoragePath

FOLDER = "known-datasets"
"""Folder in the ledger; the hyphen keeps it apart from every type's folder."""
MOST = 500
"""Datasets that are looked at; a ledger with more has been used for something else."""
MOST_DAGS = 20
"""DAGs of one dataset that are remembered; a file of more would be too long to be looked at."""
_NAME_DIGITS = 64
_LONGEST_BYTES = 20_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """One published table, and what belongs to it. URIs are as the DAG has them, connections included."""

    dataset: str
    """Folder of the table."""
    dead_letters: str = ""
    """Folder of the dead letters."""
    workspace: str = ""
    """Folder of the runs' workspaces."""
    reports: str = ""
    """Folder of the reports."""
    corrections: str = ""
    """Folder of the corrections."""
    roots: str = ""
    """Folders that its manifests may name images in, one a line."""
    dag_id: str = ""
    """The DAG that planned last."""
    group: str = ""
    """Task group, or what else tells the plans of one DAG apart."""
    conn_id: str = ""
    """Airflow connection that pays."""
    type: str = ""
    """What is read off images whose row names no type."""
    base_url: str = ""
    """The API that is called."""
    reserve: int | None = None
    """Calls that its runs leave to others; ``None`` where nobody said."""
    at: str = ""
    """When this was written; UTC, ISO 8601."""
    ledger: str = ""
    """The ledger, as the worker that planned has it."""
    dag_ids: str = ""
    """The DAGs that ever planned into it, one a line, where they are several; the one that planned last is the last."""

    @property
    def dags(self) -> tuple[str, ...]:
        """The DAGs that write it: who may read one of them may see the dataset. Empty where none is known."""
        known = dict.fromkeys(each for each in (*self.dag_ids.split("\n"), self.dag_id) if each)
        return tuple(known)

    def planned_too_by(self, dags: Iterable[str]) -> Self:
        """Return it with further DAGs that write it, the newest :data:`MOST_DAGS` of all."""
        others = dict.fromkeys(each for each in (*dags, *self.dags) if each != self.dag_id)
        known = [*list(others)[1 - MOST_DAGS :], self.dag_id]
        return replace(self, dag_ids="\n".join(known) if others and self.dag_id else "")

    @property
    def key(self) -> str:
        """The dataset's URI as it is compared."""
        return dataset_key(self.dataset)

    @classmethod
    def from_json(cls, data: Any) -> Self | None:
        """Return what a file says, ``None`` where that is no dataset; keys of later versions are left aside."""
        if not isinstance(data, dict) or not isinstance(data.get("dataset"), str) or not data["dataset"]:
            return None
        texts = {field.name: data[field.name] for field in fields(cls) if isinstance(data.get(field.name), str)}
        reserve = data.get("reserve")
        known = max(0, reserve) if isinstance(reserve, int) and not isinstance(reserve, bool) else None
        return cls(**texts, reserve=known)


def note_dataset(ledger: StoragePath, known: KnownDataset) -> bool:
    """Write down a dataset beside the ledger that pays for it; return whether anything had to be written.

    Whatever goes wrong is logged and nothing more: no run may fail for it. Where ``known`` leaves a place empty, what
    another task of the run knows of it stays.
    """
    try:
        store = Store(ledger)
        name = _name(known.dataset)
        there = _understood(store.read(name))
        if there is not None:
            given = {field: value for field, value in asdict(known).items() if value not in {"", None}}
            known = replace(there, **given | {"dag_ids": ""}).planned_too_by(there.dags)
            if replace(there, at="") == replace(known, at=""):
                return False
        store.replace(name, json.dumps(asdict(known), ensure_ascii=False).encode())
    except Exception as error:  # noqa: BLE001  # each store has its own kinds, and nothing hangs on this
        _log.warning("The page will not find this dataset by itself: %s", error)
        return False
    return True


def known_datasets(ledger: StoragePath) -> list[KnownDataset]:
    """Return the datasets that a ledger pays for, by URI.

    :raises OCRError: its store cannot be read.
    """
    store = Store(ledger)
    names = [name for name, _ in store.names(FOLDER) if name.endswith(".json") and len(name) == _NAME_DIGITS + 5]
    contents = store.read_many([f"{FOLDER}/{name}" for name in names[:MOST]])
    found = (_understood(data) for data in contents.values())
    return sorted((each for each in found if each is not None), key=lambda each: each.key)


def known_dataset(ledgers: Iterable[StoragePath], uri: str) -> KnownDataset | None:
    """Return what the first of the ledgers knows of one dataset, ``None`` where none of them does."""
    for ledger in ledgers:
        try:
            found = _understood(Store(ledger).read(_name(uri)))
        except OCRError as error:
            _log.warning("%s", error)
            continue
        if found is not None:
            return found
    return None


def _name(uri: str) -> str:
    return f"{FOLDER}/{sha256(dataset_key(uri).encode()).hexdigest()}.json"


def _understood(data: bytes | None) -> KnownDataset | None:
    if data is None or len(data) > _LONGEST_BYTES:
        return None
    try:
        return KnownDataset.from_json(json.loads(data))
    except (ValueError, RecursionError):
        return None
