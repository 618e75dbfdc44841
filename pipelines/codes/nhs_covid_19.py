"""NHS COVID-19: a JWT behind a prefix and a version, signed with ES256.

The algorithm is pinned and the key id must be known before anything is verified: a
token must not choose how it is verified (RFC 8725, sections 2.1 and 3.1).
"""

import re
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pipelines.codes.decoded import CodeError, Decoded, venue_code
from pipelines.codes.texts import base64_bytes, json_object, one_line, text_of
from pipelines.privacy.code_keys import CodeKeys

FORMAT: Final = "nhs_covid_19"

_WORD: Final = "UKC19TRACING:"
_VERSION = re.compile(r"0{0,8}[1-9][0-9]{0,8}", re.ASCII)
_ID_SIGNS: Final = 8
_COORDINATE: Final = 32


def decode(text: str, keys: CodeKeys) -> Decoded | None:
    """Decode a text; return None for another format.

    Raises:
        CodeError: the text is of this format, and damaged or not signed with a known key.
    """
    if not text.startswith(_WORD):
        return None
    parts = text.split(":")
    token = parts[-1].split(".")
    if len(parts) != 3 or not _VERSION.fullmatch(parts[1]) or len(token) != 3:
        raise CodeError("malformed")
    header = json_object(base64_bytes(token[0]))
    if header.get("alg") != "ES256":
        raise CodeError("bad_algorithm")
    # `crit` names extensions that must be understood (RFC 7515, 4.1.11); none is.
    if header.get("typ") != "JWT" or "crit" in header or not isinstance(header.get("kid"), str):
        raise CodeError("malformed")
    public = keys.nhs_by_kid.get(header["kid"])
    if public is None:
        raise CodeError("unknown_key")
    _verify(f"{token[0]}.{token[1]}".encode(), base64_bytes(token[2]), _public_key(public))
    return _place(json_object(base64_bytes(token[1])))


def _place(said: dict[str, Any]) -> Decoded:
    place, name = text_of(said, "id"), text_of(said, "opn")
    if len(place) != _ID_SIGNS:
        raise CodeError("malformed")
    postcode = text_of(said, "pc") if said.get("pc") is not None else None
    return Decoded(
        format=FORMAT,
        authenticity="signed_valid",
        venue=venue_code("nhs", one_line(place)),
        name=one_line(name),
        fields={"id": place, "opn": name, "pc": postcode},
    )


def _verify(signed: bytes, signature: bytes, key: EllipticCurvePublicKey) -> None:
    if len(signature) != 2 * _COORDINATE:
        raise CodeError("bad_signature")
    # JWT writes r and s side by side, `cryptography` wants them in DER.
    r, s = (int.from_bytes(half, "big") for half in (signature[:_COORDINATE], signature[_COORDINATE:]))
    try:
        key.verify(encode_dss_signature(r, s), signed, ECDSA(SHA256()))
    except InvalidSignature as error:
        raise CodeError("bad_signature") from error


@lru_cache(maxsize=64)
def _public_key(der: bytes) -> EllipticCurvePublicKey:
    key = load_der_public_key(der)
    assert isinstance(key, EllipticCurvePublicKey)
    return key
