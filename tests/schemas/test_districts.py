from schemas.districts import provinces_by_district


def test_the_districts_of_quang_ngai_are_shipped():
    assert len(provinces_by_district()) == 13
    assert set(provinces_by_district().values()) == {"51"}
    assert "522" in provinces_by_district()
