"""A run's report as one file of HTML: everything it needs is in it, and its policy lets it ask nobody for anything."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from airflow_provider_platerec_ocr.core.images.page_marks import ATTRIBUTE, WRITTEN_AT, visible
from airflow_provider_platerec_ocr.dataset.report_page.view import view_of

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.dataset.report_page.view import Material

ENDING = ".html"
"""The page lies beside the report's JSON, under the same name."""
TEMPLATES = Path(__file__).parent / "templates"


def page_of(material: Material) -> bytes:
    """Return the page, as UTF-8."""
    template = environment().get_template("report.html.jinja")
    page: str = template.render(view=view_of(material), about=ATTRIBUTE, written_at=WRITTEN_AT)
    return page.encode("utf-8", "replace")


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """Return Jinja as pages need it: whatever a manifest or an answer says comes out as text, on one line."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: Any) -> Any:
    """Return what is put into the page: markup as it is, text without what nobody would see."""
    return value if hasattr(value, "__html__") else visible(str(value))
