"""What tests of single reads share: a small image, a task's context, and the operator."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from PIL import Image

from airflow_provider_platerec_ocr.operators.read import OCRReadOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


def jpeg(shade: int = 200) -> bytes:
    """Return an image of one shade."""
    file = io.BytesIO()
    Image.new("L", (64, 32), shade).save(file, "JPEG")
    return file.getvalue()


def context(map_index: int = -1, try_number: int = 1) -> Context:
    """Return what of a context a read looks at."""
    ti = SimpleNamespace(
        dag_id="yard", run_id="run-1", task_id="read", map_index=map_index, try_number=try_number, max_tries=2
    )
    return cast("Context", {"ti": ti})


def operator(**arguments: Any) -> OCRReadOperator:
    """Return a read over the connection ``yard``."""
    return OCRReadOperator(**{"task_id": "read", "conn_id": "yard", **arguments})
