"""Scripted faults: which call goes wrong, and how.

A script is a list of rules, ``SELECTORS:KIND[;OPTION=VALUE…]``::

    every=7:503                          each seventh call
    nth=3:cut-after                      the third call is worked, billed, and its answer never arrives
    nth=10-20:429;retry_after=2          calls 10 to 20
    image=3fa9:400                       images whose SHA-256 begins so, or whose file name or URL contains it
    window=5-65:503                      calls that arrive 5 to 65 s after the start
    image=truck,nth=1:slow=3             selectors are joined by commas; nth and every count the calls the others let by
    nth=7-12:hold                        these calls wait until another script is set
    on=statistics,always:503;times=2     the statistics call; at most twice

The first rule that fires decides. Knows nothing of HTTP: ``outcomes`` turns a fault into a reply.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Kind(StrEnum):
    """What goes wrong. Those that refuse do no work (and bill nothing, unless ``billed=yes``)."""

    BAD_REQUEST = "400"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    TOO_LARGE = "413"
    THROTTLED = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY_HTML = "502-html"
    UNAVAILABLE = "503"
    GATEWAY_TIMEOUT = "504"
    BLOCKED_HTML = "400-html"
    FORBIDDEN_HTML = "403-html"
    MISSING_HTML = "404-html"
    CUT_BEFORE = "cut-before"
    HANG = "hang"
    CUT_AFTER = "cut-after"
    CUT_JSON = "cut-json"
    BAD_JSON = "bad-json"
    ERROR_200 = "error-200"
    DIALECT = "dialect"
    LONG_HEAD = "long-head"
    EMPTY = "empty"
    SLOW = "slow"
    HOLD = "hold"

    @property
    def refuses(self) -> bool:
        """Whether the API's work is left undone."""
        return self not in _AFTER_WORK


_AFTER_WORK = frozenset(
    {
        Kind.CUT_AFTER,
        Kind.CUT_JSON,
        Kind.BAD_JSON,
        Kind.ERROR_200,
        Kind.DIALECT,
        Kind.LONG_HEAD,
        Kind.EMPTY,
        Kind.SLOW,
        Kind.HOLD,
    }
)


class Endpoint(StrEnum):
    """Which call a rule is about."""

    READER = "reader"
    STATISTICS = "statistics"


class FaultScriptError(ValueError):
    """A rule that cannot be read; the message names it and what is known."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one call."""

    kind: Kind
    """The kind."""
    name: str
    """The rule as it was written, for the call log."""
    seconds: float | None = None
    """For slow and hang: how long; a hang without it lasts until the client goes."""
    retry_after_s: float | None = None
    """For 429 and 503: what the client is asked to wait."""
    header: bool = True
    """For 429 and 503: whether Retry-After is sent, or (429) only the text says it."""
    text: bool = True
    """For 429: whether the text names the wait; without it and the header nobody does."""
    billed: bool = False
    """For kinds that refuse: whether the work is done, and billed, before the refusal."""

    @property
    def before_work(self) -> bool:
        """Whether the call ends without work."""
        return self.kind.refuses and not self.billed


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule may look at in one call."""

    since_s: float
    """Seconds since the sandbox (or its last reset) began."""
    endpoint: Endpoint = Endpoint.READER
    """Which call it is."""
    image: str = ""
    """SHA-256 of the bytes, or the URL."""
    filename: str = ""
    """The upload's file name."""
    type: str = ""
    """What is to be read."""


@dataclass(slots=True)
class Rule:
    """One line of a script, with the calls it has counted."""

    fault: Fault
    """What it does."""
    filters: list[Callable[[Facts], bool]] = field(default_factory=list)
    """Which calls it counts."""
    turns: list[Callable[[int], bool]] = field(default_factory=list)
    """Which of the counted calls it fires on, by their number from 1."""
    times: int | None = None
    """How often it may fire; None: always."""
    seen: int = 0
    """Calls counted."""
    fired: int = 0
    """Calls it fired on."""

    def fires(self, facts: Facts) -> bool:
        """Count the call and tell whether the rule would fire."""
        if not all(lets_by(facts) for lets_by in self.filters):
            return False
        self.seen += 1
        spent = self.times is not None and self.fired >= self.times
        return not spent and all(is_turn(self.seen) for is_turn in self.turns)


class Hold:
    """Where calls wait, before their work begins, until they are let go."""

    def __init__(self) -> None:
        """Hold all that come."""
        self._over = asyncio.Event()
        self.calls = 0
        """Calls that wait now."""

    async def wait(self) -> None:
        """Return when calls are let go."""
        self.calls += 1
        try:
            await self._over.wait()
        finally:
            self.calls -= 1

    def let_go(self) -> None:
        """Let all calls go, those that come later, too."""
        self._over.set()


class FaultScript:
    """The rules of a sandbox, in order."""

    def __init__(self, specs: Iterable[str] = (), seed: int = 0) -> None:
        """Read the rules.

        :param seed: for ``chance``, so that a script gives the same faults each time.
        :raises FaultScriptError: for a rule that cannot be read.
        """
        draw = random.Random(seed)
        self.specs = list(specs)
        self.hold = Hold()
        self._rules = [parse_rule(spec, draw.random) for spec in self.specs]

    def pick(self, facts: Facts) -> Fault | None:
        """Show one call to all rules; the first that fires gives the fault."""
        firing = [rule for rule in self._rules if rule.fires(facts)]
        if not firing:
            return None
        firing[0].fired += 1
        return firing[0].fault


def parse_rule(spec: str, draw: Callable[[], float] = random.random) -> Rule:
    """Read one rule.

    :param draw: gives numbers from 0 to 1 for ``chance``.
    :raises FaultScriptError: naming the part that is wrong and what would be right.
    """
    head, *options = spec.split(";")
    selectors, colon, kind = head.rpartition(":")
    if not colon:
        msg = f"fault {spec!r}: write SELECTOR:KIND, for example every=7:503"
        raise FaultScriptError(msg)
    fault, times = _parse_fault(spec, kind, options)
    rule = Rule(fault, times=times)
    endpoint = Endpoint.READER
    for selector in selectors.split(","):
        name, _, value = selector.strip().partition("=")
        if name == "on":
            endpoint = _endpoint(spec, value)
        else:
            _add_selector(rule, spec, name, value, draw)
    rule.filters.append(lambda facts: facts.endpoint is endpoint)
    return rule


def _add_selector(rule: Rule, spec: str, name: str, value: str, draw: Callable[[], float]) -> None:
    match name:
        case "always" if not value:
            pass
        case "every":
            every = _whole(spec, name, value)
            rule.turns.append(lambda number: number % every == 0)
        case "nth":
            first, last = _range(spec, name, value)
            rule.turns.append(lambda number: first <= number <= last)
        case "chance":
            chance = _number(spec, name, value)
            rule.turns.append(lambda _: draw() < chance)
        case "window":
            since_s, until_s = _range(spec, name, value)
            rule.filters.append(lambda facts: since_s <= facts.since_s < until_s)
        case "image" if value:
            rule.filters.append(
                lambda facts: (
                    facts.image.startswith(value)
                    or value in facts.filename
                    or ("/" in facts.image and value in facts.image)
                )
            )
        case "type" if value:
            rule.filters.append(lambda facts: facts.type == value)
        case _:
            msg = f"fault {spec!r}: unknown selector {name!r}; known: {', '.join(SELECTORS)}"
            raise FaultScriptError(msg)


SELECTORS = (
    "always",
    "every=N",
    "nth=N",
    "nth=A-B",
    "chance=P",
    "window=A-B",
    "image=TEXT",
    "type=NAME",
    "on=ENDPOINT",
)
OPTIONS = ("retry_after", "header", "text", "seconds", "billed", "times")


def _parse_fault(spec: str, kind: str, options: list[str]) -> tuple[Fault, int | None]:
    name, equals, value = kind.strip().partition("=")
    if name not in list(Kind) or (equals and name != Kind.SLOW):
        msg = f"fault {spec!r}: unknown kind {kind!r}; known: {', '.join(Kind)} (slow=SECONDS)"
        raise FaultScriptError(msg)
    given = dict(option.strip().partition("=")[::2] for option in options)
    if equals:
        given["seconds"] = value
    unknown = [option for option in given if option not in OPTIONS]
    if unknown:
        msg = f"fault {spec!r}: unknown option {unknown[0]!r}; known: {', '.join(OPTIONS)}"
        raise FaultScriptError(msg)
    if name == Kind.SLOW and "seconds" not in given:
        msg = f"fault {spec!r}: write slow=SECONDS"
        raise FaultScriptError(msg)
    numbers = {key: _number(spec, key, given[key]) for key in ("seconds", "retry_after") if key in given}
    fault = Fault(
        kind=Kind(name),
        name=spec,
        seconds=numbers.get("seconds"),
        retry_after_s=numbers.get("retry_after"),
        header=_yes(spec, "header", given.get("header", "yes")),
        text=_yes(spec, "text", given.get("text", "yes")),
        billed=_yes(spec, "billed", given.get("billed", "no")),
    )
    return fault, _whole(spec, "times", given["times"]) if "times" in given else None


def _endpoint(spec: str, value: str) -> Endpoint:
    if value not in list(Endpoint):
        msg = f"fault {spec!r}: on={value} is unknown; known: {', '.join(Endpoint)}"
        raise FaultScriptError(msg)
    return Endpoint(value)


def _number(spec: str, name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        msg = f"fault {spec!r}: {name} needs a number of at least 0, not {value!r}"
        raise FaultScriptError(msg)
    return number


def _whole(spec: str, name: str, value: str) -> int:
    number = _number(spec, name, value)
    if number < 1 or number != int(number):
        msg = f"fault {spec!r}: {name} needs a whole number of at least 1, not {value!r}"
        raise FaultScriptError(msg)
    return int(number)


def _range(spec: str, name: str, value: str) -> tuple[float, float]:
    first, dash, last = value.partition("-")
    low = _number(spec, name, first)
    high = _number(spec, name, last) if dash else low
    if high < low:
        msg = f"fault {spec!r}: {name}={value} ends before it begins"
        raise FaultScriptError(msg)
    return low, high


def _yes(spec: str, name: str, value: str) -> bool:
    if value not in {"yes", "no"}:
        msg = f"fault {spec!r}: {name} is yes or no, not {value!r}"
        raise FaultScriptError(msg)
    return value == "yes"
