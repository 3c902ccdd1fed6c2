"""Ids of a frame's values before anything is written: the options are those of `upsert`."""

import uuid
from typing import Any

import pandas as pd
import polars as pl
import pytest

import qframe as qf

FRAME = pl.DataFrame({"sku": ["A-1", "A-2"], "region": [5, 6]})


def test_a_series_of_the_frames_library() -> None:
    made = qf.make_ids(FRAME, id_from=["sku", "region"])
    assert made.to_list()[0] == "a7a6326d-2df3-510b-8f71-eca6a0033843"
    frame = pd.DataFrame({"sku": ["A-1", "A-2"], "region": [5, 6]}, index=["x", "y"])
    assert qf.make_ids(frame, id_from=["sku", "region"]).to_dict() == dict(zip("xy", made, strict=True))
    assert qf.make_ids(FRAME.clear(), id_from=["sku"]).dtype == pl.String


def test_one_column_may_be_named_alone() -> None:
    assert qf.make_ids(FRAME, id_from="sku").equals(qf.make_ids(FRAME, id_from=["sku"]))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"id_from": []}, qf.OptionError, "no column is named"),
        ({"id_from": ["sku", "sku"]}, qf.OptionError, "named twice"),
        ({"id_from": 3}, qf.OptionError, "id_from=3"),
        ({"id_from": ["sku"], "namespace": "x"}, qf.OptionError, "a uuid.UUID"),
        ({"id_from": ["skus"]}, qf.FrameError, "Did you mean 'sku'?"),
        ({"id_from": [3]}, qf.FrameError, "columns are named by text"),
    ],
)
def test_options_are_held_as_in_upsert(
    embedded: qf.Connection, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as made:
        qf.make_ids(FRAME, **options)
    with pytest.raises(error) as written:
        qf.collection("places", connection=embedded).upsert(FRAME, vector=False, **options)
    assert str(made.value) == str(written.value)


def test_the_namespace() -> None:
    (first, _) = qf.make_ids(FRAME, id_from=["sku"], namespace=uuid.NAMESPACE_URL)
    assert first == str(uuid.uuid5(uuid.NAMESPACE_URL, "s3:A-1"))
