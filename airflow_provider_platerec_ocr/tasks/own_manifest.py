"""Whether a manifest is one run's own: then nobody else finds what the run leaves over, and it has to say so.

What is left over is found by the next run over the same manifest. A folder for each day has no next run.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from airflow.sdk import Context

_TEMPLATE = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_OF_THE_RUN = re.compile(
    r"\b(ds|ds_nodash|ts|ts_nodash|ts_nodash_with_tz|data_interval_start|data_interval_end|logical_date|execution_date|"
    r"run_id|dag_run|prev_\w+|macros|partition_key|partition_date|triggering_asset_events)\b"
)
"""What a template may say that is another text in each run."""
_PARAM = re.compile(r"""params(?:\.|\[['"])(\w+)|conf(?:\.|\[['"])(\w+)""")
_FORMS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y_%m_%d", "%Y.%m.%d", "%d.%m.%Y", "%y%m%d")


def why_own(template: str, manifest: str, context: Context) -> str:
    """Return why no other run has this manifest, as part of a sentence; empty where others have it, or nobody can say.

    :param template: the argument as the DAG file has it.
    :param manifest: the same, rendered.
    """
    run = context["dag_run"]
    names = ("data_interval_start", "data_interval_end", "logical_date", "run_after")
    moments = [each for each in (getattr(run, name, None) for name in names) if isinstance(each, datetime)]
    days = {each.date() for each in moments} | {each.astimezone(UTC).date() for each in moments}
    return own(template, manifest, days=days, run_id=run.run_id, given=getattr(run, "conf", None) or {})


def own(template: str, manifest: str, *, days: Collection[date], run_id: str, given: Mapping[str, Any]) -> str:
    """Return what :func:`why_own` does; pure.

    :param days: of the run's interval.
    :param given: parameters that this run was started with.
    """
    code = " ".join(_TEMPLATE.findall(template))
    if found := _OF_THE_RUN.search(code):
        return f"its manifest is made from {found[1]}, which is another one in each run"
    if asked := [name for pair in _PARAM.findall(code) for name in pair if name in given]:
        return f"its manifest was given to this run alone, as {asked[0]}"
    for day in sorted(days):
        for form in _FORMS:
            text = day.strftime(form)
            if re.search(rf"(?<!\d){re.escape(text)}(?!\d)", manifest):
                return f"its manifest has the run's day {text} in its name"
    return f"its manifest has the run's id {run_id} in its name" if run_id and run_id in manifest else ""
