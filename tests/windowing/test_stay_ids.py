import hashlib

import numpy as np
import pytest

from pipelines.windowing.stay_ids import stay_ids


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 1000])
def test_a_stay_id_is_the_begin_of_the_hash_of_the_event_key(size):
    keys = np.random.default_rng(size).integers(0, 256, (size, 16), dtype=np.uint8)
    words = keys.view(">u8").astype(np.uint64)
    found = stay_ids(words[:, 0].copy(), words[:, 1].copy())
    hashes = [hashlib.sha256(key.tobytes()).digest() for key in keys]
    assert found.tolist() == [int.from_bytes(whole[:8], "big", signed=True) for whole in hashes]
