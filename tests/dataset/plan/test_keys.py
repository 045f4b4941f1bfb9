"""Keys by the million stay small while they are collected."""

from __future__ import annotations

import tracemalloc

from airflow_provider_platerec_ocr.core.claims import KEY_BYTES, identity_key
from airflow_provider_platerec_ocr.dataset.plan.done import together
from airflow_provider_platerec_ocr.dataset.plan.keys import DoneKeys, KeyList

NUMBER = 50_000


def test_the_keys_of_one_file_are_never_held_as_so_many_objects() -> None:
    tracemalloc.start()
    found = together(identity_key("vin", str(number), None) for number in range(NUMBER))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(found) == NUMBER * KEY_BYTES
    assert peak < 3 * len(found)  # as a list of texts they take seven times as much


def test_what_is_done_is_known_in_less_than_thirty_bytes_an_image() -> None:
    tracemalloc.start()
    keys = KeyList()
    keys.add(identity_key("vin", str(number), None) for number in range(NUMBER))
    done = DoneKeys(keys)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert identity_key("vin", "7", None) in done
    assert held < 30 * NUMBER
    assert peak < 60 * NUMBER  # while they are sorted; as a set of texts they take 100 for good


def test_keys_that_came_together_are_looked_up_one_by_one() -> None:
    keys = KeyList()
    keys.add([together(identity_key("vin", name, None) for name in "abc")])
    assert DoneKeys(keys).look_up([identity_key("vin", name, None) for name in "adc"]) == [True, False, True]
