"""What a manifest calls an image, as what it is known by and what is opened.

Relative names are resolved against the manifest's folder, ``.`` and ``..`` are resolved away (so that a check of
allowed roots by prefix holds), users are cut. No file is touched.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.redact import holds_secret, shorten
from airflow_provider_platerec_ocr.storage.file_uri import normal_path, path_after_scheme

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.dataset.manifest.notes import ManifestNotes

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_WINDOWS = re.compile(r"/?[A-Za-z]:[\\/]|\\\\[^\\/]+[\\/]")
_ONE_SLASH = re.compile(r"(s3[an]?|gc?s|abfss?|az|wasbs?|hdfs|dbfs|https?):/(?!/)", re.IGNORECASE)


def refuse(message: str) -> NoReturn:
    """Say what is wrong with a row."""
    raise OCRConfigError(message)


class NameResolver:
    """Resolves the names of one manifest.

    :param folder: the manifest's folder as a URI or an absolute path, without a user part.
    :param user: user part of the manifest's URI (in Airflow, a connection id), which relative names inherit.
    :param notes: takes the count of names that may be another system's.
    """

    def __init__(self, folder: str, user: str, notes: ManifestNotes) -> None:
        self._folder = folder.rstrip("/")
        self._user = user
        self._notes = notes

    def resolve(self, name: str) -> tuple[str, str]:
        """Return what the image called ``name`` is known by, and the URI to open.

        :raises OCRConfigError: it is no name of a file or an object; it says why.
        """
        if "://" in name:
            scheme = _SCHEME.match(name)
            if scheme is None:
                refuse("image is neither a path nor a URI.")
            return _absolute(scheme.group(1).lower(), name[scheme.end() :])
        if ":" in name or "\\" in name:
            if name[:5].lower() == "file:":
                return _file(name[5:])
            _refuse_foreign(name)
            self._note(name)
        image = name if name[0] == "/" else f"{self._folder}/{name}"
        if "./" in name or "//" in name or name[-1] in "/.":  # seldom, and dear: most names are fine as they are
            image = _normal(image)
        return image, with_user(image, self._user) if self._user else image

    def _note(self, name: str) -> None:
        if "\\" in name:
            self._notes.backslashes += 1
            self._notes.examples.setdefault("BACKSLASH", shorten(name, 60))


def with_user(uri: str, user: str) -> str:
    """Return ``uri`` with a user part: ``s3://bucket/key`` and ``conn`` give ``s3://conn@bucket/key``."""
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}://{user}@{rest}" if separator and user else uri


def is_windows_path(name: str) -> bool:
    """Return whether a name is absolute on Windows, with a drive's letter or a server's name."""
    return _WINDOWS.match(name) is not None


def _absolute(scheme: str, rest: str) -> tuple[str, str]:
    if scheme in {"http", "https"}:
        refuse("image is a web address. Put it into the column upload_url, and the API fetches it.")
    if scheme in {"file", "local"}:
        return _file(f"//{rest}")
    host, _, key = rest.partition("/")
    user, _, bucket = host.rpartition("@")
    if ":" in user:
        refuse("image has a password in its URI. Put it into a connection and name that instead.")
    if not bucket or not key:
        refuse("image names no object inside a bucket.")
    if "?" in key and holds_secret(key.partition("?")[2]):
        refuse("image has a signature in its URI, and a URI is written down. Have a connection open the store instead.")
    image = _normal(f"{scheme}://{bucket}/{key}")
    return image, with_user(image, user)


def _file(rest: str) -> tuple[str, str]:
    """Return the path of a URI of a file, twice, by what is behind its scheme."""
    path = path_after_scheme(rest)
    _refuse_foreign(path)
    return path, path


def _refuse_foreign(name: str) -> None:
    """Refuse names that are absolute somewhere else, and would be looked for beside the manifest here."""
    if is_windows_path(name):
        refuse("image is a path of Windows. Give the path under which this machine has the file, with / between.")
    if found := _ONE_SLASH.match(name):
        refuse(f"image is a URI with one slash too few: {found.group(1)}:/ must be {found.group(1)}://.")


def _normal(path: str) -> str:
    scheme, separator, rest = path.partition("://")
    if not separator:
        return normal_path(path)
    bucket, _, key = rest.partition("/")
    parts: list[str] = []
    for part in key.split("/"):  # an empty part is part of an object's key
        if part == "..":
            del parts[-1:]
        elif part != ".":
            parts.append(part)
    return f"{scheme}://{bucket}/{'/'.join(parts)}"
