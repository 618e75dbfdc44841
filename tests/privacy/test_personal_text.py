"""Which texts may identify a person: those are never kept as a venue code."""

import pytest

from pipelines.privacy.identifiers import KINDS
from pipelines.privacy.personal_text import looks_personal


@pytest.mark.parametrize(
    "text",
    [
        "0905123456",
        " 0905.123.456 ",
        "+84 905 123 456",
        "84905123456",
        "0084905123456",
        "01681234567",
        "02553822222",
        "０９０５１２３４５６",
        "051099123456",
        "051099123456|212345678|Nguyễn Văn A|01011990|Nam|Quảng Ngãi|01052021",
        "tel:0905123456",
        "212345678",
        "GD4511234567890",
        "4511234567",
        "b1234567",
        "C12345678",
        "lan@example.vn",
        *(f"{kind}:x" for kind in KINDS),
        "Phone: 12",
    ],
)
def test_identifiers_of_persons_in_any_spelling(text):
    assert looks_personal(text)


@pytest.mark.parametrize(
    "text",
    [
        "QNG-000123",
        "QN522-TC-00016",
        "V1",
        "Chợ Thu Lộ",
        "9429302884032",
        "550e8400-e29b-41d4-a716-446655440000",
        "BUS-76B 8812",
        "https://place.example/7",
        "",
        "A1;A2",
        "51-522-00016-X",
    ],
)
def test_codes_of_venues(text):
    assert not looks_personal(text)
