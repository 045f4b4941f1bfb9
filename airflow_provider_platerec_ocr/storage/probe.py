"""Whether a store may hold a ledger: it must create exclusively, or two workers would pay for the same image."""

from __future__ import annotations

import errno
import uuid
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRLedgerUnsafe, OCRLedgerUnwritable
from airflow_provider_platerec_ocr.storage.store import give_up
from airflow_provider_platerec_ocr.storage.store_clock import PROBES

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.store import Store

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""How file systems without hard links say so."""


def prove_exclusive(store: Store) -> None:
    """Create one probe key twice, and return only if the second create was refused and the first is what is there.

    :raises OCRLedgerUnsafe: the second create succeeded, or the store cannot create exclusively at all.
    :raises OCRLedgerUnwritable: the store takes no files.
    """
    if store.place.protocol == "memory":
        raise _unsafe(store, "is this process's own memory, which no other worker sees and which ends with it")
    name = f"{PROBES}/{uuid.uuid4().hex}"
    first, second = b"first " + name.encode(), b"second " + name.encode()
    store.read(name)  # on S3 without s3:ListBucket, a missing file is "access denied": better now than at the claim
    try:
        if not _create_both(store, name, first, second):
            raise _unsafe(store, "took both of two files that were created under one name")
        if store.create(name, second) or store.read(name) != first:
            raise _unsafe(store, "replaced a file that was to be created only if it was not there")
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
        raise _unsafe(store, "did not keep a file just written")
    store.remove(f"{name}.folder")
    return _overlap(store, name, first, second)


def _create_local(store: Store, name: str, data: bytes) -> None:
    try:
        store.create(name, data)
    except OCRLedgerUnwritable as error:
        if getattr(error.__cause__, "errno", None) in _NO_LINKS and getattr(error.__cause__, "filename2", None):
            raise _unsafe(store, "has no hard links, which exclusive creation on a disk rests on") from error
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


def _unsafe(store: Store, why: str) -> OCRLedgerUnsafe:
    return OCRLedgerUnsafe(
        f"{store.place} {why}: a ledger there would pay twice for the same image. Put the ledger on a local or shared "
        "disk with hard links, or on an object store with conditional writes (S3, Google Cloud Storage, Azure)."
    )
