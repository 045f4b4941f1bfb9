"""What files and folders are called: which run a file belongs to can be told from its name alone."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.storage.files import find_files

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

PLAN = "plan.json"
"""In the workspace: the plan, written last."""
SHARDS = "shards"
"""In the workspace: one file of planned images for each read task."""
BAD_ROWS = "bad_rows"
"""In the workspace: rows of the manifest that cannot be used."""
OUTCOMES = "outcomes"
"""In the workspace: one folder a shard, with what its read tasks did."""
REFUSED = "refused"
"""In the workspace: what its shards tell each other of rejections in the same words."""
FINISHED = "finished.json"
"""In the workspace: the run is whole and published, so its workspace may go once it is old."""
READS = "reads"
"""Start of the names of the dataset's files."""
DEAD_LETTERS = "dead_letters"
"""Start of the names of the dead letters' files."""
REPEATS = "repeats"
"""Start of the names of the files of reads whose content the dataset had already; they lie beside it."""
PUBLISHING = "_publishing"
"""In the dataset's workspace: whose turn it is to publish."""
COMPACTING = "_compacting"
"""In the workspace beside a table: which files a compaction at work, or one that was killed, stands for."""
COMPACT = "-compact."
"""In the names of files that stand for others."""
STAGING = "_staging"
"""In the dataset's workspace: files before they appear in it."""
OTHERS_CALLS = re.compile(r"\.inbox-\d{10}__")
"""In the names of files with answers to other people's calls: no ledger has them, their fingerprints are hearsay."""
NEIGHBOURS = ("corrections", "dead_letters", "inbox", "reconciliations", "repeats", "reports", "sightings", "workspace")
"""Folders that lie beside a dataset."""
LEDGER = "ledger.json"
"""File beside it that says which ledger it was read with."""
PARQUET_FILE = r"[^._].*\.parquet"
"""Names that readers of the folder see."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def slug_of(dag_id: str, run_id: str) -> str:
    """Return a file name for one run: readable, the same each time, and different for each (dag, run).

    Colons and plus signs of run ids are replaced, since Hadoop cannot have the former and URLs mangle the latter; eight
    hex digits of a hash keep runs apart that would look alike.
    """
    digest = sha256(len(dag_id).to_bytes(8, "big") + dag_id.encode() + run_id.encode()).hexdigest()[:8]
    dag, run = (_UNSAFE.sub("-", text)[:length].strip("-") for text, length in ((dag_id, 60), (run_id, 80)))
    return "__".join(part for part in (dag, run, digest) if part)


def beside(dataset: StoragePath, name: str) -> StoragePath:
    """Return the place ``<dataset>_<name>``; where the dataset is a bucket's root, ``_platerec_<name>`` in it."""
    if dataset.path.strip("/") and (dataset.is_local or "/" in dataset.path.strip("/")):
        return dataset.parent / f"{dataset.name}_{name}"
    return dataset / f"_platerec_{name}"


def own_paths(dataset: StoragePath) -> tuple[str, ...]:
    """Return the paths of all that is written for a dataset: itself, and what lies beside it."""
    return (dataset.path, *(beside(dataset, name).path for name in (*NEIGHBOURS, LEDGER)))


def upkeep_slug(what: str, token: str, *, of_others: bool) -> str:
    """Return the part of a file's name that stands for no run, for what was compacted or rebuilt.

    :param of_others: whether it holds answers to other people's calls, which are told by their files' names.
    """
    return f"{what}.{token}{'.inbox-0000000000__others' if of_others else ''}"


def file_name(table: str, slug: str, part: int) -> str:
    """Return the name of a run's file: never hidden (``_``, ``.``), and the same whenever the run publishes."""
    return f"{table}-{slug}-{part:05d}.parquet"


def files_of_run(folder: StoragePath, table: str, slug: str) -> list[StoragePath]:
    """Return the run's files in any partition of the table, with what a crash left half-written."""
    name = rf"{re.escape(f'{table}-{slug}-')}\d{{5,}}\.parquet"
    return find_files(folder, rf"{name}|\.{name}\.[0-9a-f]{{8}}\.tmp")


def next_part(files: list[StoragePath]) -> int:
    """Return the number after the highest that the files have."""
    numbers = [int(place.name.rpartition("-")[2].partition(".")[0]) for place in files if place.name[0] != "."]
    return max(numbers, default=-1) + 1
