"""The command ``quota``: what is left of the account's calls, what runs hold of it, and how long it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.account.connected import hook_of, ledger_place, takes_account
from airflow_provider_platerec_ocr.cli.account.opening import parser_of, run
from airflow_provider_platerec_ocr.cli.shared.common import FINDINGS, FINE, at_least
from airflow_provider_platerec_ocr.cli.shared.output import Output
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.money import costs
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.spending.forecast import forecast
from airflow_provider_platerec_ocr.engine.ledger.allowance import open_book
from airflow_provider_platerec_ocr.engine.ledger.reservations import account_id
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Statistics
    from airflow_provider_platerec_ocr.core.money import Price
    from airflow_provider_platerec_ocr.engine.ledger.reservations import Reservation

_ABOUT = """\
Tell what is left of the account's calls: by its own count, which is asked for and free, less what runs hold and what
is to be kept. It costs nothing."""
_EXAMPLES = """\
  %(prog)s
  %(prog)s --conn-id yard_ocr --reserve 2000
  %(prog)s --output json"""


def main(words: Sequence[str] | None = None, *, clock: Clock | None = None, prog: str = "quota") -> int:
    """Run the command and return its exit code."""
    return run(parser(prog), _quota, words, clock)


def parser(prog: str = "quota") -> argparse.ArgumentParser:
    """Return the command's parser."""
    made = parser_of(prog, _ABOUT, _EXAMPLES, "nothing is free for a new run")
    takes_account(made)
    made.add_argument(
        "--reserve", type=at_least(0), default=0, metavar="CALLS", help="calls that are to be kept (default: 0)"
    )
    return made


def _quota(given: argparse.Namespace, clock: Clock) -> int:
    hook = hook_of(given.conn_id)
    settings, statistics = hook.settings(), hook.statistics()
    place = ledger_place(given.ledger)
    runs = open_book(Store(place), account_id(settings), statistics, clock).of_others(Owner())
    held = sum(each.calls for each in runs)
    free = max(0, statistics.remaining - given.reserve - held)
    with Output(given.output) as out:
        out.put(conn_id=given.conn_id, base_url=settings.base_url, ledger=place.uri)
        out.put(**facts_of(statistics, reserve=given.reserve, held=held, free=free, price=settings.price))
        out.put(forecast=forecast(statistics, clock.now()).to_json(), runs=[_as_json(each) for each in runs])
        _tell(out, given, statistics, (held, len(runs), free), clock)
        if settings.price:
            price = settings.price
            out.say(f"money     {price.say(statistics.calls)} used, {price.say(statistics.remaining)} left")
        if runs:
            out.say("")
            rows = [(each.run_id, each.dag_id, each.group or None, each.calls, each.at) for each in runs]
            out.table(("RUN", "DAG", "GROUP", "CALLS", "SINCE"), rows)
    return FINE if free else FINDINGS


def facts_of(statistics: Statistics, *, reserve: int, held: int, free: int, price: Price | None) -> dict[str, Any]:
    """Return what programs are told of the account's calls."""
    return {
        "calls": statistics.calls,
        "total_calls": statistics.total_calls,
        "left": statistics.remaining,
        "reserve": reserve,
        "held": held,
        "free": free,
        "resets_on": statistics.resets_on,
        "money": costs(price, used=statistics.calls, left=statistics.remaining),
    }


def _tell(
    out: Output, given: argparse.Namespace, statistics: Statistics, counts: tuple[int, int, int], clock: Clock
) -> None:
    """Say it to a person.

    :param counts: calls held, runs that hold them, calls that are free.
    """
    held, runs, free = counts
    used = f"{statistics.calls:,} of {count_of(statistics.total_calls, 'call')} of this period"
    out.facts(
        (
            ("account", given.conn_id),
            ("used", used),
            ("left", count_of(statistics.remaining, "call")),
            ("held", f"{count_of(held, 'call')}, by {count_of(runs, 'run')}" if runs else ""),
            ("reserve", count_of(given.reserve, "call") if given.reserve else ""),
            ("free", f"{count_of(free, 'call')} for a new run"),
            ("forecast", str(forecast(statistics, clock.now()))),
        )
    )


def _as_json(each: Reservation) -> dict[str, Any]:
    return {"dag_id": each.dag_id, "run_id": each.run_id, "group": each.group, "calls": each.calls, "at": each.at}
