"""Two folders of a local disk that take each other's place in one step: no reader sees neither, or both.

Linux can (``renameat2``), most of its file systems too; where it cannot, the caller goes another way.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.storage.local_disk import sync_folder

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.ENOTSUP, errno.EPERM}


def exchange(one: StoragePath, other: StoragePath) -> bool:
    """Let two folders (or files) that are there take each other's place; return ``False`` where the store cannot.

    :raises OSError: one is not there, or the disk refuses.
    """
    if not (one.is_local and other.is_local):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    paths = os.fsencode(one.path), os.fsencode(other.path)
    if rename(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        if code in _CANNOT:
            return False
        raise OSError(code, os.strerror(code), one.path, None, other.path)
    for folder in {one.parent.path, other.parent.path}:
        sync_folder(folder)
    return True
