"""Paid answers that the ledger did not take: kept on this machine until it does.

One file per answer, whole or not there. The next ledger that opens with the same folder takes them in; where the folder
refuses too, the whole answer goes into the task's log as one line of JSON, which the command ``settle`` takes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.engine.ledger import records
from airflow_provider_platerec_ocr.engine.ledger.attempt_end import read_end, write_end
from airflow_provider_platerec_ocr.storage.local_disk import put_whole
from airflow_provider_platerec_ocr.storage.local_folder import remove, set_aside

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.store import Store

SUFFIX = ".answer.json"
KEPT = ".kept"
"""Suffix of an answer whose attempt had ended otherwise; nobody touches it but a person."""
log = logging.getLogger(__name__)


def spill(folder: Path | None, record: dict[str, Any]) -> str:
    """Keep the record of an answer; return its path, or ``log`` where it could only be logged.

    :param folder: a folder on this machine; ``None`` leaves only the log.
    """
    data = records.pack(record)
    if folder is not None:
        path = folder / f"{record['fingerprint']}.{record['attempt']}.{record['nonce']}{SUFFIX}"
        try:
            put_whole(path, data)
        except OSError as error:
            log.warning("The spill folder %s takes no files either: %s", folder, error)
        else:
            return str(path)
    log.error(
        "PAID ANSWER, kept nowhere but in this line. Save it as a file and run `python -m "
        "airflow_provider_platerec_ocr.ledger LEDGER settle %s --answer FILE`: %s",
        record["fingerprint"],
        data.decode(),
    )
    return "log"


def adopt(folder: Path, store: Store) -> int:
    """Move the spilled answers into the ledger they belong to; return how many it now has that it had not."""
    if not folder.is_dir():
        return 0
    return sum(_adopt_one(path, store) for path in sorted(folder.glob(f"*{SUFFIX}")))


def _adopt_one(path: Path, store: Store) -> bool:
    try:
        return _adopt(path, store)
    except FileNotFoundError:
        return False  # another worker of this machine was faster
    except OSError as error:
        log.warning("The spilled answer %s cannot be handled: %s. It stays where it is.", path, error)
        return False


def _adopt(path: Path, store: Store) -> bool:
    data = path.read_bytes()
    record = records.unpack_end(data, End.ANSWER)
    if record is None:
        log.warning(
            "The spilled answer %s cannot be read (%s); it stays where it is.", path, count_of(len(data), "byte")
        )
        return False
    try:
        stem, number = records.stem(record["type"], record["fingerprint"]), int(record["attempt"])
    except (ValueError, KeyError, TypeError):
        log.warning("The spilled answer %s does not say what it answers; it stays where it is.", path)
        return False
    claim = records.unpack(store.read(records.claim_name(stem, number)))
    if claim is None or claim["nonce"] != record["nonce"]:
        log.info("The spilled answer %s belongs to no claim of the ledger %s; it stays.", path, store.place)
        return False
    return _take_in(path, record, store, stem, number)


def _take_in(path: Path, record: dict[str, Any], store: Store, stem: str, number: int) -> bool:
    end, payload = read_end(store, stem, number)
    if end is None or end is End.TORN:
        adopted = write_end(store, stem, number, End.ANSWER, {**record, "late": True})
        if adopted:
            log.info("Took the spilled answer %s into the ledger %s.", path, store.place)
            remove(path)
            return True
        end, payload = read_end(store, stem, number)
    if end is End.ANSWER and payload is not None and payload["answer"] == record["answer"]:
        remove(path)
        return False
    kept = set_aside(path, KEPT)
    log.warning(
        "The spilled answer of %s, attempt %s, is kept as %s: the ledger says that the attempt ended as %s. If the "
        "spilled answer is the right one, run `python -m airflow_provider_platerec_ocr.ledger LEDGER settle %s "
        "--attempt %s --answer %s`.",
        *(record["fingerprint"], number, kept, end, record["fingerprint"], number, kept),
    )
    return False
