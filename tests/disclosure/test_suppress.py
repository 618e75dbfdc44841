"""Which cells are hidden, judged by linear programs of the tests' own."""

import math
import random
import time

import numpy as np
import pytest

from pipelines.disclosure.linked_cells import LinkedCells, with_margins
from pipelines.disclosure.suppress import hidden_cells
from tests.oracle.cell_bounds import cell_bounds

K = 11
TABLES = 500
NEAR = 1e-5


def table(*rows):
    return np.array(rows, np.int64)


def skewed(random_numbers, rows, columns, scale):
    """Counts as they are: few large rows and columns, many small ones, some cells that cannot be."""
    rates = (
        np.outer(random_numbers.lognormal(0, 1.2, rows), random_numbers.lognormal(0, 1.2, columns)) * scale
    )
    counts = random_numbers.poisson(rates)
    counts[random_numbers.random(counts.shape) < 0.15] = 0
    return counts.astype(np.int64)


def groups(count, size):
    """Places of things in groups, such as days in weeks: `size` of each, the last group may be short."""
    return [list(range(first, min(first + size, count))) for first in range(0, count, size)]


def with_subtotals(counts, row_groups, column_groups):
    """Cells of a table with a subtotal for each group, in both directions, and totals of all."""

    def lines(size, grouped):
        sums = [(size + number, tuple(group)) for number, group in enumerate(grouped)]
        return size + len(grouped) + 1, [
            *sums,
            (size + len(grouped), tuple(range(size, size + len(grouped)))),
        ]

    height, down = lines(counts.shape[0], row_groups)
    width, across = lines(counts.shape[1], column_groups)
    full = np.zeros((height, width), np.int64)
    full[: counts.shape[0], : counts.shape[1]] = counts
    for total, parts in down:
        full[total] = full[list(parts)].sum(axis=0)
    for total, parts in across:
        full[:, total] = full[:, list(parts)].sum(axis=1)
    place = np.arange(full.size).reshape(full.shape)
    sums = [(place[row, total], place[row, list(parts)]) for row in range(height) for total, parts in across]
    sums += [
        (place[total, column], place[list(parts), column]) for column in range(width) for total, parts in down
    ]
    return LinkedCells(full.ravel(), tuple((int(total), tuple(map(int, parts))) for total, parts in sums))


def assert_safe(cells, hidden, k=K):
    """Every small cell is hidden, no zero is, and a reader may take each hidden cell for ≤ 1 and for ≥ k."""
    counts = cells.counts
    assert hidden[(counts > 0) & (counts < k)].all()
    assert not hidden[counts == 0].any()
    for low, high in cell_bounds(counts, cells.sums, hidden).values():
        assert low <= 1 + NEAR
        assert high >= k - NEAR
    # a reader who knows that zeros are shown does not get further with the cells that are no total
    for cell, (low, high) in cell_bounds(counts, cells.sums, hidden, least=1).items():
        assert low <= 1 + NEAR or cells.is_total[cell]
        assert high >= k - NEAR


@pytest.mark.parametrize(
    "numbers",
    [range(100), pytest.param(range(100, TABLES), marks=pytest.mark.slow)],
    ids=["some", "the others"],
)
def test_of_500_random_tables_no_hidden_cell_can_be_derived(numbers):
    """Communes within districts by days within weeks, all in one table."""
    hidden_in_all = complementary = 0
    for number in numbers:
        chance, random_numbers = random.Random(number), np.random.default_rng(number)
        rows, columns = chance.randint(1, 5), chance.randint(1, 6)
        counts = skewed(random_numbers, rows, columns, chance.choice([2, 10, 40, 200]))
        cells = with_subtotals(
            counts, groups(rows, chance.randint(1, 3)), groups(columns, chance.randint(2, 4))
        )
        hidden = hidden_cells(cells, K)
        assert_safe(cells, hidden)
        hidden_in_all += hidden.sum()
        complementary += (hidden & (cells.counts >= K)).sum()
    assert hidden_in_all > 10 * len(numbers)
    assert complementary > len(numbers)


def test_hiding_the_small_cells_alone_gives_them_away():
    """The tests' own programs find it, so that a table that passes them is safe."""
    cells = with_margins(table([3, 20], [30, 40]))
    low, high = cell_bounds(cells.counts, cells.sums, cells.counts < K)[0]
    assert (low, high) == (pytest.approx(3), pytest.approx(3))
    with pytest.raises(AssertionError):
        assert_safe(cells, cells.counts < K)


@pytest.mark.parametrize("number", range(8))
def test_a_table_of_two_dimensions_is_safe_for_other_k(number):
    random_numbers = np.random.default_rng(1000 + number)
    cells = with_margins(skewed(random_numbers, 6, 5, 15))
    for k in (2, 5, 30):
        assert_safe(cells, hidden_cells(cells, k), k)


def test_two_small_cells_take_two_others_with_them():
    hidden = hidden_cells(with_margins(table([3, 20, 500], [20, 3, 600], [700, 800, 900])), K).reshape(4, 4)
    assert hidden[:2, :2].all()
    assert hidden.sum() == 4


def test_a_table_without_small_cells_hides_nothing():
    assert not hidden_cells(with_margins(table([11, 20], [0, 40])), K).any()


def test_a_table_whose_every_cell_is_small_shows_nothing_that_tells():
    cells = with_margins(table([2, 2, 2], [2, 2, 2], [2, 2, 2]))
    hidden = hidden_cells(cells, K)
    assert_safe(cells, hidden)
    # 18 = nine cells of at least one: each of them would be at most 10
    assert hidden.all()


def test_a_table_of_zeros_is_shown():
    assert not hidden_cells(with_margins(np.zeros((3, 4), np.int64)), K).any()


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_a_table_without_cells_has_totals_of_zero(shape):
    cells = with_margins(np.zeros(shape, np.int64))
    assert cells.counts.sum() == 0
    assert not hidden_cells(cells, K).any()


@pytest.mark.parametrize("row", [[3], [3, 50, 40], [3, 0, 0], [3, 8], [1, 10], [10, 10, 10], [50, 60]])
def test_a_table_of_one_row_or_one_column_is_safe(row):
    for counts in (table(row), table(row).T):
        cells = with_margins(counts)
        assert_safe(cells, hidden_cells(cells, K))


def test_a_single_small_count_among_zeros_hides_its_totals_and_no_zero():
    hidden = hidden_cells(with_margins(table([0, 0, 0], [0, 3, 0])), K).reshape(3, 4)
    assert np.argwhere(hidden).tolist() == [[1, 1], [1, 3], [2, 1], [2, 3]]


def test_the_totals_of_a_table_with_much_in_it_are_shown():
    cells = with_margins(skewed(np.random.default_rng(3), 13, 6, 100))
    hidden = hidden_cells(cells, K)
    assert hidden.any()
    assert not (hidden & cells.is_total & (cells.counts >= K)).any()


def test_large_counts_do_not_drown_small_ones():
    counts = skewed(np.random.default_rng(4), 6, 6, 20)
    counts[0] *= 1_000_000
    cells = with_margins(counts)
    hidden = hidden_cells(cells, K)
    assert hidden.any()
    assert_safe(cells, hidden)


def test_what_was_hidden_before_is_hidden_again_and_is_safe_again():
    cells = with_margins(table([3, 20, 500], [30, 40, 600], [700, 800, 900]))
    before = np.zeros(16, bool)
    before[[5, 6]] = True
    hidden = hidden_cells(cells, 31, before)
    assert hidden[[5, 6]].all()
    assert_safe(cells, hidden, 31)


def test_k_of_1_hides_nothing():
    assert not hidden_cells(with_margins(table([1, 2], [0, 4])), 1).any()


def test_the_same_table_hides_the_same_cells():
    cells = with_margins(skewed(np.random.default_rng(5), 8, 8, 20))
    first = hidden_cells(cells, K)
    assert (hidden_cells(cells, K) == first).all()


def test_a_table_of_13_by_17_is_protected_and_audited(capsys):
    from pipelines.disclosure.audit import check_safe

    cells = with_margins(skewed(np.random.default_rng(6), 13, 17, 15))
    started = time.perf_counter()
    hidden = hidden_cells(cells, K)
    check_safe(cells, hidden, K)
    seconds = time.perf_counter() - started
    small = int(((cells.counts > 0) & (cells.counts < K)).sum())
    with capsys.disabled():
        print(f"\n13 × 17 cells, {small} small, {hidden.sum()} hidden: {seconds:.2f} s with its audit")
    assert 30 < small < hidden.sum()
    assert math.isfinite(seconds)
