"""Where some of the planned images are: looked up in a shard's file without reading all of it as JSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.storage.files import read_whole

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from airflow_provider_platerec_ocr.storage.path import StoragePath


def places_of(shard: StoragePath, rows: AbstractSet[int]) -> dict[int, str]:
    """Return the path or URI of each of the rows whose bytes we read; a row that is not there is left out.

    :param shard: file of a shard, see :func:`~.plan.load_shard`.
    """
    data = read_whole(shard) or b""
    found = {}
    for row in rows:
        line = re.search(rb'^\{"row":%d,.*$' % row, data, re.MULTILINE)
        place = json.loads(line[0]).get("uri") if line else None
        if isinstance(place, str):
            found[row] = place
    return found
