"""What the unchanged product is put through. In every scenario the machines' wall clocks are hours off."""

from __future__ import annotations

from dataclasses import replace

from support.explorer.choices import Scenario

STALLS_S = (3.0, 9.0)
"""Longer than a claim may wait for its call; longer than a lease."""

SCENARIOS = (
    Scenario("two tasks stall and crash", tries=2, nights=1, jumps_s=STALLS_S, crashes=1, jumps=1),
    Scenario("three tasks", workers=3, tries=2, nights=1, jumps_s=STALLS_S, crashes=1, depth=1),
    Scenario("crash upon crash, four nights", workers=1, nights=3, crashes=4, faults=("500",)),
    Scenario(
        "the API refuses, rejects, breaks off",
        faults=("refused", "unavailable", "not sent", "rejected", "stop", "cut before", "cut after"),
        crashes=0,
    ),
    Scenario(
        "rejections wait to be believed",
        workers=1,
        images=2,
        tries=2,
        nights=3,
        faults=("rejected", "refused", "down"),
        jumps_s=(9.0,),
        crashes=1,
        jumps=1,
        stops=1,
        holds_back=True,
    ),
    Scenario(
        "a bad image alone, four nights",
        workers=1,
        tries=1,
        nights=3,
        replies=("rejected",) * 4,
        faults=("down",),
        crashes=1,
        holds_back=True,
        depth=1,
    ),
    Scenario("answers that are no reads", tries=2, nights=1, faults=("unread", "cut after"), crashes=1),
    Scenario(
        "a busy API",
        workers=1,
        nights=1,
        replies=("unavailable",) * 2,
        faults=("refused", "unavailable", "not sent"),
        depth=1,
    ),
    Scenario(
        "replies get lost, writes show late", tries=2, nights=1, crashes=1, faults=("late", "lost reply", "met itself")
    ),
    Scenario("ends show later than a lease", tries=2, nights=1, faults=("late",), late_s=12.0, depth=1),
    Scenario("files are torn or empty", tries=2, nights=1, crashes=1, faults=("torn", "empty")),
    Scenario("the store fails for a while", tries=2, nights=1, faults=("down",), crashes=1),
    Scenario("told to stop while answers do not fit", tries=2, nights=1, faults=("full",), crashes=1, stops=1),
    Scenario("signals at any time", tries=2, nights=1, faults=("cut after",), crashes=1, signals=1),
    Scenario("a full disk, two images", workers=1, images=2, nights=1, faults=("full",), crashes=1),
    Scenario("hold, and a person", tries=2, nights=1, faults=("cut before", "cut after"), policy="hold", person=True),
    Scenario(
        "fail", tries=2, nights=1, faults=("cut after",), policy="fail", jumps_s=STALLS_S, jumps=1, crashes=1, depth=1
    ),
    Scenario("an inbox settles", tries=2, nights=1, faults=("cut after", "inbox down"), crashes=1, inbox=True),
    Scenario(
        "an inbox settles, and it shows late",
        workers=1,
        nights=1,
        replies=("cut after",),
        faults=("late", "lost reply", "met itself", "inbox down"),
        inbox=True,
    ),
    Scenario("one task's calls take longer", tries=2, nights=1, call_s=(20.0, 4.0), crashes=1, jumps_s=(9.0,), depth=1),
    Scenario(
        "one purse for two tasks",
        images=2,
        tries=2,
        nights=1,
        crashes=1,
        grant=2,
        faults=("refused", "cut after"),
        depth=1,
    ),
    Scenario(
        "a purse whose files get lost, show late, are torn",
        images=2,
        tries=2,
        nights=1,
        crashes=1,
        grant=1,
        faults=("late", "lost reply", "met itself", "torn", "empty", "down"),
        depth=1,
    ),
    Scenario("a store that is not exclusive", exclusive=False, opens=True),
)
_ALL = Scenario(
    "three tasks, everything at once",
    workers=3,
    nights=2,
    faults=(
        *("refused", "unavailable", "not sent", "rejected", "cut before", "cut after"),
        *("down", "full", "late", "torn", "empty", "lost reply", "met itself"),
    ),
    jumps_s=STALLS_S,
    crashes=4,
    jumps=3,
    broken=5,
    stops=2,
    signals=1,
    person=True,
)
EVERYTHING = (
    _ALL,
    replace(_ALL, name="the same, hold", policy="hold"),
    replace(_ALL, name="the same, fail", policy="fail"),
    replace(_ALL, name="the same, two images and an inbox", images=2, inbox=True, faults=(*_ALL.faults, "inbox down")),
    replace(_ALL, name="the same, ends show later than a lease", late_s=12.0),
    replace(_ALL, name="the same, and answers that are no reads", faults=(*_ALL.faults, "unread")),
    replace(_ALL, name="the same, two images and a purse", images=2, grant=3),
    replace(_ALL, name="the same, four images, and rejections wait", images=4, workers=2, holds_back=True),
    replace(_ALL, name="the same, one task's calls take longer", call_s=(20.0, 4.0, 4.0)),
)
"""For drawn executions, which go where no search in order of deviations comes."""
