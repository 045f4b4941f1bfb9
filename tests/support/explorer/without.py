"""Every rule of the ledger, where to look without it, and the law that then breaks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from support.explorer import variants
from support.explorer.choices import Scenario
from support.explorer.process import CLAIM_TO_POST_S
from support.explorer.rules import Rules


@dataclass(frozen=True)
class Without:
    """One rule taken out."""

    rule: str
    """As the docs name it."""
    rules: Rules
    """The product without it."""
    law: str
    """What then breaks."""
    scenario: Scenario
    """Where to look."""
    depth: int = 2
    """How deep."""


_PAID, _KNOWN, _KEPT = "paid once", "nothing known is paid", "answers are kept"
_WHOLE = "whole is an answer"
_RELEASED, _CAUSE, _APPEND = "released was not billed", "doubt has a cause", "append-only"
_DRAIN = "a drain keeps what was sent"
_ONE, _EVER, _GATE = "one answer", "nobody waits for ever", "no call while saving fails"
_BESIDE = "rejected beside a read"
_GRANT = "paid within the grant"
_PURSE = Scenario("a purse of one", workers=1, images=2, grant=1, tries=1, nights=0, crashes=0)
_TWO = Scenario("two tasks", crashes=0)
_CRASH = Scenario("crashes", workers=1, nights=1)
_CUT = Scenario("a call is cut", workers=1, replies=("cut after",), nights=1)
STALL = Scenario("everybody is stalled", jumps_s=(9.0,), jumps=1, crashes=0, nights=1)

WITHOUT = (
    Without("creation is exclusive", Rules(exclusive=False), _PAID, _TWO),
    Without(
        "a store that does not create exclusively is refused",
        Rules(probes=False),
        _PAID,
        replace(_TWO, exclusive=False, opens=True),
    ),
    Without(
        "one's own file is known by its nonce, also after a lost reply",
        Rules(store=variants.TakenIsOthers),
        _CAUSE,
        replace(_TWO, faults=("met itself",)),
    ),
    Without("somebody else's file is known by its nonce", Rules(store=variants.TakenIsOurs), _PAID, _TWO),
    Without("a live claim holds", Rules(resolver=variants.CallsBesideCalls), _PAID, _TWO),
    Without("an answer ends it", Rules(resolver=variants.IgnoresAnswers), _PAID, _TWO),
    Without(
        "a rejection ends it", Rules(resolver=variants.IgnoresRejections), _KNOWN, replace(_TWO, replies=("rejected",))
    ),
    Without(
        "the lease covers the call and the save",
        Rules(lease_s=CLAIM_TO_POST_S),
        _CAUSE,
        replace(_TWO, latency_s=3.0),
    ),
    Without(
        "a claim's own lease counts",
        Rules(ledger=variants.OwnLease),
        _CAUSE,
        replace(_TWO, call_s=(20.0, 4.0), latency_s=10.0),
    ),
    Without(
        "age is taken on the store's clock",
        Rules(ledger=variants.OnOwnClock),
        _CAUSE,
        replace(_TWO, skew_s=(-5 * 3600.0, 3 * 3600.0)),
    ),
    Without("a claim too old to send is released", Rules(paid_caller=variants.AnyAge), _PAID, STALL),
    Without(
        "permit first, claim second",
        Rules(paid_caller=variants.ClaimFirst),
        _EVER,
        Scenario("a slow account", workers=1, images=3, rate_per_s=0.3, tries=1, nights=1),
    ),
    Without("after the permit the ledger is asked again", Rules(paid_caller=variants.NoSecondLook), _KNOWN, STALL),
    Without("what is in doubt is named before it is sent again", Rules(paid_caller=variants.Nameless), _PAID, _CRASH),
    Without("not by the try that made the doubt", Rules(resolver=variants.SendsByReflex), _PAID, _CUT),
    Without(
        "at most one automatic resend ever", Rules(resolver=variants.SendsOnAndOn), _PAID, replace(_CRASH, nights=2)
    ),
    Without(
        "hold and fail send nothing again", Rules(resolver=variants.SendsHeld), _PAID, replace(_CUT, policy="hold")
    ),
    Without(
        "the inbox is asked before anything is sent again",
        Rules(resolver=variants.NeverAsksForLateAnswers),
        _KNOWN,
        replace(_CUT, inbox=True),
    ),
    Without(
        "while the inbox cannot be asked nothing is sent again",
        Rules(resolver=variants.SendsUnasked),
        _KNOWN,
        replace(_CUT, inbox=True, faults=("inbox down",)),
    ),
    Without(
        "what one has settled oneself counts before the store shows it",
        Rules(resolver=variants.Forgets),
        _KNOWN,
        replace(_CUT, inbox=True, faults=("late",)),
    ),
    Without("only what surely cost nothing is released", Rules(paid_caller=variants.ReleasesDoubt), _RELEASED, _CUT),
    Without(
        "a refused call's claim is released before the back-off",
        Rules(paid_caller=variants.KeepsClaims),
        _CAUSE,
        replace(_CUT, replies=("refused",)),
    ),
    Without(
        "a rejection is believed beside a read",
        Rules(rejections=variants.BelievesAtOnce),
        _BESIDE,
        replace(_CUT, replies=("rejected",), holds_back=True),
    ),
    Without("the answer is saved before the outcome", Rules(answer_writer=variants.SavedLater), _KEPT, _TWO),
    Without(
        "an answer that is no read is an answer",
        Rules(paid_caller=variants.UnreadIsLost),
        _WHOLE,
        replace(_CUT, replies=("unread",)),
    ),
    Without(
        "what cannot be saved is spilled",
        Rules(answer_writer=variants.NoSpill),
        _KEPT,
        replace(_TWO, workers=1, faults=("down",)),
    ),
    Without(
        "what was spilled is taken in when a ledger opens",
        Rules(adopts=False),
        _KNOWN,
        replace(_TWO, workers=1, faults=("full",)),
    ),
    Without(
        "no call starts while saving fails",
        Rules(answer_writer=variants.OpenGate),
        _GATE,
        Scenario(
            "the disk is full", workers=1, images=2, replies=("answer", "unavailable"), faults=("full",), crashes=0
        ),
    ),
    Without(
        "a signal is the wish to drain",
        Rules(drains=False),
        _DRAIN,
        replace(_TWO, workers=1, tries=1, nights=0, signals=1),
    ),
    Without(
        "a stop leaves the calls in flight alone",
        Rules(spares_calls=False),
        _DRAIN,
        replace(_TWO, workers=1, tries=1, nights=0, signals=1),
    ),
    Without("nothing is overwritten", Rules(ledger=variants.Overwriting), _APPEND, replace(STALL, inbox=True)),
    Without(
        "the lowest-numbered answer counts", Rules(resolver=variants.LastAnswer), _ONE, replace(_TWO, faults=("down",))
    ),
    Without("a torn end is a doubt", Rules(ledger=variants.TornIsReleased), _PAID, replace(_CRASH, faults=("torn",))),
    Without(
        "an empty claim is a claim", Rules(ledger=variants.EmptyIsNothing), _EVER, replace(_CRASH, faults=("empty",))
    ),
    Without("each paid call takes one of the grant", Rules(purse=variants.Unbound), _GRANT, _PURSE),
    Without(
        "only a call that surely cost nothing gives its own back",
        Rules(purse=variants.TakesBack),
        _GRANT,
        replace(_PURSE, one_by_one=True),
    ),
    Without(
        "who draws has read what was drawn before",
        Rules(purse_files=variants.DrawsBeside),
        _GRANT,
        replace(_PURSE, workers=2),
    ),
    Without(
        "what a killed task may have spent does not come back unasked",
        Rules(doubts_the_dead=False),
        _GRANT,
        replace(_PURSE, tries=2, crashes=1),
    ),
    Without(
        "nobody is waited for longer than a lease",
        Rules(resolver=variants.WaitsOn),
        _EVER,
        Scenario("long calls", call_s=(60.0, 4.0), tries=1, nights=1),
    ),
)
"""Every rule, with the law that breaks without it."""
