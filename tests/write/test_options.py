"""Options of writes that make no sense, told before anything is looked at."""

from typing import Any

import polars as pl
import pytest

import qframe as qf

FRAME = pl.DataFrame({"id": [1, 2], "x": [1, 2]})


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("nulls", "drop", "one of 'omit', 'keep'."),
        ("null_vectors", None, "one of 'raise', 'omit'."),
        ("mode", ["upsert"], "one of 'upsert', 'insert_only', 'update_only'."),
        ("if_missing", "ignore", "one of 'create', 'raise'."),
        ("ordering", "STRONG", "one of 'weak', 'medium', 'strong'."),
        ("errors", True, "one of 'raise', 'report'."),
        ("duplicates", "newest", "one of 'raise', 'first', 'last', 'keep'."),
        ("duplicates", "keep", "Add order='semi_ordered'"),
        ("order", "strict", "one of 'unordered', 'semi_ordered', 'ordered'."),
        ("batch_size", 0, "a number of rows above 0."),
        ("batch_size", 1.5, "a number of rows above 0."),
        ("batch_bytes", True, "a number of bytes above 0."),
        ("max_failures", -1, "a number of rows above 0."),
        ("timeout", "3", "a number of seconds above 0."),
        ("timeout", float("inf"), "a number of seconds above 0."),
        ("deadline", float("nan"), "a number of seconds above 0."),
        ("wait", "no", "True or False."),
        ("wait", None, "True or False."),
        ("return_ids", "no", "True or False."),
        ("retry", 3, "a qframe.RetryPolicy"),
        ("progress", "yes", "None, True, False or a callable"),
    ],
)
def test_an_option_that_makes_no_sense_writes_nothing(
    embedded: qf.Connection, option: str, value: Any, words: str
) -> None:
    with pytest.raises(qf.OptionError) as caught:
        FRAME.qdrant.upsert("places", vector=False, connection=embedded, **{option: value})
    assert str(caught.value).startswith(f"{option}={value!r}: ")
    assert words in str(caught.value)
    assert qf.collections(connection=embedded) == []


def test_what_to_do_about_a_collection_that_is_there(embedded: qf.Connection) -> None:
    with pytest.raises(qf.OptionError, match=r"if_exists='keep': one of 'raise', 'ignore', 'replace'\."):
        FRAME.qdrant.create_collection("places", vector=False, connection=embedded, if_exists="keep")
