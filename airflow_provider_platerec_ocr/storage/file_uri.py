"""The path behind a ``file:`` URI: one rule for whatever opens one, or two programs would look in two folders.

Escapes such as ``%20`` are undone, as the standard says and as other tools write them. Nothing here opens a file.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.redact import shorten

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_HERE = {"", "localhost", "127.0.0.1"}
"""Hosts that mean this machine."""


def is_file_uri(uri: str) -> bool:
    """Return whether a place is a URI of a file of this machine, in any of its forms, and no plain path."""
    scheme, found, _ = uri.partition(":")
    return bool(found) and (scheme.lower() == "file" or (scheme.lower() == "local" and uri[6:8] == "//"))


def file_uri_path(uri: str) -> str:
    """Return the path behind a ``file:`` URI in any of its forms, escapes such as ``%20`` undone.

    :raises OCRConfigError: it names another machine, or no path at all.
    """
    scheme, _, rest = uri.partition(":")
    return path_after_scheme(rest if scheme else uri)


def path_after_scheme(rest: str) -> str:
    """Return the path of a URI of a file, from what follows after the scheme's colon.

    :raises OCRConfigError: it names another machine, or no path at all.
    """
    if rest[:2] == "//" and rest[2:3] != "/":
        host, _, rest = rest[2:].partition("/")
        rest = f"/{rest}"
        if host.lower() not in _HERE:
            message = (
                f"file://{shorten(host, 60)}/… names a file of another machine. Give the path under which this one has "
                "it mounted."
            )
            raise OCRConfigError(message)
    if not rest.startswith("/"):
        message = "A file URI holds an absolute path, as in file:///data/a.jpg."
        raise OCRConfigError(message)
    path = unquote(rest, errors="surrogateescape") if "%" in rest else rest
    if _NO_TEXT.search(path):
        message = "A file URI holds bytes that are no text (UTF-8). Rename the file."
        raise OCRConfigError(message)
    return normal_path(path)


def normal_path(path: str) -> str:
    """Return an absolute path without ``.``, ``..`` and doubled slashes."""
    return "/" + posixpath.normpath(path).lstrip("/")


def uri_of_path(path: str) -> str:
    """Return the URI whose path is ``path``: as people write it, but for ``%``, which would be taken for an escape."""
    return f"file://{path.replace('%', '%25')}"
