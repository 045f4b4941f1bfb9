"""The search of the documentation's site, as a browser runs it: which pages it finds for a few words, best first.

The site searches in the reader's browser, with lunr.js and a few rules of its theme on top. This is the same ranking in
Python, over the same index, so that a test can ask what a reader would find, without a browser and without a server.
Run as a script, it answers for words of yours: ``python tests/support/site_search.py wrong token``.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
K1 = 1.2
"""How soon a word that is said often counts no more [lunr's default; the theme leaves the length of a text out]."""
STOP_WORDS = frozenset(
    re.findall(  # lunr's list
        r"\w+",
        """
        a able about across after all almost also am among an and any are as at be because been but by can cannot could
        dear did do does either else ever every for from get got had has have he her hers him his how however i if in
        into is it its just least let like likely may me might most must my neither no nor not of off often on only or
        other our own rather said say says she should since so some than that the their them then there these they this
        tis to too twas us wants was we were what when where which while who whom why will with would yet you your
        """,
    )
)


def site_config(root: Path = ROOT) -> Any:
    """Return the site's configuration, as MkDocs reads it."""
    from mkdocs.config import load_config  # heavy, and of the documentation alone

    return load_config(str(root / ".mkdocs.yml"))


def built_index() -> dict[str, Any]:
    """Return what the site's ``search_index.json`` holds; pages are rendered for it, and no file is made."""
    from material.plugins.search.plugin import SearchIndex  # heavy, and of the documentation alone
    from mkdocs.structure.files import get_files  # as above
    from mkdocs.structure.nav import get_navigation  # as above

    config = site_config()
    plugin = config.plugins["material/search"]
    plugin.on_config(config)
    files = get_files(config)
    navigation = get_navigation(files, config)
    index = SearchIndex(**plugin.config)
    for page in navigation.pages:
        page.read_source(config)
    for page in navigation.pages:
        page.render(config, files)
        index.add_entry_from_context(page)
    settings = {key: plugin.config[key] for key in ("lang", "separator", "pipeline", "fields")}
    return {"config": settings, "docs": index.entries}


def words_of(text: str, separator: re.Pattern[str]) -> Iterator[str]:
    """Yield the words of a text without its tags, as the theme parts them, in lower case."""
    for piece in re.split(r"<[^>]*>", text):
        start = position = 0
        while match := separator.search(piece, position):
            if start < match.start():
                yield piece[start : match.start()].lower()
            start, position = match.end(), max(match.end(), match.start() + 1)
        if start < len(piece):
            yield piece[start:].lower()


@dataclass
class SiteSearch:
    """An index of sections, and what a reader finds in it."""

    index: dict[str, Any]
    vectors: dict[tuple[int, str], dict[str, float]] = field(init=False)
    """Weights of words, by section and field."""

    def __post_init__(self) -> None:
        """Weigh each word of each section, as lunr does."""
        self.separator = re.compile(self.index["config"]["separator"])
        counts: dict[tuple[int, str], Counter[str]] = {}
        holders: dict[str, int] = defaultdict(int)
        for number, section in enumerate(self.index["docs"]):
            for name in self.index["config"]["fields"]:
                counts[number, name] = Counter(self._words(section.get(name)))
                for word in counts[number, name]:
                    holders[word] += 1
        self.vectors = {
            (number, name): {word: self._weight(times, holders[word], number, name) for word, times in counted.items()}
            for (number, name), counted in counts.items()
        }

    def _words(self, given: str | list[str] | None) -> Iterator[str]:
        for text in [given] if isinstance(given, str) else given or []:
            yield from (word for word in words_of(text, self.separator) if word not in STOP_WORDS)

    def _weight(self, times: int, holders: int, number: int, name: str) -> float:
        rare = math.log(1 + abs((len(self.index["docs"]) - holders + 0.5) / (holders + 0.5)))
        boost = self.index["config"]["fields"][name]["boost"] * self.index["docs"][number].get("boost", 1)
        return float(round(rare * (K1 + 1) * times / (K1 + times) * boost * 1000) / 1000)

    def sections(self, query: str) -> list[tuple[float, str]]:
        """Return what is found, best first: score, and location with its anchor."""
        asked = list(dict.fromkeys(words_of(query, self.separator)))
        known = {word for vector in self.vectors.values() for word in vector}
        wanted = {word: sum(word.startswith(each) for each in asked) for word in known}
        wanted = {word: times for word, times in wanted.items() if times}
        length = math.sqrt(sum(times * times for times in wanted.values()))
        scores: dict[int, float] = defaultdict(float)
        met: dict[int, set[str]] = defaultdict(set)
        for (number, _), vector in self.vectors.items():
            if common := wanted.keys() & vector.keys():
                scores[number] += sum(wanted[word] * vector[word] for word in common) / length
                met[number] |= common
        found = [(self._lifted(number, score, asked, met[number]), number) for number, score in scores.items()]
        return [(score, self.index["docs"][number]["location"]) for score, number in sorted(found, key=_best_first)]

    def _lifted(self, number: int, score: float, asked: list[str], met: set[str]) -> float:
        """Return the score after the theme's own rule: the top of a page, and all words met, count more."""
        hits = {each: any(word.startswith(each) for word in met) for each in asked}
        counted = [hit for each, hit in hits.items() if hit or each not in STOP_WORDS]
        share = sum(counted) / len(counted) if counted else 0.0
        return score * (1 + (("#" not in self.index["docs"][number]["location"]) + share) ** 2)

    def pages(self, query: str) -> list[str]:
        """Return the pages that a reader sees, best first, such as ``how-to/watch-it/``."""
        return list(dict.fromkeys(location.partition("#")[0] for _, location in self.sections(query)))


def _best_first(found: tuple[float, int]) -> tuple[float, int]:
    return -found[0], found[1]


if __name__ == "__main__":
    for place in SiteSearch(built_index()).pages(" ".join(sys.argv[1:]))[:10]:
        sys.stdout.write(f"{place}\n")
