"""The canonical spelling of a person's identifier."""

import pytest

from pipelines.errors import UsageError
from pipelines.privacy.identifiers import KINDS, OLD_MOBILES, canonical_or_none, canonical_person
from schemas.wire_text import BLANKS

PHONE = "phone:+84905123456"
LANDLINE = "phone:+842553822222"


@pytest.mark.parametrize(
    "text",
    [
        "phone:0905123456",
        "phone:84905123456",
        "phone:+84905123456",
        "phone:+84 905 123 456",
        "phone:0084905123456",
        "phone:0084 0905 123 456",
        "phone:(0905) 123-456",
        "phone:0905.123.456",
        "phone:09.05.12.34.56",
        "phone:0905123.456",
        "phone:0905.123456",
        "phone:+84-905-123.456",
        "phone:+84 (0)905 123 456",
        "phone:(+84) 905123456",
        "phone:84 0905123456",
        "phone: 0905123456",
        " phone:0905123456\u00a0",
        "phone:0905\u00a0123\u202f456",
        "phone:0905\u200b123\ufeff456",
        "phone:0905\u2011123\u2013456",
    ],
)
def test_every_spelling_of_a_mobile_number_is_one(text: str) -> None:
    assert canonical_person(text) == PHONE


@pytest.mark.parametrize("blank", BLANKS.replace("\t", ""))
def test_blanks_of_every_kind_may_stand_in_a_phone_a_card_and_behind_the_colon(blank: str) -> None:
    assert canonical_person(f"phone:{blank}0905{blank}123456{blank}") == PHONE
    assert canonical_person(f"bhyt:HC401{blank}01234{blank}56789") == "bhyt:0123456789"
    assert canonical_person(f"passport:{blank}c{blank}1234567") == "passport:C1234567"
    assert canonical_person(f"qid:{blank}A{blank}1") == f"qid:A{blank}1".replace("\u2000", "\u2002").replace(
        "\u2001", "\u2003"
    )


@pytest.mark.parametrize(
    "text",
    ["phone:02553822222", "phone:(0255) 3822 222", "phone:+84 255 382 2222", "phone:0084.255.3822222"],
)
def test_every_spelling_of_a_landline_is_one(text: str) -> None:
    assert canonical_person(text) == LANDLINE


@pytest.mark.parametrize("first", "35789")
def test_the_five_mobile_blocks_have_nine_national_digits(first: str) -> None:
    assert canonical_person(f"phone:0{first}12345678") == f"phone:+84{first}12345678"
    assert canonical_or_none(f"phone:0{first}123456789") is None
    assert canonical_or_none(f"phone:0{first}1234567") is None


@pytest.mark.parametrize("first", "146")
def test_a_number_outside_of_the_numbering_plan_is_refused(first: str) -> None:
    for national in (f"{first}12345678", f"{first}512345678", f"{first}912345678"):
        assert canonical_or_none(f"phone:0{national}") is None
        assert canonical_or_none(f"phone:+84{national}") is None


def test_ten_national_digits_are_a_landline_or_an_old_mobile_number_and_nothing_else() -> None:
    kept = {prefix for prefix in range(100, 1000) if canonical_or_none(f"phone:0{prefix}1234567")}
    assert kept == {*range(200, 300), *map(int, OLD_MOBILES)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(("0120", "070"), ("0121", "079"), ("0122", "077"), ("0126", "076"), ("0128", "078")),
        *(("0123", "083"), ("0124", "084"), ("0125", "085"), ("0127", "081"), ("0129", "082")),
        *(("0162", "032"), ("0163", "033"), ("0164", "034"), ("0165", "035"), ("0166", "036")),
        *(("0167", "037"), ("0168", "038"), ("0169", "039")),
        *(("0186", "056"), ("0188", "058"), ("0199", "059")),
    ],
)
def test_a_mobile_number_of_before_2018_is_its_successor(old: str, new: str) -> None:
    expected = canonical_person(f"phone:{new}1234567")
    assert expected == f"phone:+84{new[1:]}1234567"
    for spelling in (f"{old}1234567", f"+84 {old[1:]} 123 4567", f"0084{old[1:]}1234567", f"84{old}1234567"):
        assert canonical_person(f"phone:{spelling}") == expected


@pytest.mark.parametrize(
    "text",
    [
        "phone:0381234567.0",
        "phone:381234567.0",
        "phone:0381234567.00",
        "phone:+84381234567.0",
        "phone:090512345.0",  # with the 0 in its place this would be somebody's number
        "phone:028381234.50",
        "phone:+49301234567.0",
        "phone:0381234567,0",
        "phone:9.05E+08",
        "phone:9.05123456E+08",
        "phone:9,05E+08",
        "phone:'0905123456",
        "phone:=0905123456",
        "phone:０９０５１２３４５６",
        "phone:٠٩٠٥١٢٣٤٥٦",
        "phone:0905123456x",
        "phone:0905 123 456 / 0905 123 457",
        "cccd:051234567890.0",
        "cccd:5.12346E+10",
        "cccd:'051234567890",
        "cmnd:212345678.0",
        "bhyt:0123456789.0",
        "passport:1.23457E+07",
        "qid:162979388586171100.0",
        "qid:1.62979E+17",
        "qid:1,62979e+17",
        "device:12345678901234567890.0",
        "device:4.5E-05",
    ],
)
def test_a_damaged_number_belongs_to_no_person(text: str) -> None:
    assert canonical_or_none(text) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("word", ["nan", "NaN", "N/A", "na", "None", "NULL", "-", " nan", "null\u00a0"])
def test_a_word_for_no_value_is_no_person(kind: str, word: str) -> None:
    assert canonical_or_none(f"{kind}:{word}") is None


@pytest.mark.parametrize("value", ["nano", "Na-1", "n/b", "0", "--", "nulls"])
def test_what_only_resembles_a_word_for_no_value_is_kept(value: str) -> None:
    assert canonical_or_none(f"qid:{value}") == f"qid:{value}"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("phone:+4930123456", "phone:+4930123456"),
        ("phone:+65 8123 4567", "phone:+6581234567"),
        ("phone:+12345678", "phone:+12345678"),
        ("phone:+123456789012345", "phone:+123456789012345"),
        ("cccd:001234567890", "cccd:001234567890"),
        ("cccd: 001234567890", "cccd:001234567890"),
        ("cmnd:212345678", "cmnd:212345678"),
        ("bhyt:dn 4 01 01 234 56789", "bhyt:0123456789"),
        ("bhyt:HC4010123456789", "bhyt:0123456789"),
        ("bhyt:DN\u00a0401 0123456789", "bhyt:0123456789"),
        ("bhyt:0123456789", "bhyt:0123456789"),
        ("bhyt:01 2345 6789", "bhyt:0123456789"),
        ("passport:c 1234567", "passport:C1234567"),
        ("passport:C1234567", "passport:C1234567"),
        ("qid:Nguye\u0302\u0303n", "qid:Nguyễn"),
        ("qid: Nguyễn ", "qid:Nguyễn"),
        ("qid:162979388586171100", "qid:162979388586171100"),
        ("qid:12E5", "qid:12E5"),
        ("device:a:b", "device:a:b"),
        ("device:10.5", "device:10.5"),
        ("device:v1.0", "device:v1.0"),
        ("device:" + "a" * 128, "device:" + "a" * 128),
    ],
)
def test_each_kind_has_its_canonical_spelling(text: str, canonical: str) -> None:
    assert canonical_person(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0905123456",
        "Phone:0905123456",
        "phone :0905123456",
        "phone:",
        "phone: ",
        "phone:+",
        "phone:0",
        "phone:+84",
        "phone:905123456",
        "phone:0005123456",
        "phone:090512345",
        "phone:090512345678",
        "phone:+84012345678",
        "phone:+8490512345",
        "phone:+84905123456789",
        "phone:+1234567",
        "phone:+1234567890123456",
        "phone:0049301234567",
        "phone:4930123456",
        "phone:+0123456789",
        "phone:++84905123456",
        "phone:0905+123456",
        "phone:0905123456\n",
        "phone:0905***456",
        "cccd:00123456789",
        "cccd:0012345678901",
        "cccd:0012 3456 7890",
        "cmnd:21234567",
        "cmnd:001234567890",
        "bhyt:DN40101234567",
        "bhyt:DN4010123456789X",
        "bhyt:DN401012345678X",
        "bhyt:DN4010123",
        "passport:C123",
        "passport:straße1",
        "passport:" + "A" * 21,
        "qid:",
        "qid:a*b",
        "qid:a\u202eb",
        "qid:a\x00",
        "qid:\ud800",
        "device:" + "ă" * 65,
    ],
)
def test_a_malformed_identifier_is_refused_without_an_echo(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        canonical_person(text)
    value = text.partition(":")[2].strip()
    assert refusal.value.exit_code == 2
    assert len(value) < 4 or value not in str(refusal.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_error_names_the_kind_and_what_to_write(kind: str) -> None:
    with pytest.raises(UsageError, match=f"the value is not a valid {kind}: write "):
        canonical_person(f"{kind}:*")


@pytest.mark.parametrize(
    "text", [PHONE, LANDLINE, "phone:+4930123456", "bhyt:0123456789", "cmnd:212345678", "qid:Nguyễn"]
)
def test_the_canonical_spelling_is_its_own_canonical_spelling(text: str) -> None:
    assert canonical_person(text) == text
