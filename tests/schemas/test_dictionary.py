from schemas.dictionary import DICTIONARY, data_dictionary


def test_the_data_dictionary_is_current():
    assert DICTIONARY.read_text(encoding="utf-8") == data_dictionary(), "run python -m schemas.dictionary"
