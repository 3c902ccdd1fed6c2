"""Ids that are none, and ids that occur twice."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import polars as pl

from tests.wrong.cases import NAN, A, Wrong, pandas, polars

IDS = [
    Wrong("no id", polars(id=None), words=("no column 'id'", "id_from=", "id='uuid4'")),
    Wrong(
        "an id column that is not there",
        polars(),
        "sku",
        options={"id": "sku"},
        value="sku",
        words=("no column 'sku'",),
    ),
    Wrong(
        "a mistyped column",
        polars(names=["a", "b", "c"]),
        "name",
        options={"id_from": ["name"]},
        value="name",
        words=("Did you mean 'names'?",),
    ),
    Wrong("a null id", polars(id=[1, None, 3]), "id", 1, None, ("a point needs an id", "id_from")),
    Wrong("a negative id", polars(id=[1, 2, -3]), "id", 2, -3, ("negative", "0 to 2^64 - 1")),
    Wrong(
        "ids as floats after a merge",
        pandas(id=[1.0, NAN, 3.0]),
        "id",
        0,
        1.0,
        ("floats", "in 1 row there is none", ".astype('uint64')"),
    ),
    Wrong("ids as fractions", polars(id=[1.5, 2.5, 3.5]), "id", 0, 1.5, ("not all whole numbers", "id_from")),
    Wrong("ids as text of numbers", polars(id=["1", "2", "3"]), "id", 0, "1", ("numbers as text", "pl.UInt64")),
    Wrong("text that is no UUID", polars(id=[A, "lamp", A[:-1] + "1"]), "id", 1, "lamp", ("not a UUID", "id_from")),
    Wrong("booleans as ids", polars(id=[True, False, True]), "id", 0, True, ("booleans", "UUIDs")),
    Wrong("UUIDs as bytes", polars(id=[b"0" * 16] * 3), "id", 0, b"0" * 16, ("bytes cannot", ".bin.encode('hex')")),
    Wrong("dates as ids", polars(id=[dt.date(2024, 1, 1)] * 3), "id", 0, dt.date(2024, 1, 1), ("date32", "id_from")),
    Wrong("an integer beyond 64 bits", pandas(id=pd.Series([1, 2, 2**64], dtype=object)), "id", 2, 2**64, ("64 bits",)),
    Wrong("ids of two kinds", pandas(id=pd.Series([1, A, 3], dtype=object)), "id", 1, A, ("a mix of int and str",)),
    Wrong("an id twice", polars(id=[7, 8, 7]), "id", 2, 7, ("the id of row 0 again", "duplicates='first'")),
    Wrong("one UUID in two spellings", polars(id=[A, A[:-1] + "1", A.upper()]), "id", 2, A, ("the id of row 0 again",)),
    Wrong(
        "an id twice, rows apart",
        lambda: pl.DataFrame({"id": [*range(70_000), 5]}),
        "id",
        70_000,
        5,
        ("row 5 again",),
        options={"vector": False},
        config={"vectors": {}, "sparse_vectors": {"s": {}}},
    ),
    Wrong(
        "ids made from floats",
        polars(price=[1.5, 2.5, 3.5]),
        "price",
        0,
        1.5,
        ("made from floats", "Cast"),
        options={"id_from": ["price"]},
    ),
    Wrong(
        "ids made from nulls",
        polars(sku=["a", None, "c"]),
        "sku",
        1,
        None,
        ("made from a null", "Fill it in"),
        options={"id_from": ["sku"]},
    ),
    Wrong(
        "ids made twice",
        polars(sku=["a", "b", "a"]),
        "sku",
        2,
        words=("the id of row 0 again",),
        options={"id_from": ["sku"]},
    ),
]
