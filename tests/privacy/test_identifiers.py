"""The canonical spelling of a person's identifier."""

import pytest

from pipelines.errors import UsageError
from pipelines.privacy.identifiers import canonical_person

PHONE = "phone:+84905123456"


@pytest.mark.parametrize(
    "text",
    [
        "phone:0905123456",
        "phone:84905123456",
        "phone:+84905123456",
        "phone:+84 905 123 456",
        "phone:0084905123456",
        "phone:(0905) 123-456",
        "phone:0905.123.456",
        "phone:+84-905-123.456",
    ],
)
def test_every_spelling_of_a_vietnamese_phone_is_one(text: str) -> None:
    assert canonical_person(text) == PHONE


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("phone:02838123456", "phone:+842838123456"),
        ("phone:+4930123456", "phone:+4930123456"),
        ("phone:+12345678", "phone:+12345678"),
        ("phone:+123456789012345", "phone:+123456789012345"),
        ("cccd:001234567890", "cccd:001234567890"),
        ("bhyt:dn 4 01 01 234 56789", "bhyt:DN4010123456789"),
        ("bhyt:0123456789", "bhyt:0123456789"),
        ("passport:c 1234567", "passport:C1234567"),
        ("qid:Nguye\u0302\u0303n", "qid:Nguyễn"),
        ("device:a:b", "device:a:b"),
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
        "phone:",
        "phone:905123456",
        "phone:0005123456",
        "phone:090512345",
        "phone:090512345678",
        "phone:+84012345678",
        "phone:+8490512345",
        "phone:+1234567",
        "phone:+1234567890123456",
        "phone:0049301234567",
        "phone:4930123456",
        "phone:+0123456789",
        "phone:0905+123456",
        "phone:٠٩٠٥١٢٣٤٥٦",
        "phone:0905123456\n",
        "phone:0905***456",
        "cccd:00123456789",
        "cccd:0012 3456 7890",
        "bhyt:DN40101234567",
        "bhyt:DN４010123456789",
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
    value = text.partition(":")[2]
    assert refusal.value.exit_code == 2
    assert not value or value not in str(refusal.value)


@pytest.mark.parametrize("text", [PHONE, "phone:+4930123456", "bhyt:DN4010123456789", "qid:Nguyễn"])
def test_the_canonical_spelling_is_its_own_canonical_spelling(text: str) -> None:
    assert canonical_person(text) == text
