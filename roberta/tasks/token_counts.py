"""tokenize --stats: how long the records of a run are, in tokens."""

from __future__ import annotations

from collections import Counter

from roberta.tasks.base import Result


class TokenCounts:
    """Counts the tokens of records; what it keeps grows with the number of different lengths only.

    limit: the longest record that fits a window, counted as the records are: with the framing if they show it.

    >>> counts = TokenCounts(limit=4)
    >>> for tokens in (4, 7, 2, 2):
    ...     counts.add(tokens)
    >>> counts.result()
    {'records': 4, 'tokens': 15, 'p50': 2, 'p95': 7, 'max': 7, 'limit': 4, 'over_limit': 1}
    """

    def __init__(self, limit: int):
        self.limit = limit
        self._records_of_length: Counter[int] = Counter()

    def add(self, tokens: int) -> None:
        """Count a record of so many tokens."""
        self._records_of_length[tokens] += 1

    def add_result(self, result: Result) -> None:
        """Count the record of which the task Tokenize made `result`, whatever it was asked to show."""
        count = result.get("count")
        self.add(len(next(iter(result.values()))) if count is None else count)

    def result(self) -> Result:
        """The numbers so far; p50, p95 and max are None while there are no records.

        p95 is the smallest length that at least 95 of 100 records do not exceed: always the length of a record.
        """
        lengths = sorted(self._records_of_length.items())
        return {
            "records": self._records_of_length.total(),
            "tokens": sum(length * records for length, records in lengths),
            "p50": self._percentile(50),
            "p95": self._percentile(95),
            "max": self._percentile(100),
            "limit": self.limit,
            "over_limit": sum(records for length, records in lengths if length > self.limit),
        }

    def _percentile(self, percent: int) -> int | None:
        wanted = self._records_of_length.total() * percent  # in hundredths of a record, so that nothing is rounded
        passed = 0
        for length, records in sorted(self._records_of_length.items()):
            passed += 100 * records
            if passed >= wanted:
                return length
        return None
