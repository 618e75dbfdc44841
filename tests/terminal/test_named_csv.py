import pytest

from pipelines.errors import DataError
from pipelines.terminal.named_csv import read_named_csv

COLUMNS = ("person", "name")


def read(path, content):
    path.write_bytes(content)
    return read_named_csv(path, "--people", COLUMNS, ("person",))


@pytest.mark.parametrize(
    "content",
    [
        b"person,name\np1,An\n",
        b"\xef\xbb\xbfperson;name\r\np1;An\r\n",
        b' Person ,NAME\n"p1",An',
    ],
)
def test_rows_are_read_by_column_however_the_file_was_saved(tmp_path, content):
    assert read(tmp_path / "people.csv", content) == [{"person": "p1", "name": "An"}]


def test_a_short_line_has_none_and_a_quoted_cell_keeps_its_line_break(tmp_path):
    rows = read(tmp_path / "people.csv", b'person,name\np1\n"p\n2",An\n')
    assert rows == [{"person": "p1", "name": None}, {"person": "p\n2", "name": "An"}]


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (b"", "has no column person", "its columns are person,name"),
        (b"persons,name\np1,An\n", "has no column person", "its columns are person,name"),
        (b"person,name\np1,\xc1\n", "is not UTF-8", "save it as CSV UTF-8"),
        (b'person,name\n"' + b"x" * 200_000, "is not CSV", "save it as CSV UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_flag(tmp_path, content, what, remedy):
    path = tmp_path / "people.csv"
    with pytest.raises(DataError) as refused:
        read(path, content)
    assert (refused.value.what, refused.value.remedy) == (f"--people {path} {what}", remedy)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match=r"--people .* cannot be read"):
        read_named_csv(tmp_path / "none.csv", "--people", COLUMNS, ("person",))
