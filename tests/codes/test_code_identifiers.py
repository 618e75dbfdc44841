"""Which identifiers a code holds, and whose they are."""

import pytest

from pipelines.codes.code_identifiers import identifiers_of
from pipelines.codes.decoder import decode
from tests.ingest.validate.test_person_codes import CARD, PERSONAL, QID

PLACE = "https://qr.pccovid.gov.vn/abc"


def found(code):
    """`kind:value` of each identifier; one that is not the holder's own in brackets."""
    return [
        text.canonical if text.is_self else f"({text.canonical})" for text in identifiers_of(decode(code))
    ]


@pytest.mark.parametrize(
    ("code", "identifiers"),
    [
        (CARD, ["cccd:051200000001", "cmnd:212345678"]),
        (CARD.replace("212345678", ""), ["cccd:051200000001"]),
        (PERSONAL, ["cccd:001093029317", f"qid:{QID}", "bhyt:0123456789", "phone:+84905123456"]),
        (
            PERSONAL.replace("|0|", "|1|").replace("<1<", "999999999999999999<1<"),
            ["cccd:001093029317", f"qid:{QID}", "bhyt:0123456789", "(phone:+84905123456)"],
        ),
        (
            PERSONAL.replace("001093029317", "212345678"),
            [f"qid:{QID}", "bhyt:0123456789", "cmnd:212345678", "phone:+84905123456"],
        ),
        (
            PERSONAL.replace("001093029317", "C1234567"),
            [f"qid:{QID}", "bhyt:0123456789", "passport:C1234567", "phone:+84905123456"],
        ),
        (PERSONAL.replace("001093029317", "0010*****317").rsplit("|", 1)[0], [f"qid:{QID}"]),
        (
            PERSONAL.replace("DN4010123456789<0905123456", "00<0123232422"),
            ["cccd:001093029317", f"qid:{QID}"],
        ),
        (PLACE, []),
        ("nothing", []),
        (PERSONAL.replace(QID, "1629*"), []),
    ],
)
def test_the_identifiers_of_a_code_from_the_strongest_to_the_weakest(code, identifiers):
    assert found(code) == identifiers


def test_an_old_phone_number_in_a_code_is_its_successor():
    assert found(PERSONAL.replace("0905123456", "01681234567"))[-1] == "phone:+84381234567"


def test_no_identifier_is_shown_by_accident():
    shown = repr(identifiers_of(decode(PERSONAL)))
    assert not any(text in shown for text in ("001093029317", QID, "905123456"))
