"""The kernel of canonical persons is the rule of `pipelines.privacy.identifiers`."""

import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.ingest.reject_reasons import BAD_PERSON, BAD_TEXT
from pipelines.ingest.validate.distinct import distinct
from pipelines.ingest.validate.persons import canonical_persons
from pipelines.ingest.validate.text_column import column_of
from pipelines.privacy.identifiers import KINDS, canonical_person
from tests.ingest.reference import spans_of

PREFIXES = st.sampled_from(["0084", "84", "0", "+84", "+", "+0", "00"])
VALUES = st.one_of(
    st.text("0123456789", max_size=18),
    st.text("0489 +.-()", max_size=18),
    st.text("019azAZ *", max_size=24),
    st.tuples(
        st.sampled_from(["0084", "84", "0", "+84", "+", "+0", "00"]), st.text("1289", min_size=7, max_size=16)
    ).map("".join),
    st.text("aế*:", max_size=140).map(lambda text: text * 4),
)
PERSONS = st.tuples(
    st.sampled_from([*(f"{kind}:" for kind in KINDS), "Phone:", "", "phone", "qid"]), VALUES
).map("".join)


def canonical(text):
    """The canonical spelling by the plain rule, or None."""
    try:
        return canonical_person(text).encode()
    except UsageError:
        return None


@settings(max_examples=500, deadline=None)
@given(st.lists(PERSONS.map(lambda text: unicodedata.normalize("NFC", text)), max_size=10))
@example(["phone:+4930912345678", "phone:+33841234567890", "phone:+84905123456", "phone:0084905123456"])
def test_every_text_has_the_spelling_of_the_plain_rule(texts):
    known = list(dict.fromkeys(text for text in texts if text))
    _, column = distinct(column_of(spans_of([text.encode() for text in known])))
    found, reasons = canonical_persons(column)
    assert [found.value(row) for row in range(len(known))] == [canonical(text) for text in known]
    assert {reason for reason in reasons.tolist() if reason} <= {BAD_PERSON, BAD_TEXT}
    assert [reason == 0 for reason in reasons.tolist()] == [canonical(text) is not None for text in known]
