"""Scans whose person is named by a personal code or a citizen card."""

import unicodedata

import pytest

from tests.ingest.reference import SETTINGS, Row, block, kept, line, of, outcomes, parse

CARD = "051200000001|212345678|Nguyễn Văn A|01011990|Nữ|Quảng Ngãi|01012021"
PERSONAL = "001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|<1<DN4010123456789<0905123456"
QID = "162979388586171100"
FULL_WIDTH = {sign: sign + 0xFEE0 for sign in range(0x21, 0x7F)}


def person_of(code, **fields):
    """Return the identifier of the person in a code, or why the scan is refused."""
    [row] = outcomes(parse(block(line(person=None, person_code=code, **fields)), 0, SETTINGS))
    return row.identifier if isinstance(row, Row) else row


@pytest.mark.parametrize(
    ("code", "person"),
    [
        (CARD, "cccd:051200000001"),
        (CARD.replace("|212345678|", "||"), "cccd:051200000001"),
        (CARD.rsplit("|", 1)[0], "cccd:051200000001"),
        (CARD + "\r\n", "cccd:051200000001"),
        ("\ufeff " + CARD, "cccd:051200000001"),
        (unicodedata.normalize("NFD", CARD), "cccd:051200000001"),
        (CARD.replace("Nữ", "NỮ"), "cccd:051200000001"),
        (unicodedata.normalize("NFD", CARD[:24]) + CARD[24:].lower() + " \u00a0", "cccd:051200000001"),
        (CARD.translate(FULL_WIDTH), "cccd:051200000001"),
        (PERSONAL, "cccd:001093029317"),
        (PERSONAL.replace("001093029317", "0010*****317"), f"qid:{QID}"),
        (PERSONAL.replace("001093029317", "212345678"), f"qid:{QID}"),
        (PERSONAL.replace("001093029317", ""), f"qid:{QID}"),
        (PERSONAL.replace("|0|", "|1|"), "cccd:001093029317"),
        (PERSONAL.replace(QID, "16297938****171100"), "bad_code"),
        (CARD.replace("051200000001", "0512****0001"), "bad_code"),
        (CARD[:-2], "bad_code"),
        ("QNG-0001", "bad_code"),
        ("https://qr.pccovid.gov.vn/abc", "bad_code"),
        ("a\nb", "bad_text"),
        ("x" * 4097, "bad_text"),
        ("nan", "missing_field"),
        (" ", "missing_field"),
    ],
)
def test_the_strongest_identifier_of_a_code_is_the_person(code, person):
    assert person_of(code) == person


def test_a_scan_by_card_is_the_scan_of_its_person():
    by_card = kept(person=None, person_code=CARD)
    assert by_card == kept(person="cccd:051200000001")


@pytest.mark.parametrize(
    ("person", "outcome"),
    [
        ("cccd:051200000001", "kept"),
        ("cmnd:212345678", "kept"),
        ("phone:0905123456", "kept"),  # a card holds no phone, so it says nothing against one
        ("cccd:051200000002", "bad_code"),
        ("cmnd:212345679", "bad_code"),
        ("cccd:1", "bad_person"),
        ("nan", "kept"),
    ],
)
def test_a_card_beside_a_person_must_not_contradict_him(person, outcome):
    assert of(line(person=person, person_code=CARD)) == [outcome]


def test_the_person_named_stands_beside_a_code():
    assert kept(person="phone:0905123456", person_code=CARD).identifier == "phone:+84905123456"


def test_a_damaged_code_is_refused_even_beside_a_person():
    assert of(line(person_code="anything")) == ["bad_code"]


def test_rows_with_and_without_a_code_share_a_block():
    lines = [line(), line(person=None, person_code=CARD), line(person="qid:a"), line(person=None)]
    found = outcomes(parse(block("\n".join([*lines, lines[1]])), 0, SETTINGS))
    names = [row.identifier if isinstance(row, Row) else row for row in found]
    card = "cccd:051200000001"
    assert names == ["phone:+84905123456", card, "qid:a", "missing_field", card]


def test_a_person_found_by_name_and_by_card_is_sealed_once():
    lines = [line(person=None, person_code=CARD), line(person="cccd:051200000001")]
    parsed = parse(block("\n".join(lines)), 0, SETTINGS)
    assert list(parsed.identifiers) == [b"cccd:051200000001"]
    assert parsed.tokens.size == 1
