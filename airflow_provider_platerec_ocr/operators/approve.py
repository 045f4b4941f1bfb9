"""Asking a person before a run pays: Airflow's own human-in-the-loop task, between plan and read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.param import ParamsDict

from airflow_provider_platerec_ocr.compat import HITLOperator, decides_retries, require_people
from airflow_provider_platerec_ocr.core.saying.places import as_text
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from airflow.sdk import Context

APPROVE, REJECT = "Approve", "Reject"
"""The answers that a person can give; no answer in time is the second one."""


class OCRApproveOperator(HITLOperator):
    """Asks a person before the calls of a plan are made, where there are many, and hands its shards on.

    Where the plan is not above the limit, nobody is asked, and the shards are handed on at once. A *no*, or no answer
    in time, is a success that hands on no shard: the read tasks are skipped, the calls are free for other runs at
    once, and the export says that nothing was read. Needs Airflow 3.1.

    However it ends, the plan's calls are a bound for good: no more are made for it, also where reads are cleared after
    their export. A plan that is made again is another one, and is asked about anew; what a person said of the former
    one does not count for it.

    :param shards: (templated) what :class:`OCRPlanOperator` returned: ``plan.output``.
    :param plan: (templated) its counts: ``plan.output["plan"]``.
    :param approve_above_calls: (templated) a person is asked where the plan may make more calls. Default: no such
        limit.
    :param approve_above_cost: (templated) a person is asked where they may cost more, in the currency of the
        connection's price. Default: no such limit.
    :param approve_within: how long they are waited for; ``None`` waits for good. The plan's calls are reserved
        meanwhile. Default: 24 hours. Not templated.
    :param conn_id: (templated) the Airflow connection.
    :param ledger: (templated) folder of the ledger, where the run's reservation of calls is released.
    :param kwargs: for Airflow's ``HITLOperator``, such as ``notifiers`` and ``assigned_users``.

    Returns the shards to read, for ``OCRReadBatchOperator.partial(…).expand(shard=…)``; the answer is in the XCom
    ``approval``.

    :raises OCRConfigError: a limit cannot be used, or there is one of costs and the connection has no price.

    .. versionadded:: 0.2
    """

    template_fields: Sequence[str] = (
        "shards",
        "plan",
        "approve_above_calls",
        "approve_above_cost",
        "conn_id",
        "ledger",
    )
    ui_color = "#fce8e6"

    def __init__(
        self,
        *,
        shards: Any,
        plan: Any,
        approve_above_calls: int | str | None = None,
        approve_above_cost: float | str | None = None,
        approve_within: timedelta | None = timedelta(hours=24),
        conn_id: str = "platerec_ocr_default",
        ledger: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        require_people(
            "approve_above_calls and approve_above_cost",
            "daily_limit and reserve bound what a run spends, and plan_only says what it would.",
            HITLOperator,
        )
        presets: dict[str, Any] = {
            "retry_policy": OCRRetryPolicy(),
            "subject": "Pay for the calls of this run?",
            "options": [APPROVE, REJECT],
            "defaults": [REJECT],
            "response_timeout": approve_within,
        }
        super().__init__(**(presets | kwargs))
        self.shards = shards
        self.plan = plan
        self.approve_above_calls = approve_above_calls
        self.approve_above_cost = approve_above_cost
        self.approve_within = approve_within
        self.conn_id = conn_id
        self.ledger = as_text(ledger)

    @decides_retries
    def execute(self, context: Context) -> Any:
        """Ask a person where the plan is above the limit, and wait; else hand its shards on."""
        from airflow_provider_platerec_ocr.tasks import approve

        question = approve.question(self, context)
        if question is None:
            return approve.unasked(self, context)
        self.subject, self.body = question
        self.params = ParamsDict()  # before 3.3 the form would have those of the DAG
        return super().execute(context)

    @decides_retries
    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Hand the shards on after a yes, and none after a no or where nobody answered in time."""
        from airflow_provider_platerec_ocr.tasks import approve

        self.params = ParamsDict()
        answer = super().execute_complete(context, event)
        return approve.answered(self, context, answer, approved=answer["chosen_options"] == [APPROVE])
