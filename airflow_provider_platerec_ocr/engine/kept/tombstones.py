"""Deleting what a ledger says of an image, and keeping that it was paid for.

What is left of a fingerprint is its name, who paid and when it ended: a *tombstone*. It is a rejection to every version
of this provider, so nobody sends the image again; this one knows it for what it is and publishes nothing either.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.answer.body import parsed, unpacked
from airflow_provider_platerec_ocr.core.claims import FORGOTTEN, KEY_BYTES, End, identity_key
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.models import Reason, format_timestamp
from airflow_provider_platerec_ocr.core.wire import read_from_json
from airflow_provider_platerec_ocr.engine.ledger import records
from airflow_provider_platerec_ocr.engine.ledger.admin import FORGOTTEN as ASIDE
from airflow_provider_platerec_ocr.engine.ledger.identity import types_of
from airflow_provider_platerec_ocr.storage.files import ordered_map
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.images.wanted import Wanted
    from airflow_provider_platerec_ocr.storage.path import StoragePath

    Fits = Callable[[str, dict[str, Any], bytes], bool]

KEYS = "forgotten-images"
"""Folder of the keys of images that are done although nothing says so any more; no type can have a hyphen."""
_MET = ".met"
_ENDED = frozenset({End.ANSWER.value, End.REJECTED.value, records.HEALED})
DELETED, RETENTION = "deleted", "retention"
"""Why content went."""
_THREADS = 16
_MESSAGE = "Its content was deleted, so it is neither sent nor published again."


@dataclass(slots=True)
class Entry:
    """A fingerprint of the ledger, with the files it has."""

    type: str
    fingerprint: str
    files: list[str] = field(default_factory=list)
    """Names from the ledger's folder on."""
    versions: set[tuple[str, str | None]] = field(default_factory=set)
    """Images that it was read for, each with its version."""
    saved_at: str = ""
    """When its last attempt ended; UTC. Empty where none did."""
    open: bool = False
    """Whether an attempt has no end: its call may be under way or in doubt."""
    has_content: bool = False
    """Whether a file still says something of the image, as where a deletion was cut short."""


def search(store: Store, fits: Fits) -> Iterator[Entry]:
    """Yield the fingerprints of which a file fits, those that were moved aside among them.

    :param fits: asked with the fingerprint, the record and its bytes, once a file; a torn file has an empty record.
    """
    folders = [f"{type_}/{name}" for type_ in types_of(store) for name in store.bare_names(type_)]
    for stamp in store.bare_names(ASIDE):
        for type_ in store.bare_names(f"{ASIDE}/{stamp}"):
            aside = f"{ASIDE}/{stamp}/{type_}"
            folders += [f"{aside}/{name}" for name in store.bare_names(aside)]
    threads = 2 if store.place.is_local else _THREADS
    for found in ordered_map(lambda folder: list(_in_folder(store, folder, fits)), folders, threads=threads):
        yield from found


def _in_folder(store: Store, folder: str, fits: Fits) -> Iterator[Entry]:
    type_ = folder.split("/")[-2]
    entries: dict[str, tuple[Entry, set[int], set[int]]] = {}
    fitting: set[str] = set()
    buried: set[str] = set()
    for name in store.bare_names(folder):
        parts = records.split_name(name)
        if parts is None:
            continue
        fingerprint, number, suffix = parts
        entry, claimed, ended = entries.setdefault(fingerprint, (Entry(type_, fingerprint), set(), set()))
        entry.files.append(f"{folder}/{name}")
        (claimed if suffix == "claim" else ended).add(number)
        data = store.read(f"{folder}/{name}") or b""
        record = records.unpack(data) or {}
        if suffix != "claim":  # a tombstone says it, too, of those who were killed before they had emptied the rest
            entry.saved_at = max(entry.saved_at, str(record.get("saved_at") or ""))
        if record.get(FORGOTTEN):
            buried.add(fingerprint)
            continue
        entry.has_content = entry.has_content or _says_something(suffix, record)
        facts = record.get("facts")
        if isinstance(facts, dict) and facts.get("image"):
            version = facts.get("image_version")
            entry.versions.add((str(facts["image"]), None if version is None else str(version)))
        if fits(fingerprint, record, data):
            fitting.add(fingerprint)
    for fingerprint in sorted(fitting):
        entry, claimed, ended = entries[fingerprint]
        entry.open = bool(claimed - ended)
        if entry.has_content or fingerprint not in buried:
            yield entry


def _says_something(suffix: str, record: dict[str, Any]) -> bool:
    """Return whether a file that is no tombstone has content; claims and releases are emptied, ends go."""
    return suffix in _ENDED or not record or bool(record.get("facts")) or "reason" in record


def is_about(wanted: Wanted, fingerprint: str, record: dict[str, Any], data: bytes) -> bool:
    """Return whether a file of the ledger is about what is wanted."""
    if fingerprint in wanted.fingerprints or wanted.in_text(data):
        return True
    facts = record.get("facts")
    facts = facts if isinstance(facts, dict) else {}
    if wanted.has_image(facts.get("image"), facts.get("image_version")) or facts.get("image_name") in wanted.images:
        return True
    body = unpacked(facts)
    if body is not None and wanted.in_text(body):
        return True
    return bool(wanted.codes) and any(wanted.has_code(code) for code in codes_of(record, body))


def codes_of(record: dict[str, Any], body: bytes | None) -> list[str]:
    """Return the codes in a record's answer; none where it has none that can be read."""
    answer = record.get("answer") if body is None else parsed(body)
    if not isinstance(answer, dict):
        return []
    try:
        read = read_from_json(answer)
    except OCRError:
        return []
    return [identifier.code for identifier in read.identifiers]


def bury(store: Store, entry: Entry, *, why: str, clock: Clock) -> None:
    """Delete what the files of an entry say; that it was paid for, or refused, stays.

    The tombstone comes first and the content goes after, so that whoever is killed in between leaves an image that is
    paid for, and whoever calls this again ends it. Calls must not be under way.

    :param why: kept in the tombstone: ``deleted`` or ``retention``. What was only ever refused before work keeps the
        right to be read where it is merely old.
    """
    aside = {name for name in entry.files if name.startswith(f"{ASIDE}/")}
    here = {name: parts for name in entry.files if name not in aside and (parts := _parts(name))}
    stem = records.stem(entry.type, entry.fingerprint)
    ended = [number for _, number, suffix in here.values() if suffix in _ENDED]
    number = min(ended, default=1)
    tomb = records.end_name(stem, number, End.REJECTED)
    is_dead = bool(ended) or (bool(here) and why == DELETED)
    if aside and not here and why == DELETED:  # it would be paid for again, which is what it was moved aside for
        claim = {"type": entry.type, "fingerprint": entry.fingerprint, "attempt": 1, "nonce": records.new_nonce()}
        is_dead = store.create(records.claim_name(stem, 1), records.pack(claim))
    if is_dead:
        store.replace(tomb, records.pack(_tombstone(entry, number, why, clock)))
    for name, (_, _, suffix) in here.items():
        if suffix not in _ENDED:  # claims and releases: who and when stays, what goes
            store.replace(name, records.pack(_emptied(store, name)))
    for name, (_, _, suffix) in here.items():
        if suffix in _ENDED and name != tomb:  # last, since by them the rest is found again
            store.delete(name)
    for name in aside:
        store.delete(name)


def _parts(name: str) -> tuple[str, int, str] | None:
    return records.split_name(name.rpartition("/")[2])


def _tombstone(entry: Entry, number: int, why: str, clock: Clock) -> dict[str, Any]:
    return {
        "type": entry.type,
        "fingerprint": entry.fingerprint,
        "attempt": number,
        "nonce": records.new_nonce(),
        "end": End.REJECTED.value,
        "saved_at": entry.saved_at,
        "late": False,
        "facts": {"reason": Reason.API_REJECTED.value, "message": _MESSAGE},
        FORGOTTEN: {"at": format_timestamp(clock.now()), "why": why},
    }


def deleted_fingerprints(store: Store) -> list[str]:
    """Return the fingerprints whose content somebody had deleted; what merely was old is not among them.

    :raises OCRLedgerError: the ledger cannot be read.
    """
    folders = [f"{type_}/{name}" for type_ in types_of(store) for name in store.bare_names(type_)]
    threads = 2 if store.place.is_local else _THREADS
    return sorted(
        {mark for found in ordered_map(lambda one: _buried(store, one), folders, threads=threads) for mark in found}
    )


def _buried(store: Store, folder: str) -> list[str]:
    found = []
    for name in store.bare_names(folder):
        parts = records.split_name(name)
        if parts is None or parts[2] != End.REJECTED.value:
            continue
        tomb = (records.unpack(store.read(f"{folder}/{name}")) or {}).get(FORGOTTEN)
        if isinstance(tomb, dict) and tomb.get("why") == DELETED:
            found.append(parts[0])
    return found


def half_written(store: Store, fits: Callable[[bytes], bool]) -> list[str]:
    """Return the files that killed processes left half-written, on a local disk, and that fit."""
    found = []
    for type_ in types_of(store):
        for folder in store.bare_names(type_):
            names = [f"{type_}/{folder}/{name}" for name in store.torn_names(f"{type_}/{folder}")]
            found += [name for name in names if fits(store.read(name) or b"")]
    return found


def _emptied(store: Store, name: str) -> dict[str, Any]:
    """Return the record of a claim or a release without what it says of the image."""
    record = records.unpack(store.read(name)) or {"nonce": records.new_nonce()}
    return {key: value for key, value in record.items() if key not in {"facts", "reason", "schema"}} | {"facts": {}}


def keep_keys(store: Store, keys: Collection[bytes], clock: Clock) -> None:
    """Write down the keys of images that stay done although nothing of them is left."""
    if keys:
        name = f"{KEYS}/{clock.now():%Y%m%dT%H%M%SZ}-{records.new_nonce()[:8]}.keys"
        store.create(name, b"".join(sorted(keys)))


def keep_met(store: Store, keys: Collection[bytes]) -> None:
    """Write down the keys of images that turned out to be other names of what was deleted: no plan opens them again.

    The same keys make the same file, whoever meets them. It deletes nothing, so :func:`kept_key_files` is without it.

    :raises OCRLedgerUnwritable: it is not written, and the next plan has those images again.
    """
    if keys:
        data = b"".join(sorted(set(keys)))
        store.create(f"{KEYS}/{hashlib.sha256(data).hexdigest()[:32]}{_MET}", data)


def kept_key_files(store: Store) -> list[str]:
    """Return the names of the files that :func:`keep_keys` wrote: one more with each deletion."""
    return [name for name in store.bare_names(KEYS) if name.endswith(".keys")]


def forgotten_keys(place: StoragePath) -> list[bytes]:
    """Return all keys that were ever written down here, many in one text; one LIST where there are none.

    :param place: the ledger's folder, which need not exist.
    :raises OCRLedgerError: it cannot be read.
    """
    store = Store(place)
    names = [f"{KEYS}/{name}" for name in store.bare_names(KEYS) if name.endswith((".keys", _MET))]
    return [data[: len(data) // KEY_BYTES * KEY_BYTES] for data in store.read_many(names).values()]


def keys_of(type_: str, versions: set[tuple[str, str | None]]) -> set[bytes]:
    """Return the keys of images in their versions."""
    return {identity_key(type_, image, version) for image, version in versions}
