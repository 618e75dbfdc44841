import numpy as np
import pytest
from PIL import Image

from pipelines.codes.read_picture import read_codes
from pipelines.codes.symbols import dark_runs, symbol, version_of


@pytest.mark.parametrize("text", ["A", "QNG-0001", "https://qr.pccovid.gov.vn/a", "Chợ Thu Lộ", "A" * 500])
def test_a_symbol_is_read_back(text):
    modules = np.pad(symbol(text), 4)
    picture = np.where(np.kron(modules, np.ones((6, 6), bool)), 0, 255).astype(np.uint8)
    assert [raw.decode() for raw in read_codes(Image.fromarray(picture))] == [text]


def test_the_smallest_version_that_holds_the_text_is_taken():
    assert version_of(symbol("A" * 157)) == 8
    assert version_of(symbol("A" * 158)) == 9


def test_the_runs_are_all_that_is_dark():
    modules = symbol("QNG-0001")
    drawn = np.zeros_like(modules)
    for row, column, size in dark_runs(modules):
        assert not drawn[row, column : column + size].any()
        drawn[row, column : column + size] = True
    assert (drawn == modules).all()
