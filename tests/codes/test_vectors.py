"""The published payloads of every format decode to what their publishers say."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from pipelines.codes import corona_warn_app, crowd_notifier
from pipelines.codes.decoder import decode
from pipelines.codes.texts import base64_bytes
from pipelines.privacy.code_keys import CodeKeys

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "qr.json").read_text(encoding="utf-8"))
KEYS = CodeKeys(
    nhs=(
        (
            "3",
            load_pem_public_key(VECTORS["nhs_covid_19"]["public_key_kid_3_pem"].encode()).public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            ),
        ),
    ),
    clea=(bytes.fromhex(VECTORS["clea"]["authority_secret_key_hex"]),),
)


def rows():
    for name, vectors in VECTORS.items():
        if not name.startswith("_"):
            for row in vectors["rows"] if isinstance(vectors, dict) else vectors:
                if "text" in row:
                    yield pytest.param(name, row, id=f"{name}-{row.get('refuse', 'accepted')}")


@pytest.mark.parametrize(("name", "row"), list(rows()))
def test_a_published_payload_decodes_to_what_is_published(name, row):
    decoded = decode(row["text"], KEYS)
    assert decoded.format == name
    assert decoded.reason == row.get("refuse", "")
    expected = dict(row.get("expect", {}))
    assert decoded.authenticity == expected.pop("authenticity", "unsigned" if expected else "")
    if "table" in expected:
        assert decoded.zone == str(expected["table"])
    assert {key: decoded.fields[key] for key in expected} == expected


def test_the_location_id_of_corona_warn_app_is_a_hash_of_the_received_bytes():
    row = VECTORS["corona_warn_app"][1]
    payload = base64_bytes(row["payload"])
    assert corona_warn_app.location_id(payload).hex() == row["expect"]["location_id_hex"]
    decoded = decode("https://e.coronawarn.app/?v=1#" + row["payload"])
    assert decoded.fields["location_id_hex"] == row["expect"]["location_id_hex"]
    assert decoded.venue == "cwa:" + row["expect"]["location_id_hex"][:32]


def test_the_ids_of_crowd_notifier_are_those_of_its_test_vectors():
    (row,) = VECTORS["crowd_notifier"]
    payload = bytes.fromhex(row["payload_hex"])
    assert crowd_notifier.preid(payload).hex() == row["expect"]["preid_hex"]
    assert crowd_notifier.hour_id(payload, row["t"]).hex() == row["expect"]["id_hex"]


@pytest.mark.parametrize("name", ["nhs_covid_19", "clea"])
def test_without_the_key_of_its_issuer_a_code_is_refused(name):
    assert decode(VECTORS[name]["rows"][0]["text"]).reason == "unknown_key"
