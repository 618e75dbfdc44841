"""Codes that a keyboard, a spreadsheet or a slip has changed find the registered one."""

import pytest

from pipelines.registry.near_misses import CodeSearch, differences

REGISTERED = ("QNG-000123", "QNG-000124", "QNG-000223", "Chợ Thu Lộ", "V1")


@pytest.mark.parametrize(
    ("scanned", "nearest", "how"),
    [
        ("QNG-000 123", "QNG-000123", "blanks"),
        ("QNG-000\u00a0123", "QNG-000123", "blanks"),
        ("QNG-\u200b000123", "QNG-000123", "hidden characters"),
        ("QNG-\u00ad000123", "QNG-000123", "hidden characters"),
        ("QNG-０００１２３", "QNG-000123", "full-width characters"),
        ("ＱＮＧ－０００１２３", "QNG-000123", "full-width characters"),
        ("qng-000123", "QNG-000123", "case"),
        ("QNG–000123", "QNG-000123", "dashes"),
        ("QNG‑000123", "QNG-000123", "dashes"),
        ("QNG－000123", "QNG-000123", "full-width characters"),
        ("Chơ\u0323 Thu Lộ", "Chợ Thu Lộ", "Unicode form"),
        ("qng- 000123", "QNG-000123", "blanks, case"),
        ("chợ thu lộ", "Chợ Thu Lộ", "case"),
        ("Cho Thu Lo", "Chợ Thu Lộ", "accents"),
        ("QNG-000132", "QNG-000123", "1 character"),
        ("QNG-00123", "QNG-000123", "1 character"),
        ("QNG_000124", "QNG-000124", "1 character"),
        ("QN000123", "QNG-000123", "2 characters"),
    ],
)
def test_the_nearest_registered_code_and_how_it_differs(scanned, nearest, how):
    assert CodeSearch(REGISTERED).nearest(scanned) == nearest
    assert differences(scanned, nearest) == how


@pytest.mark.parametrize("scanned", ["", "V2", "HCM-998877", "QNG", "x" * 128, "0905 123 456"])
def test_a_code_that_is_like_none_has_no_nearest(scanned):
    assert CodeSearch(REGISTERED).nearest(scanned) is None


def test_the_order_of_the_registry_does_not_matter():
    codes = ["Ab-1234567", "aB-1234567", "AB-1234568"]
    found = {CodeSearch(order).nearest("ab-1234567") for order in (codes, codes[::-1])}
    assert found == {"Ab-1234567"}
    assert CodeSearch([]).nearest("ab") is None
