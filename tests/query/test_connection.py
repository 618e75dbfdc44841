"""The analysts' DuckDB: views from the log, and locked down."""

import datetime as dt
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import DataError
from pipelines.lake import open_lake, snapshot
from pipelines.lake.read_rows import checked_files
from pipelines.privacy.keys import venue_id
from pipelines.query import connect
from pipelines.terminal.output import token_text
from schemas.tables import STAYS, TABLES
from tests.lakes import new_lake, person_token, put_stays, put_venues

STAYS_DRAWN = """
    person | venue | zone | enter   | exit
    an     | cafe  | t1   | 1 23:30 | 2 00:30
    binh   | cafe  |      | 2 09:00 | 2 11:00
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type|name|district_code\ncafe|restaurant|Cà phê|522\nshop|shop|it's|")
    put_stays(lake, STAYS_DRAWN)
    return lake


@pytest.fixture
def connection(lake):
    with connect(lake) as connection:
        yield connection


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_table_is_a_view_with_the_columns_of_its_schema(connection, table):
    rows = connection.sql(f"SELECT * FROM {table.name}").to_arrow_table()
    assert rows.column_names == table.schema.names
    assert list(rows.schema.types) == table.schema.types


def test_stays_are_there_once_and_not_in_both_orders(connection):
    rows = connection.sql('SELECT "by", date, count(*) FROM stays GROUP BY ALL ORDER BY ALL').fetchall()
    assert rows == [("venue", dt.date(2021, 7, 1), 1), ("venue", dt.date(2021, 7, 2), 1)]


def test_visits_are_the_stays_with_text_for_ids_names_and_local_times(lake, connection):
    rows = connection.sql("SELECT * FROM visits ORDER BY enter").to_arrow_table()
    assert rows.num_rows == 2
    first = rows.to_pylist()[0]
    assert first["person"] == token_text(person_token(lake, "an"))
    assert [first[name] for name in ("venue_code", "name", "type", "district_code", "zone")] == [
        *("cafe", "Cà phê", "restaurant", "522", "t1")
    ]
    # 23:30 UTC of the 1st is the morning of the 2nd in Vietnam
    assert (first["enter"], first["exit"]) == (dt.datetime(2021, 7, 2, 6, 30), dt.datetime(2021, 7, 2, 7, 30))
    assert first["date"] == dt.date(2021, 7, 1)
    held = connection.sql("SELECT stay_id FROM stays ORDER BY enter LIMIT 1").fetchall()[0][0]
    assert first["stay_id"] == token_text(held)


def test_a_visit_to_a_place_that_is_not_registered_has_the_hash_of_its_code(lake):
    put_stays(lake, "person|venue|enter|exit\nchi|stall|3 08:00|3 09:00")
    with connect(lake) as connection:
        rows = connection.sql("SELECT venue_code, name, type FROM visits WHERE type IS NULL").fetchall()
    assert rows == [(token_text(venue_id("stall")), None, None)]


def test_local_times_of_visits_do_not_hang_on_the_machine(lake, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    with connect(lake) as connection:
        first = connection.sql("SELECT min(enter) FROM visits").fetchall()
    assert first == [(dt.datetime(2021, 7, 2, 6, 30),)]


def test_the_macro_token_text_shows_an_id_as_every_command_does(connection):
    ids = [0, 1, -1, 2**63 - 1, -(2**63), 81985529216486895]
    shown = connection.sql("SELECT token_text(id) FROM unnest($ids) AS _(id)", params={"ids": ids}).fetchall()
    assert [text for (text,) in shown] == [token_text(value) for value in ids]
    assert connection.sql("SELECT token_text(NULL)").fetchall() == [(None,)]


def test_an_empty_lake_has_no_visits(tmp_path):
    with connect(new_lake(tmp_path / "empty")) as connection:
        assert connection.sql("SELECT * FROM visits").fetchall() == []


def test_a_connection_says_which_files_nobody_has_checked_or_checks_them(lake, capsys):
    checked_files._known.clear()
    connect(lake).close()
    said = capsys.readouterr().err
    assert said == (
        "connect: 3 of 3 files (0.0 GB) are not checked for damage; connect(lake, verify=True) checks them\n"
    )
    connect(lake, verify=True).close()
    connect(lake).close()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["stays", "venues"])
def test_a_connection_that_verifies_refuses_a_flipped_bit_by_the_name_of_its_file(lake, name):
    """Without that, DuckDB reads the bit as another value."""
    checked_files._known.clear()
    path = Path(next(file for file in snapshot(lake, name).files if "by=person" not in file.path).path)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 16
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{path.name} is damaged: restore it from a backup"):
        connect(lake, verify=True)


def test_files_that_the_log_does_not_name_are_not_read(lake):
    dead = snapshot(lake, "stays").files[0].path.replace("part-", "part-dead")
    pq.write_table(STAYS.file_schema.empty_table(), dead)
    with connect(lake) as connection:
        assert connection.sql("SELECT count(*) FROM stays").fetchall() == [(2,)]
        with pytest.raises(duckdb.PermissionException):
            connection.sql("SELECT * FROM read_parquet($path)", params={"path": dead}).fetchall()


def test_times_are_utc_whatever_the_machine_says(lake, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Ho_Chi_Minh")
    with connect(lake) as connection:
        for session in (connection, connection.cursor()):
            day = session.sql("SELECT CAST(enter AS DATE) FROM stays ORDER BY enter LIMIT 1")
            assert day.fetchall() == [(dt.date(2021, 7, 1),)]


FORBIDDEN = {
    "write a file": "COPY (SELECT 1) TO '{lake}/stolen.csv'",
    "write elsewhere": "COPY stays TO '/tmp/stolen.parquet'",
    "write over a live file": "COPY (SELECT 1 AS a) TO '{file}'",
    "export": "EXPORT DATABASE '{lake}/export'",
    "read a text": "SELECT * FROM read_text('/etc/passwd')",
    "read a table of text": "SELECT * FROM read_csv('/etc/passwd')",
    "read a file by its name alone": "SELECT * FROM '/etc/passwd.csv'",
    "read the vault": "SELECT * FROM read_parquet('{lake}/vault/*')",
    "read both orders": "SELECT * FROM read_parquet('{lake}/stays/**/*.parquet')",
    "list a folder": "SELECT * FROM glob('{lake}/*')",
    "attach a database": "ATTACH '{lake}/own.db'",
    "install an extension": "INSTALL httpfs",
    "load an extension": "LOAD httpfs",
    "change a setting": "SET threads = 1",
    "change the zone": "SET TimeZone = 'Asia/Ho_Chi_Minh'",
    "open up again": "SET enable_external_access = true",
    "allow a folder": "SET allowed_directories = ['/']",
    "unlock": "SET lock_configuration = false",
    "reset": "RESET enable_external_access",
    "write a profile": "PRAGMA profiling_output = '/tmp/profile'",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_connection_cannot(lake, connection, what):
    statement = FORBIDDEN[what].format(lake=lake.url, file=snapshot(lake, "stays").files[0].path)
    with pytest.raises(duckdb.Error):
        connection.execute(statement).fetchall()


def test_a_variable_of_the_caller_is_not_a_table(connection):
    secret = pa.table({"a": [1]})
    with pytest.raises(duckdb.CatalogException):
        connection.sql("SELECT * FROM secret")
    assert secret.num_rows == 1


def test_what_an_analyst_makes_in_memory_works(connection):
    connection.execute("CREATE TABLE mine AS SELECT person, count(*) AS n FROM stays GROUP BY person")
    assert connection.sql("SELECT sum(n) FROM mine").fetchall() == [(2,)]


@pytest.mark.parametrize(
    "folder", ["it's", 'say "x"', "a [1] b*?", "{a,b}", "x; DROP", "n=1", "tiếng việt", "100%", "a$b"]
)
def test_a_folder_of_any_name_is_read(tmp_path, folder):
    (tmp_path / folder).mkdir()
    lake = new_lake(tmp_path / folder)
    put_stays(lake, STAYS_DRAWN)
    with connect(lake) as connection:
        assert connection.sql("SELECT count(*) FROM stays").fetchall() == [(2,)]


def test_a_folder_of_a_name_that_looks_like_a_pattern_matches_itself_alone(tmp_path):
    for name, more in (("day[1]", ""), ("day1", "chi | cafe | | 2 09:00 | 2 10:00")):
        (tmp_path / name).mkdir()
        put_stays(new_lake(tmp_path / name), STAYS_DRAWN + more)
    with connect(tmp_path / "day[1]" / "lake") as connection:
        assert connection.sql("SELECT count(*) FROM stays").fetchall() == [(2,)]


def test_a_lake_below_a_folder_that_would_be_taken_for_a_partition_is_not_opened(tmp_path):
    (tmp_path / "date=2020-01-01").mkdir()
    lake = new_lake(tmp_path / "date=2020-01-01")
    with pytest.raises(DataError, match="named like a partition"):
        connect(lake)


def test_hundreds_of_files_are_one_view(tmp_path):
    lake = new_lake(tmp_path)
    stays = [
        {"person": number, "venue": "cafe", "enter": number * 10**6, "exit": (number + 5) * 10**6}
        for number in range(300)
    ]
    put_stays(lake, stays, files_a_date=300, sidecars=False)
    assert len(snapshot(lake, "stays").files) == 600
    with connect(lake) as connection:
        assert connection.sql("SELECT count(*), max(person) FROM stays").fetchall() == [(300, 299)]


def test_the_views_are_those_of_the_moment(lake):
    with connect(lake) as before:
        put_stays(lake, "person|venue|enter|exit\nchi|cafe|1 08:00|1 10:00")
        assert before.sql("SELECT count(*) FROM stays").fetchall() == [(2,)]
    with connect(lake) as after:
        assert after.sql("SELECT count(*) FROM stays").fetchall() == [(3,)]


def test_venues_are_joined_to_stays_by_their_hash(connection):
    query = "SELECT DISTINCT name, venue FROM stays JOIN venues USING (venue)"
    assert connection.sql(query).fetchall() == [("Cà phê", venue_id("cafe"))]


def test_there_is_nothing_to_connect_to_without_a_lake(tmp_path):
    with pytest.raises(DataError, match="no lake"):
        connect(tmp_path / "nowhere")
    assert open_lake(new_lake(tmp_path).url).url
