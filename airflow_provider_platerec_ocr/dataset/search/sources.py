"""In which folder the images of a manifest may lie, from its URI alone: for pictures of what was read.

The plan's own rule looks at what the manifest *is* (a file, a folder, a glob); here a name must do, and where it
misleads there is no picture.
"""

from __future__ import annotations

import posixpath
import re

_MAGIC = re.compile(r"[*?\[{]")
_FILE = re.compile(r"\.(?:csv|tsv|txt|list|json|jsonl|ndjson|parquet)(?:\.(?:gz|bz2|xz|zst|zip))?", re.IGNORECASE)


def images_root(manifest: str) -> str:
    """Return the folder that holds what a manifest names, empty where nothing of it is ever opened.

    :param manifest: as the column ``manifest`` has it: a path or a URI, without secrets.
    """
    if not manifest or manifest.startswith(("http://", "https://")) or ".." in manifest.split("/"):
        return ""
    scheme, found, rest = manifest.partition("://")
    path = rest if found else manifest
    magic = _MAGIC.search(path)
    if magic is not None:
        path = path[: magic.start()].rpartition("/")[0]
    elif _FILE.search(posixpath.basename(path)[-20:]) is not None:
        path = posixpath.dirname(path)
    path = path.rstrip("/")
    if not path or (not found and path == "/"):
        return ""
    return f"{scheme}://{path}" if found else path
