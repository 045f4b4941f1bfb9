"""What calls cost, as people count money: a price for 1,000 calls in a currency, from the connection.

Pure, and exact: decimal numbers from end to end. The rule of rounding: the cost of all the calls that are spoken of is
worked out exactly and rounded once, to the smallest unit of the currency, a half upwards (away from zero). So the costs
of two runs may differ by a cent from the cost of both.

It is what the account's owner wrote down, not what the vendor bills: taxes, discounts and calls that a plan includes
are not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.core.errors import OCRConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

HIGHEST = Decimal(1_000_000)
"""Highest price of 1,000 calls; one above it is a slip of the pen."""
_CODE = re.compile(r"[A-Z]{3}")
_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""Currencies whose smallest unit is not the second decimal, by how many decimals they have (ISO 4217)."""
_THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Price:
    """What calls cost."""

    per_1000: Decimal
    """Price of 1,000 calls, 0 or more."""
    currency: str
    """Three capital letters, ISO 4217."""

    @classmethod
    def of(cls, per_1000: Any, currency: Any) -> Self | None:
        """Return the price that the connection's extra says, or ``None`` where it says none.

        :param per_1000: ``price_per_1000_calls``: a number or its text; empty for no price.
        :param currency: a code of three letters, whatever their case.
        :raises OCRConfigError: one of them cannot be used, or a price has no currency.
        """
        code = _currency(currency)
        if per_1000 is None or str(per_1000).strip() == "":
            return None
        amount = _amount(per_1000)
        if code is None:
            message = (
                "price_per_1000_calls has no currency: add one to the connection's extra as well, such as "
                '"currency": "EUR".'
            )
            raise OCRConfigError(message)
        return cls(amount, code)

    def cost(self, calls: int) -> Decimal:
        """Return what ``calls`` cost, rounded as this module says."""
        return self._exact(calls).quantize(self._smallest, rounding=ROUND_HALF_UP)

    def say(self, calls: int) -> str:
        """Return what ``calls`` cost in words: ``12.40 EUR``, or ``under 0.01 EUR`` where it would round to nothing."""
        cost = self.cost(calls)
        if not cost and self._exact(calls):
            return f"under {self._smallest:f} {self.currency}"
        return f"{cost:,f} {self.currency}"

    def to_json(self) -> dict[str, str]:
        """Return the price as JSON-ready data; the number is text, so that no reader rounds it."""
        return {"per_1000_calls": f"{self.per_1000:f}", "currency": self.currency}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Self | None:
        """Return the price that :meth:`to_json` gave; ``None`` where there was none, as in reports of older versions.

        :raises OCRConfigError: somebody else wrote it.
        """
        return cls.of(data.get("per_1000_calls"), data.get("currency")) if data else None

    @property
    def _smallest(self) -> Decimal:
        decimals = next((number for number, codes in _DECIMALS.items() if self.currency in codes), 2)
        return Decimal(1).scaleb(-decimals)

    def _exact(self, calls: int) -> Decimal:
        return self.per_1000 * calls / _THOUSAND


def costs(price: Price | None, **calls: int) -> dict[str, str] | None:
    """Return what each number of calls costs, as JSON-ready data with the currency; ``None`` without a price.

    Sums are text, so that no reader rounds them: ``{"billed": "12.40", "currency": "EUR"}``.
    """
    if price is None:
        return None
    return {name: f"{price.cost(number):f}" for name, number in calls.items()} | {"currency": price.currency}


def _amount(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or not 0 <= amount <= HIGHEST:
        message = f"price_per_1000_calls must be from 0 to {HIGHEST:,f}, such as 12.40 (with a point), not {value!r}."
        raise OCRConfigError(message)
    return amount


def _currency(value: Any) -> str | None:
    code = "" if value is None else str(value).strip().upper()
    if code and not _CODE.fullmatch(code):
        message = f"currency must be a code of three letters (ISO 4217) such as EUR, USD or GBP, not {value!r}."
        raise OCRConfigError(message)
    return code or None
