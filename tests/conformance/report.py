"""The table of a conformance run, language by feature."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"
_SHOWN = {PASSED: "[green]passed[/]", FAILED: "[bold red]FAILED[/]", NOT_RUN: "[yellow]not run[/]"}


class Report:
    """Collects results and prints them."""

    def __init__(self, features: list[str]) -> None:
        self.features = features
        self._results: dict[tuple[str, str], tuple[str, str]] = {}
        self._console = Console(width=None if Console().is_terminal else 160)

    def add(self, language: str, feature: str, result: str, detail: str = "") -> None:
        """Keep a result."""
        self._results[language, feature] = (result, detail)

    def add_all(self, language: str, features: list[str], result: str, detail: str) -> None:
        """Keep one result for all these features of a language."""
        for feature in features:
            self.add(language, feature, result, detail)

    def has(self, language: str, feature: str) -> bool:
        """Whether it has a result."""
        return (language, feature) in self._results

    def progress(self, line: str) -> None:
        """Say what is being done."""
        self._console.print(line, markup=False, highlight=False)

    @property
    def is_empty(self) -> bool:
        """Whether it has no result at all."""
        return not self._results

    @property
    def failed(self) -> bool:
        """Whether anything failed."""
        return self._counts()[FAILED] > 0

    @property
    def not_run(self) -> bool:
        """Whether anything could not be run."""
        return self._counts()[NOT_RUN] > 0

    def show(self) -> None:
        """Print the table, the reasons, and the closing line."""
        languages = list(dict.fromkeys(language for language, _ in self._results))
        table = Table("feature", *languages)
        for feature in self.features:
            results = (self._results.get((language, feature), ("",))[0] for language in languages)
            table.add_row(feature, *(_SHOWN.get(result, "") for result in results))
        self._console.print(table)
        reasons = dict.fromkeys(
            f"{language}, {feature}: {detail}" if result == FAILED else f"{NOT_RUN}: {language}: {detail}"
            for wanted in (FAILED, NOT_RUN)
            for (language, feature), (result, detail) in self._results.items()
            if result == wanted
        )
        for reason in reasons:
            self.progress(reason)
        counts = self._counts()
        skipped = f", {counts[NOT_RUN]} skipped" if counts[NOT_RUN] else ""
        self.progress(f"{counts[PASSED]} passed, {counts[FAILED]} failed{skipped}")

    def _counts(self) -> Counter[str]:
        return Counter(result for result, _ in self._results.values())
