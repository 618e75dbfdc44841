import re

from pipelines import metrics


def test_every_counter_has_a_name_of_its_own_that_is_plain():
    names = [value for key, value in vars(metrics).items() if key.isupper()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)
