"""The names under which a table may have an image that a person names, who copies them from elsewhere.

A Mac writes ``ü`` as two characters and a shell as one; a DAG names the connection, a link carries its signature. The
table has one spelling of each, and somebody who wants an image deleted must not be told that there is none.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import unquote, urlsplit

from airflow_provider_platerec_ocr.core.images.identity import is_web, web_identity


def spellings(image: str) -> frozenset[str]:
    """Return ``image`` and all other ways in which it may be written down.

    :param image: a path, a URI with or without a connection, or a URL with or without its signature.
    """
    found = {image, _as_known(image)}
    return frozenset(unicodedata.normalize(form, name) for form in ("NFC", "NFD") for name in found) | {image}


def _as_known(image: str) -> str:
    if is_web(image):
        return web_identity(image).name
    scheme, found, rest = image.partition("://")
    if found and scheme.lower() == "file":
        return unquote(urlsplit(image).path)
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if found else image
