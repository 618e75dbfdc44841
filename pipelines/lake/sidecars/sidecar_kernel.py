"""Many binary searches at once in sorted columns, each from where the one before ended."""

from pipelines.kernels.binary_search import first_after, first_from
from pipelines.kernels.compile import helper
from pipelines.kernels.types import Int64


@helper
def rows_of(ids: Int64, wanted: Int64, first: Int64, last: Int64) -> None:
    """Find the rows [first, last) of each wanted id; fastest where these ascend."""
    # Start of the next search. Both searches gallop, so nearby ids cost few reads.
    row = 0
    for at in range(wanted.size):
        if at and wanted[at] < wanted[at - 1]:
            row = 0  # not ascending: start over
        first[at] = first_from(ids, wanted[at], row)
        row = last[at] = first_after(ids, wanted[at], first[at])
        # A repeated id has the same rows, which begin before `row`.
        if at + 1 < wanted.size and wanted[at + 1] == wanted[at]:
            row = first[at]


@helper
def rows_entering(
    ids: Int64,
    enter_us: Int64,
    wanted: Int64,
    after_us: Int64,
    before_us: Int64,
    first: Int64,
    last: Int64,
) -> None:
    """Find the rows of each wanted id that enter after one instant and before another."""
    # [begin, end) are the rows of the current id, kept while `wanted` repeats it.
    begin = end = 0
    for at in range(wanted.size):
        if at and wanted[at] < wanted[at - 1]:
            end = 0  # not ascending: start over
        if at == 0 or wanted[at] != wanted[at - 1]:
            begin = first_from(ids, wanted[at], end)
            end = first_after(ids, wanted[at], begin)
        first[at] = last[at] = begin  # an id without rows gets an empty range
        if begin < end:
            # Within an id, rows ascend by enter; both instants are exclusive.
            enters = enter_us[begin:end]
            first[at] = begin + first_after(enters, after_us[at], 0)
            last[at] = begin + first_from(enters, before_us[at], 0)
