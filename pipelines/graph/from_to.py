"""The span between `--from` and `--to`, as several questions take it."""

from pipelines.errors import UsageError
from pipelines.graph.stays_index import Span
from pipelines.times import Instant, end_us, instant_us


def span_between(from_: Instant | None, to: Instant | None) -> Span:
    """Return the span that two times limit; None is open.

    Example:
        >>> day = span_between("2021-07-01", "2021-07-01")  # a date alone ends with its day
        >>> (day.ends_at() - day.begins_at()) // 3_600_000_000
        24

    Raises:
        UsageError: one is not a time, or `to` lies before `from_`.
    """
    span = Span(instant_us(from_, "--from"), end_us(to, "--to"))
    # A date as --to ends with its day, so the day before --from would make an empty span and no error.
    ends_first = span.begins_at() == span.ends_at() != instant_us(to, "--to")
    if ends_first or span.begins_at() > span.ends_at():
        raise UsageError("--from lies after --to", "exchange them")
    return span
