"""When a person is asked before a run spends, and what they are asked.

Pure: the plan's figures go in, words come out.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.money import Price

_NOTHING = frozenset({"", "None"})
"""What a template makes of nothing."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Above what a person is asked; of the two, whichever is passed."""

    calls: int | None = None
    """Most calls that nobody is asked about; ``None`` for no such limit."""
    cost: Decimal | None = None
    """Most that they may cost without asking, in the currency of the connection's price; ``None`` for no such limit."""

    @classmethod
    def of(cls, calls: Any, cost: Any) -> Self:
        """Return the threshold that two templated arguments give; nothing and empty text set none.

        :raises OCRConfigError: one of them is no number of 0 or more.
        """
        most = _number(calls, "approve_above_calls")
        if most is not None and most != most.to_integral_value():
            message = f"approve_above_calls must be a whole number, not {calls!r}."
            raise OCRConfigError(message)
        return cls(None if most is None else int(most), _number(cost, "approve_above_cost"))

    def reason(self, calls: int, price: Price | None) -> str:
        """Return why a person is asked about so many calls, as the end of a sentence; empty where nobody is.

        :raises OCRConfigError: there is a limit of costs and no price.
        """
        if self.cost is not None and price is None:
            message = (
                "approve_above_cost is set, and the connection does not say what calls cost: add price_per_1000_calls "
                "and currency to its extra, or use approve_above_calls."
            )
            raise OCRConfigError(message)
        if self.calls is not None and calls > self.calls:
            return f"more than {count_of(self.calls, 'call')} (approve_above_calls)"
        if self.cost is not None and price is not None and price.cost(calls) > self.cost:
            return f"more than {self.cost:,f} {price.currency} (approve_above_cost)"
        return ""


@dataclass(frozen=True, slots=True)
class SpendFigures:
    """What one plan, or several of a run together, would spend."""

    calls: int = 0
    """Most calls."""
    images: int = 0
    """Images to read; more than calls where the ledger may have answers."""
    done: int = 0
    """Images that are done already."""
    left_over: int = 0
    """New images for which there is no call."""
    manifests: tuple[str, ...] = ()
    """URIs of the manifests."""

    @classmethod
    def of(cls, plans: list[dict[str, Any]]) -> Self:
        """Return the figures of plans, as the XCom ``plan`` has their counts."""
        return cls(
            calls=sum(int(plan["to_pay"]) for plan in plans),
            images=sum(int(plan["planned"]) for plan in plans),
            done=sum(int(plan["done"]) for plan in plans),
            left_over=sum(int(plan["left_over"]) for plan in plans),
            manifests=tuple(dict.fromkeys(redact(str(plan["manifest"])) for plan in plans)),
        )

    def subject(self, price: Price | None) -> str:
        """Return the question in one line."""
        cost = f", up to {price.say(self.calls)}" if price else ""
        return f"Pay for up to {count_of(self.calls, 'call')}{cost}?"

    def body(self, price: Price | None, reason: str, until: str) -> str:
        """Return what a person needs to know to answer, in Markdown.

        :param reason: why they are asked, see :meth:`Threshold.reason`.
        :param until: the deadline in words; empty where there is none.
        """
        rows = [
            ("images to read", f"{self.images:,}"),
            ("calls, at most", f"{self.calls:,}"),
            *([("cost, at most", price.say(self.calls))] if price else []),
            ("images done already", f"{self.done:,}"),
            ("new images without a call, left for a later run", f"{self.left_over:,}"),
            *[("manifest", f"`{each.replace('`', ' ').replace('|', ' ')}`") for each in self.manifests],
            ("asked because it is", reason),
        ]
        table = "\n".join(f"| {name} | {value} |" for name, value in rows)
        deadline = f", or no answer until {until}" if until else ""
        return (
            f"| | |\n|---|---|\n{table}\n\n"
            "*Approve*: no more than these calls are ever made for this plan. Images that the ledger knows cost "
            f"nothing.\n\n*Reject*{deadline}: nothing is read, nothing is paid, and the calls are free for other "
            "runs. A later run finds the images again."
        )


def _number(value: Any, name: str) -> Decimal | None:
    text = "" if value is None else str(value).strip()
    if text in _NOTHING:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or number < 0:
        message = f"{name} must be a number of 0 or more, not {value!r}."
        raise OCRConfigError(message)
    return number
