"""A bar on the terminal for work that takes longer than two seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

DELAY_SECONDS = 2.0


@contextmanager
def progress(label: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """Show how far the work is, on standard error and only if that is a terminal.

    Args:
        label: what is done, a short verb phrase.
        total: how many units there are; None when nobody knows.
        unit: what is counted, `file` or `B`.

    Yields:
        A function to be called with the number of units just done.
    """
    scaled = unit == "B"
    with tqdm(
        desc=label,
        total=total,
        unit=unit,
        unit_scale=scaled,
        delay=DELAY_SECONDS,
        leave=False,
        disable=None,  # tqdm's word for: unless standard error is a terminal
    ) as bar:

        def done(units: int) -> None:
            bar.update(units)

        yield done
