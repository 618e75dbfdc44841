"""The edges of the public formats: what each rule takes and what it refuses."""

import base64

import pytest

from pipelines.codes import luca
from pipelines.codes.decoder import decode
from pipelines.codes.nz_covid_tracer import has_check_digit
from tests.codes.foreign_codes import KEYS, b64, clea, crowd, cwa, guest, message, nhs, nz, payload

LUCA = "https://app.luca-app.de/webapp/81d9e1db-7050-4557-b1ca-a9e4fe899bd9"
MEETING = "https://app.luca-app.de/webapp/meeting/81d9e1db-7050-4557-b1ca-a9e4fe899bd9"
CARD = "001090123456|012345678|NGUYEN VAN A|01011990|Nam|Phường Bến Nghé, Quận 1|15042021"
PERSON = "001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|<1<00<0123232422"


def verdict(text):
    decoded = decode(text, KEYS)
    return decoded.reason or decoded.authenticity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (nz(), "unsigned"),
        (nz(url=True), "unsigned"),
        (nz(padding=True), "unsigned"),
        (" " + nz() + "\n", "unsigned"),
        ("https://tracing.covid19.govt.nz/scan#data=" + nz(), "unsigned"),
        ("https://tracing.covid19.govt.nz/scan?a=b#data=" + nz(), "unsigned"),
        ("https://tracing.covid19.govt.nz.example/scan#data=" + nz(), "unknown_format"),
        ("http://tracing.covid19.govt.nz/scan#data=" + nz(), "unknown_format"),
        (nz().lower(), "unknown_format"),
        ("ΝZCOVIDTRACER:" + nz()[14:], "unknown_format"),
        (nz(gln="123"), "malformed"),
        (nz(gln="٧٠٠٠٠٠٠٢٤٣٩٥٠"), "malformed"),
        (nz(gln=7000000243950), "malformed"),
        (nz(ver="c19:2"), "malformed"),
        (nz(typ="exit"), "malformed"),
        (nz(adr=None), "malformed"),
        (nz(opn="a\nb"), "malformed"),
        (nz(opn="a\u202eb"), "malformed"),
        (nz(more=[1, {"a": 2}]), "unsigned"),
        (nz(raw=b'{"gln":"1","gln":"2"}'), "malformed"),
        (nz(raw=b"[]"), "malformed"),
        (nz(raw=b"\xff"), "malformed"),
        (nz(raw=b'{"a":' + b"[" * 1400 + b"]" * 1400 + b"}"), "too_deep"),
        (nz(raw=b'{"a":' + b"[" * 17 + b"]" * 17 + b"}"), "too_deep"),
        (nz(raw=b'{"a":NaN}'), "malformed"),
        ("NZCOVIDTRACER:", "malformed"),
        ("NZCOVIDTRACER:a===", "malformed"),
        ("NZCOVIDTRACER:abcde", "malformed"),
        (nz(opn="x" * 4096), "too_large"),
    ],
)
def test_nz_covid_tracer(text, expected):
    assert verdict(text) == expected


def test_the_check_digit_of_a_gln_is_that_of_gs1_and_no_reason():
    assert has_check_digit("4006381333931")
    assert not has_check_digit("4006381333932")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (nhs(), "signed_valid"),
        (nhs(version="12"), "signed_valid"),
        (nhs(pc="NR1"), "signed_valid"),
        (nhs(version="0"), "malformed"),
        (nhs(version="-1"), "malformed"),
        (nhs(version="x"), "malformed"),
        (nhs() + ":", "malformed"),
        (nhs().replace(".", "", 1), "malformed"),
        (nhs({"alg": "none"}), "bad_algorithm"),
        (nhs({"alg": "HS256"}), "bad_algorithm"),
        (nhs({"alg": "es256"}), "bad_algorithm"),
        (nhs({"alg": None}), "bad_algorithm"),
        (nhs({"typ": "JWE"}), "malformed"),
        (nhs({"kid": None}), "malformed"),
        (nhs({"kid": 3}), "malformed"),
        (nhs({"crit": ["b64"]}), "malformed"),
        (nhs({"kid": "k2"}), "unknown_key"),
        (nhs()[:-2], "bad_signature"),
        (nhs()[: nhs().rindex(".") + 1], "bad_signature"),
        (nhs()[: nhs().rindex(".") + 1] + b64(bytes(64)), "bad_signature"),
        (nhs(id="SHORT"), "malformed"),
        (nhs(opn=None), "malformed"),
        (nhs().replace("UKC19TRACING", "ukc19tracing"), "unknown_format"),
    ],
)
def test_nhs_covid_19(text, expected):
    assert verdict(text) == expected


TEMPORARY = {"kind": 9, "times": ((5, 1_600_000_000), (6, 1_600_003_600))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (cwa(), "unsigned"),
        (cwa("https://e.coronawarn.app/?v=1#"), "unsigned"),
        (cwa("https://e.coronawarn.app?v=2#"), "unknown_format"),
        (cwa("https://e.coronawarn.app.evil.example?v=1#"), "unknown_format"),
        (cwa("https://e.coronawarn.app@evil.example?v=1#"), "unknown_format"),
        (cwa("https://е.coronawarn.app?v=1#"), "unknown_format"),
        (cwa(minutes=1), "unsigned"),
        (cwa(minutes=1440), "unsigned"),
        (cwa(minutes=0), "malformed"),
        (cwa(minutes=1441), "malformed"),
        (cwa(times=TEMPORARY["times"]), "malformed"),
        (cwa(**TEMPORARY), "unsigned"),
        (cwa(**TEMPORARY, minutes=0), "unsigned"),
        (cwa(kind=2), "malformed"),
        (cwa(kind=2, times=((5, 10), (6, 10))), "malformed"),
        (cwa(kind=2, times=((5, 11), (6, 10))), "malformed"),
        (cwa(kind=0), "unsigned"),
        (cwa(kind=12, times=((5, 1), (6, 2))), "unsigned"),
        (cwa(kind=13), "malformed"),
        (cwa(kind=2, times=((4, 10), (5, 11))), "malformed"),
        (cwa(times=((6, 1 << 40),)), "malformed"),
        (cwa(seed=bytes(15)), "malformed"),
        (cwa(public=b""), "malformed"),
        (cwa(versions=(2, 1, 1)), "malformed"),
        (cwa(versions=(1, 2, 1)), "malformed"),
        (cwa(versions=(1, 1, 2)), "malformed"),
        (cwa(description="x" * 200), "unsigned"),
        (cwa(description=""), "malformed"),
        (cwa(description="a\nb"), "malformed"),
        (cwa(address="a\rb"), "malformed"),
        ("https://e.coronawarn.app?v=1#", "malformed"),
        ("https://e.coronawarn.app?v=1#" + b64(payload() + b"\x00"), "malformed"),
        ("https://e.coronawarn.app?v=1#" + b64(payload() + message((1, 1))), "malformed"),
        ("https://e.coronawarn.app?v=1#" + b64(payload()[:-1]), "malformed"),
        ("https://e.coronawarn.app?v=1#" + b64(b"\x12\xff\xff\xff\xff\x0f"), "malformed"),
        ("https://e.coronawarn.app?v=1#" + b64(b"\x0b" * 1000), "malformed"),
    ],
)
def test_corona_warn_app(text, expected):
    assert verdict(text) == expected


def test_an_event_of_corona_warn_app_holds_from_its_start_to_its_end():
    decoded = decode(cwa(**TEMPORARY))
    assert (decoded.valid_from_us, decoded.valid_to_us) == (1_600_000_000_000_000, 1_600_003_600_000_000)


def test_a_payload_that_says_the_same_in_other_bytes_is_another_place():
    one = decode(cwa())
    unknown = decode("https://e.coronawarn.app?v=1#" + b64(payload() + message((15, 1))))
    assert unknown.name == one.name
    assert unknown.venue != one.venue


@pytest.mark.parametrize("times", [((4, 10), (5, 20)), ((5, 10), (6, 20))])
def test_crowd_notifier_takes_the_numbers_of_its_sdk_and_of_its_specification(times):
    decoded = decode(crowd(times=times))
    assert (decoded.valid_from_us, decoded.valid_to_us) == (10_000_000, 20_000_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (crowd(), "unsigned"),
        (crowd("https://qr.notify-me.ch?v=4#", version=4), "unsigned"),
        (crowd("https://qr.notify-me.ch/?v=3#"), "unsigned"),
        (crowd("https://qr.notify-me.ch?v=2#"), "unknown_format"),
        (crowd("https://qr-dev.notify-me.ch?v=3#"), "unknown_format"),
        (crowd("https://qr.notify-me.ch.example?v=3#"), "unknown_format"),
        (crowd("https://xqr.notify-me.ch?v=3#"), "unknown_format"),
        (crowd(times=((4, 20), (5, 20))), "malformed"),
        (crowd(version=9), "malformed"),
        ("https://qr.notify-me.ch?v=3#" + b64(b"foo"), "malformed"),
    ],
)
def test_crowd_notifier(text, expected):
    assert verdict(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (clea(), "mac_valid"),
        (clea(contact=True), "mac_valid"),
        (clea(contact=True, flagged=False), "malformed"),
        (clea(flagged=True), "malformed"),
        (clea(name=bytes(16)), "bad_signature"),
        (clea(first=0x20), "malformed"),
        (clea(first=0x04), "malformed"),
        (clea(first=0x03), "mac_valid"),
        (clea().replace("?v=0#", "?v=0&t=1620000000#"), "mac_valid"),
        (clea().replace("?v=0#", "/?v=0#"), "mac_valid"),
        (clea().replace("?v=0#", "?v=1#"), "unknown_format"),
        (clea().replace("tac.gouv.fr", "tac.gouv.fr.example"), "unknown_format"),
        (clea()[:-4], "malformed"),
        ("https://tac.gouv.fr?v=0#" + b64(bytes(110)), "malformed"),
    ],
)
def test_clea(text, expected):
    assert verdict(text) == expected


@pytest.mark.parametrize("place", [0, 5, 17, 60, 76])
def test_a_flipped_bit_anywhere_in_a_clea_code_is_noticed(place):
    head, _, body = clea().partition("#")
    raw = bytearray(base64.urlsafe_b64decode(body + "=="))
    raw[place] ^= 1
    assert verdict(f"{head}#{b64(bytes(raw))}") == "bad_signature"


def test_a_clea_code_holds_for_its_period_narrowed_by_its_renewal():
    start_us = (1_063_212 * 3600 - 2_208_988_800) * 1_000_000
    assert decode(clea(), KEYS).valid_from_us == start_us
    assert decode(clea(), KEYS).valid_to_us is None
    assert decode(clea(hours=2), KEYS).valid_to_us == start_us + 2 * 3600 * 1_000_000
    renewed = decode(clea(hours=2, renewal=10), KEYS)
    assert renewed.valid_from_us == (3_827_564_186 - 2_208_988_800) * 1_000_000
    assert renewed.valid_to_us == renewed.valid_from_us + 1024 * 1_000_000
    assert "key" not in renewed.fields


def tail(**said):
    return "/CWA1/" + b64(payload(**said))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LUCA, "unsigned"),
        (LUCA + "#", "unsigned"),
        (LUCA + "#" + b64(b'{"table":7}') + tail(), "unsigned"),
        (LUCA + "#" + tail(), "unsigned"),
        (LUCA + "#" + tail(minutes=0), "malformed"),
        (LUCA + "#" + b64(b'{"table":[7]}'), "malformed"),
        (LUCA + "#" + b64(b'{"table":"' + b"x" * 200 + b'"}'), "too_large"),
        (LUCA + "#" + b64(b"7"), "malformed"),
        (LUCA[:-1], "unknown_format"),
        (LUCA.replace("luca-app.de", "luca-app.de.example"), "unknown_format"),
        (MEETING + "#" + b64(b'{"fn":"A","ln":"B"}'), "unsigned"),
        (MEETING + "#" + b64(b'{"fn":"A"}'), "malformed"),
        (MEETING, "unknown_format"),
    ],
)
def test_luca(text, expected):
    assert verdict(text) == expected


def test_a_luca_place_is_the_one_of_its_link():
    decoded = decode(LUCA.upper().replace("HTTPS://APP.LUCA-APP.DE/WEBAPP", "https://app.luca-app.de/webapp"))
    assert decoded.venue == "luca:81d9e1db-7050-4557-b1ca-a9e4fe899bd9"
    assert decode(LUCA + "#" + b64(b'{"scanner_id":"x"}')).fields["scanner_id"] == decoded.venue[5:]


def z85(raw):
    text = ""
    for at in range(0, len(raw), 4):
        value = int.from_bytes(raw[at : at + 4], "big")
        text += "".join(luca._Z85_SIGNS[value // 85**place % 85] for place in range(4, -1, -1))
    return text


@pytest.mark.parametrize("spelled", [z85, lambda raw: base64.b32encode(raw).decode()])
def test_the_code_of_a_guest_is_known_by_its_checksum_and_names_nobody(spelled):
    decoded = decode(spelled(guest()))
    assert (decoded.format, decoded.authenticity) == ("luca_guest", "unsigned")
    assert (decoded.venue, decoded.person, decoded.name, decoded.fields) == (None, None, None, {})
    assert verdict(spelled(guest(checksum=bytes(4)))) == "malformed"
    assert verdict(spelled(guest(version=4))) == "unknown_format"


def test_z85_reads_the_published_example_and_refuses_what_overflows():
    assert luca.z85_bytes("HelloWorld") == bytes.fromhex("864FD26FB559F75B")
    assert luca.z85_bytes("#####") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://www.safeentry-qr.gov.sg/tenant/PROD-200604393R-180020-JTCCLEANTECHONE-SE", "unsigned"),
        ("https://temperaturepass.ndi-api.gov.sg/login/PROD-53312345A-1-SHOP-TP", "unsigned"),
        ("https://www.safeentry-qr.gov.sg/tenant/PROD-T08GB0039A-NGEEANN-POLY-XX", "unknown_format"),
        ("https://www.safeentry-qr.gov.sg.example/tenant/PROD-T08GB0039A-POLY-SE", "unknown_format"),
        ("https://www.safeentry-qr.gov.sg/tenant/../PROD-T08GB0039A-POLY-SE", "unknown_format"),
        (f"https://www.safeentry-qr.gov.sg/tenant/PROD-T08GB0039A-{'X' * 120}-SE", "too_large"),
    ],
)
def test_safe_entry(text, expected):
    assert verdict(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PERSON, "qid:162979388586171100"),
        (
            PERSON.replace("001093029317", "0010*****317").replace("-01-18", "-**-**"),
            "qid:162979388586171100",
        ),
        (PERSON.replace("|0|", "|1|"), "qid:162979388586171100"),
        (PERSON.rsplit("|", 1)[0], "qid:162979388586171100"),
        (PERSON.replace("162979388586171100", "16297938****171100"), "masked_id"),
        (PERSON.replace("162979388586171100", ""), "malformed"),
        (PERSON.replace("1987-01-18", "1987-02-30"), "malformed"),
        (PERSON.replace("|0|", "|2|"), "unknown_format"),
        (CARD, "cccd:001090123456"),
        (CARD.replace("|012345678|", "||"), "cccd:001090123456"),
        (CARD.rsplit("|", 1)[0], "cccd:001090123456"),
        (CARD.replace("|012345678|", "|"), "cccd:001090123456"),
        (CARD.replace("Nam", "Nữ"), "cccd:001090123456"),
        (CARD.replace("001090123456", "0010901234**"), "masked_id"),
        (CARD.replace("01011990", "32011990"), "malformed"),
        (CARD.replace("Nam", "Male"), "unknown_format"),
        (CARD.replace("001090123456", "00109012345"), "unknown_format"),
    ],
)
def test_personal_codes_of_vietnam(text, expected):
    decoded = decode(text)
    assert (decoded.person or decoded.reason) == expected
    assert decoded.venue is None
    assert decoded.name is None
    assert "162979" not in repr(decoded)
    assert "00109" not in repr(decoded)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://qr.pccovid.gov.vn/QNG-1_a", "QNG-1_a"),
        ("https://qr.pccovid.gov.vn/", "unknown_format"),
        ("https://qr.pccovid.gov.vn/a/b", "unknown_format"),
        ("https://qr.pccovid.gov.vn/a?b=c", "unknown_format"),
        ("https://qr.pccovid.gov.vn.example/a", "unknown_format"),
        ("http://qr.pccovid.gov.vn/a", "unknown_format"),
        ("https://qr.pccovid.gov.vn/ạ", "unknown_format"),
    ],
)
def test_the_short_link_of_a_place_is_its_code(text, expected):
    decoded = decode(text)
    assert (decoded.venue or decoded.reason) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "unknown_format"),
        (b"\xff\xfe", "malformed"),
        ("\ud800", "malformed"),
        ("x" * 4096, "unknown_format"),
        ("x" * 4097, "too_large"),
        ("ế" * 1366, "too_large"),
        (nz().encode(), "unsigned"),
        ("https://example.org", "unknown_format"),
        ("|" * 4000, "unknown_format"),
        ("V" * 157, "unknown_format"),
    ],
)
def test_any_text_gets_an_answer(text, expected):
    assert verdict(text) == expected
