"""Whether a store may hold a ledger: it must create exclusively, or two workers would pay for the same image.

A store that cannot is often one that could, behind a library that is too old to ask it: then the library is named.
"""

from __future__ import annotations

import errno
import re
import uuid
from enum import StrEnum
from importlib import metadata
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRLedgerUnsafe, OCRLedgerUnwritable
from airflow_provider_platerec_ocr.storage.store import give_up
from airflow_provider_platerec_ocr.storage.store_clock import PROBES

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.storage.store import Store

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""How file systems without hard links say so."""
EXCLUSIVE_FROM = {"s3fs": "2025.7.0", "gcsfs": "2024.12.0", "adlfs": "2024.12.0"}
"""The first version of each library whose ``open(…, "xb")`` reaches the store's own condition."""


class _Fault(StrEnum):
    """What a store does instead, as the end of a sentence about it."""

    MEMORY = "is this process's own memory, which no other worker sees and which ends with it"
    TOOK_BOTH = "took both of two files that were created under one name"
    REPLACED = "replaced a file that was to be created only if it was not there"
    LOST = "did not keep a file just written"
    NO_LINKS = "has no hard links, which exclusive creation on a disk rests on"
    NO_SUCH_MODE = "cannot create a file only if it is not there"


class _NotExclusiveError(Exception):
    """Carries the fault."""


def prove_exclusive(store: Store, *, version_of: Callable[[str], str] = metadata.version) -> None:
    """Create one probe key twice, and return only if the second create was refused and the first is what is there.

    :param version_of: tells the installed version of a library, for the message.
    :raises OCRLedgerUnsafe: the second create succeeded, or the store cannot create exclusively at all.
    :raises OCRLedgerUnwritable: the store takes no files.
    """
    fs = store.place.fs
    try:
        _prove(store)
    except _NotExclusiveError as found:
        raise _unsafe(store, str(found), _advice(fs, version_of)) from found.__cause__
    except OCRLedgerUnwritable as error:
        upgrade = _upgrade(fs, version_of)
        if upgrade and isinstance(error.__cause__, (NotImplementedError, ValueError)):  # "File mode not supported"
            raise _unsafe(store, _Fault.NO_SUCH_MODE, upgrade) from error
        raise


def _prove(store: Store) -> None:
    if store.place.protocol == "memory":
        raise _NotExclusiveError(_Fault.MEMORY)
    name = f"{PROBES}/{uuid.uuid4().hex}"
    first, second = b"first " + name.encode(), b"second " + name.encode()
    store.read(name)  # on S3 without s3:ListBucket, a missing file is "access denied": better now than at the claim
    try:
        if not _create_both(store, name, first, second):
            raise _NotExclusiveError(_Fault.TOOK_BOTH)
        if store.create(name, second) or store.read(name) != first:
            raise _NotExclusiveError(_Fault.REPLACED)
    finally:
        store.remove(name)


def _create_both(store: Store, name: str, first: bytes, second: bytes) -> bool:
    """Return whether the second of two creates is refused.

    Except on a local disk, where linking decides, both are opened before either is written: a store whose ``open``
    merely looks whether the name is taken lets the second through.
    """
    if store.place.is_local:
        _create_local(store, name, first)
        return not store.create(name, second)
    if not store.create(f"{name}.folder", first):
        raise _NotExclusiveError(_Fault.LOST)
    store.remove(f"{name}.folder")
    return _overlap(store, name, first, second)


def _create_local(store: Store, name: str, data: bytes) -> None:
    try:
        store.create(name, data)
    except OCRLedgerUnwritable as error:
        if getattr(error.__cause__, "errno", None) in _NO_LINKS and getattr(error.__cause__, "filename2", None):
            raise _NotExclusiveError(_Fault.NO_LINKS) from error
        raise


def _overlap(store: Store, name: str, first: bytes, second: bytes) -> bool:
    fs, path = store.place.fs, store.path(name)
    early = late = None
    try:
        early = fs.open(path, "xb")
        try:
            late = fs.open(path, "xb")
        except Exception:  # noqa: BLE001  # refused at opening, as stores with real file handles do
            late = None
        early.write(first)
        early.close()
    except Exception as error:
        for handle in (early, late):
            give_up(handle)
        raise store.unwritable(error) from error
    if late is None:
        return True
    try:
        late.write(second)
        late.close()
    except Exception:  # noqa: BLE001  # each store refuses in its own words; what is there decides
        give_up(late)
        return True
    return False


def _unsafe(store: Store, why: str, advice: str) -> OCRLedgerUnsafe:
    return OCRLedgerUnsafe(f"{store.place} {why}: a ledger there would pay twice for the same image. {advice}")


def _advice(fs: Any, version_of: Callable[[str], str]) -> str:
    upgrade = _upgrade(fs, version_of)
    if upgrade:
        return upgrade
    library = _library(fs, version_of)
    asked = f"{' '.join(library)} asked for a condition that the service did not keep. " if library else ""
    return (
        f"{asked}Put the ledger on a local or shared disk with hard links, or on an object store with conditional "
        "writes (S3, Google Cloud Storage, Azure)."
    )


def _upgrade(fs: Any, version_of: Callable[[str], str]) -> str:
    """Return which library is too old for the store and what to install, or nothing where none is."""
    library = _library(fs, version_of)
    if library is None or _numbers(library[1]) >= _numbers(EXCLUSIVE_FROM[library[0]]):
        return ""
    (name, installed), needed = library, EXCLUSIVE_FROM[library[0]]
    return (
        f"That is the library's doing: {name} {installed} is installed, and creates exclusively only from {needed} on. "
        f'Upgrade it wherever tasks run: pip install "{name}>={needed}".'
    )


def _library(fs: Any, version_of: Callable[[str], str]) -> tuple[str, str] | None:
    """Return which of the known libraries a file system is from, and its version."""
    for kind in type(fs).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in EXCLUSIVE_FROM:
            try:
                return name, version_of(name)
            except metadata.PackageNotFoundError:
                return None
    return None


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
