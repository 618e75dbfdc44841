"""The compiled rule says of every text of a column what the plain rule says of one."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.privacy.identifier_columns import canonical_identifiers
from pipelines.privacy.identifiers import KINDS, OLD_MOBILES, REFUSED, TOO_LONG, canonical_or_none
from schemas.wire_text import BLANKS, holds_hidden, tidy
from tests.ingest.reference import spans_of

PREFIXES = st.sampled_from(["0084", "84", "0", "+84", "+840", "840", "+", "+0", "00", "+65"])
NATIONAL = st.one_of(
    st.text("0123456789", min_size=7, max_size=16),
    st.tuples(st.sampled_from("2356789"), st.text("0123456789", min_size=7, max_size=10)).map("".join),
    st.tuples(
        st.sampled_from([*OLD_MOBILES, "160", "187"]), st.text("0123456789", min_size=7, max_size=7)
    ).map("".join),
)
FILLED = st.tuples(PREFIXES, NATIONAL, st.sampled_from([*BLANKS, ".", "-", "‑", "(", ")", "", ".0"])).flatmap(
    lambda parts: st.integers(0, len(parts[1])).map(
        lambda at: parts[0] + parts[1][:at] + parts[2] + parts[1][at:]
    )
)
VALUES = st.one_of(
    FILLED,
    st.text("0489 +.-()", max_size=18),
    st.text("019azAZ *\u00a0\u200b", max_size=24),
    st.text("019.,eE+-", max_size=12),
    st.text("aế*:", max_size=140).map(lambda text: text * 4),
    st.text(max_size=8),
)
PERSONS = st.tuples(
    st.sampled_from([*(f"{kind}:" for kind in KINDS), *(f"{kind}: " for kind in KINDS), "Phone:", "", "qid"]),
    VALUES,
).map("".join)


def is_clean(text):
    """Tell whether a text has come through the checks that stand before this one."""
    return not holds_hidden(text) and not any("\ud800" <= c <= "\udfff" for c in text)


@settings(max_examples=1000, deadline=None)
@given(st.lists(PERSONS.map(tidy).filter(is_clean), max_size=10))
@example(["phone:+4930912345678", "phone:+33841234567890", "phone:+84905123456", "phone:0084905123456", ""])
def test_every_text_has_the_spelling_of_the_plain_rule(texts):
    found, refused = canonical_identifiers(spans_of([text.encode() for text in texts]))
    spelled = [found.value(row) for row in range(len(texts))]
    assert [None if text is None else text.decode() for text in spelled] == list(
        map(canonical_or_none, texts)
    )
    assert set(refused.tolist()) <= {0, REFUSED, TOO_LONG}
    assert [value == 0 for value in refused.tolist()] == [text is not None for text in spelled]


@settings(max_examples=500, deadline=None)
@given(PERSONS)
def test_a_canonical_identifier_is_its_own_canonical_identifier(text):
    once = canonical_or_none(text)
    assert once is None or canonical_or_none(once) == once


def test_only_the_length_of_the_value_behind_a_known_kind_is_too_long():
    texts = ["device:" + "x" * 128, "device:" + "x" * 129, "machine:" + "x" * 120, "machine:" + "x" * 121]
    _, refused = canonical_identifiers(spans_of([text.encode() for text in texts]))
    assert refused.tolist() == [0, TOO_LONG, REFUSED, TOO_LONG]


def test_no_texts_give_no_identifiers():
    found, refused = canonical_identifiers(spans_of([]))
    assert len(found) == refused.size == 0
