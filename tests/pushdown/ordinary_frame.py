"""2,000 rows with the columns that ordinary predicates ask for: orders as in TPC-H, hits as in ClickBench, people."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import polars as pl

ROWS = 2_000
BERLIN = "Europe/Berlin"
PLANS = pl.Enum(["free", "team", "pro"])
ADDRESS = pl.Struct({"city": pl.String, "zip": pl.String, "geo": pl.Struct({"lat": pl.Float64, "lon": pl.Float64})})

SCHEMA: dict[str, Any] = {
    "id": pl.UInt64,
    # TPC-H: a lineitem with its order, part, customer and nations.
    "l_orderkey": pl.Int64,
    "l_quantity": pl.Float64,
    "l_extendedprice": pl.Float64,
    "l_discount": pl.Float64,
    "l_returnflag": pl.String,
    "l_shipdate": pl.Date,
    "l_commitdate": pl.Date,
    "l_receiptdate": pl.Date,
    "l_shipinstruct": pl.String,
    "l_shipmode": pl.String,
    "o_orderdate": pl.Date,
    "o_orderstatus": pl.String,
    "o_comment": pl.String,
    "c_mktsegment": pl.String,
    "c_phone": pl.String,
    "c_acctbal": pl.Float64,
    "c_nation": pl.String,
    "s_nation": pl.String,
    "r_name": pl.String,
    "p_name": pl.String,
    "p_brand": pl.String,
    "p_type": pl.String,
    "p_size": pl.Int32,
    "p_container": pl.String,
    # ClickBench.
    "AdvEngineID": pl.Int16,
    "CounterID": pl.Int32,
    "DontCountHits": pl.Int16,
    "EventDate": pl.Date,
    "EventTime": pl.Datetime("us"),
    "IsDownload": pl.Int16,
    "IsLink": pl.Int16,
    "IsRefresh": pl.Int16,
    "MobilePhoneModel": pl.String,
    "RefererHash": pl.Int64,
    "SearchPhrase": pl.String,
    "Title": pl.String,
    "TraficSourceID": pl.Int16,
    "URL": pl.String,
    "URLHash": pl.Int64,
    "UserID": pl.Int64,
    # People and what they do, as in user guides.
    "name": pl.String,
    "email": pl.String,
    "birthdate": pl.Date,
    "weight": pl.Float64,
    "height": pl.Float64,
    "age": pl.Float64,
    "sex": pl.Categorical,
    "pclass": pl.UInt8,
    "fare": pl.Float64,
    "cabin": pl.String,
    "country": pl.String,
    "city": pl.String,
    "comment_karma": pl.Int64,
    "link_karma": pl.Int64,
    "plan": PLANS,
    "is_active": pl.Boolean,
    "verified": pl.Boolean,
    "tags": pl.List(pl.String),
    "ratings": pl.List(pl.Int64),
    "address": ADDRESS,
    "signed_up": pl.Datetime("us", "UTC"),
    "last_seen": pl.Datetime("us", BERLIN),
    "updated_at": pl.Datetime("us"),
    "score": pl.Float32,
    "number of logins": pl.Int32,
    "a": pl.Int64,
    "b": pl.Int64,
    "c": pl.Int64,
}
"""Column → dtype, as a caller would give it."""

Value = TypeVar("Value")


class _Dice:
    """Random values of a seed; the methods are ways in which columns are filled."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self, values: Sequence[Value], weights: Sequence[float] | None = None) -> Value:
        return self.random.choices(values, weights)[0]

    def maybe(self, value: Value, share: float = 0.1) -> Value | None:
        """None instead of the value in this share of rows."""
        return None if self.random.random() < share else value

    def day(self, first: dt.date, last: dt.date) -> dt.date:
        return first + dt.timedelta(days=self.random.randint(0, (last - first).days))

    def moment(self, first: dt.date, last: dt.date) -> dt.datetime:
        """To the second, often to the microsecond, and sometimes midnight sharp."""
        midnight = dt.datetime.combine(self.day(first, last), dt.time())
        within = self.one([0, self.random.randrange(86_400), self.random.random() * 86_400], [1, 5, 4])
        return midnight + dt.timedelta(seconds=within)

    def money(self, low: float, high: float) -> float:
        return round(self.random.uniform(low, high), 2)


NATIONS = ["FRANCE", "GERMANY", "BRAZIL", "JAPAN", "INDIA", "CANADA"]
PHRASES = ["cheap flights", "polars dataframe", "weather", "карта мира", "qdrant filter"]


def _order(dice: _Dice) -> dict[str, Any]:
    pick, rng = dice.one, dice.random
    ordered = dice.day(dt.date(1993, 1, 1), dt.date(1998, 8, 2))
    shipped = ordered + dt.timedelta(days=rng.randint(1, 121))
    words = ["special", "requests", "deposits", "carefully", "final", "accounts"]
    return {
        "l_orderkey": rng.randint(1, 6_000_000),
        "l_quantity": float(rng.randint(1, 50)),
        "l_extendedprice": dice.money(900, 105_000),
        "l_discount": rng.randint(0, 10) / 100,
        "l_returnflag": pick("NRA"),
        "l_shipdate": shipped,
        "l_commitdate": ordered + dt.timedelta(days=rng.randint(30, 90)),
        "l_receiptdate": shipped + dt.timedelta(days=rng.randint(1, 30)),
        "l_shipinstruct": pick(["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"], [4, 1, 1, 1]),
        "l_shipmode": pick(["AIR", "REG AIR", "MAIL", "SHIP", "TRUCK", "RAIL"]),
        "o_orderdate": ordered,
        "o_orderstatus": pick("FOP"),
        "o_comment": dice.maybe(" ".join(rng.sample(words, 4))),
        "c_mktsegment": pick(["BUILDING", "AUTOMOBILE", "MACHINERY", "HOUSEHOLD", "FURNITURE"]),
        "c_phone": f"{rng.randint(10, 34)}-{rng.randint(100, 999)}-{rng.randint(100, 999)}",
        "c_acctbal": dice.money(-999, 9_999),
        "c_nation": pick(NATIONS),
        "s_nation": pick(NATIONS),
        "r_name": pick(["ASIA", "AMERICA", "EUROPE", "AFRICA", "MIDDLE EAST"]),
        "p_name": " ".join(rng.sample(["green", "forest", "lemon", "navy", "blush", "chiffon"], 3)),
        "p_brand": pick(["Brand#12", "Brand#23", "Brand#34", "Brand#45"]),
        "p_type": " ".join(
            [
                pick(["PROMO", "ECONOMY", "MEDIUM", "STANDARD"]),
                pick(["POLISHED", "ANODIZED"]),
                pick(["BRASS", "STEEL", "TIN"]),
            ]
        ),
        "p_size": rng.randint(1, 50) if rng.random() < 0.5 else rng.randint(1, 15),
        "p_container": pick(["SM CASE", "SM BOX", "MED BAG", "MED BOX", "LG CASE", "LG BOX", "JUMBO JAR"]),
    }


def _hit(dice: _Dice) -> dict[str, Any]:
    pick, rng = dice.one, dice.random
    at = dice.moment(dt.date(2013, 6, 24), dt.date(2013, 8, 5))
    hosts = ["google.com", "www.google.ru", "maps.google.de", "example.org", "yandex.ru"]
    return {
        "AdvEngineID": pick([0, 2, 13], [7, 1, 2]),
        "CounterID": pick([62, 1704509, 11482817], [6, 2, 2]),
        "DontCountHits": pick([0, 1], [9, 1]),
        "EventDate": at.date(),
        "EventTime": at,
        "IsDownload": pick([0, 1], [9, 1]),
        "IsLink": pick([0, 1], [6, 4]),
        "IsRefresh": pick([0, 1], [9, 1]),
        "MobilePhoneModel": pick(["", "iPad", "iPhone 5s", "Galaxy"], [7, 1, 1, 1]),
        "RefererHash": pick([3594120000172545465, 3594120000172545466, 17], [5, 2, 3]),
        "SearchPhrase": pick(["", *PHRASES], [5, 1, 1, 1, 1, 1]),
        "Title": pick(["Google Maps", "Карты — Google", "google it", "Weather", ""]),
        "TraficSourceID": pick([-1, 0, 3, 6]),
        "URL": pick(["", *(f"http://{host}/{rng.randint(1, 999)}" for host in hosts)]),
        "URLHash": pick([2868770270353813622, 2868770270353813623, -5], [5, 3, 2]),
        "UserID": pick([435090932899640449, 435090932899640448, rng.getrandbits(62), -rng.getrandbits(62)]),
    }


def _person(dice: _Dice) -> dict[str, Any]:
    pick, maybe, rng = dice.one, dice.maybe, dice.random
    name = f"{pick(['Alice', 'Ben', 'Chloe', 'Daniel', 'Émile'])} {pick(['Archer', 'Brown', 'Cooper', 'Donovan'])}"
    host = pick(["example.com", "example.org", "mail.test", "Example.com"])
    tags = rng.sample(["python", "rust", "sql", "urgent", "ml"], rng.randint(0, 4))
    city = maybe(pick(["Berlin", "berlin", "San Francisco", "San José", "Lyon", "Wien"]))
    geo = maybe({"lat": round(rng.uniform(40, 60), 3), "lon": maybe(round(rng.uniform(-5, 20), 3))})
    return {
        "name": name,
        "email": maybe(f"{name.split()[0].lower()}{rng.randint(1, 99)}@{host}"),
        "birthdate": maybe(dice.day(dt.date(1950, 1, 1), dt.date(2005, 12, 31))),
        "weight": maybe(round(rng.uniform(45, 120), 1)),
        "height": maybe(round(rng.uniform(1.45, 2.05), 2)),
        "age": maybe(float(rng.randint(1, 80)), 0.2),
        "sex": pick(["female", "male"]),
        "pclass": rng.randint(1, 3),
        "fare": dice.money(0, 500) if rng.random() < 0.3 else dice.money(0, 60),
        "cabin": maybe(f"{pick('ABCDE')}{rng.randint(1, 120)}", 0.7),
        "country": maybe(pick(["DE", "AT", "CH", "FR", "US", ""])),
        "city": city,
        "comment_karma": rng.randint(-50, 5_000) if rng.random() < 0.8 else 0,
        "link_karma": maybe(rng.randint(-50, 500)),
        "plan": maybe(pick(["free", "team", "pro"])),
        "is_active": maybe(pick([True, False], [6, 4])),
        "verified": rng.random() < 0.5,
        "tags": maybe([maybe(tag, 0.05) for tag in tags]),
        "ratings": maybe([rng.randint(1, 5) for _ in range(rng.randint(0, 4))]),
        "address": maybe({"city": city, "zip": f"{rng.randint(1_000, 99_999):05}", "geo": geo}),
        "signed_up": maybe(dice.moment(dt.date(2023, 6, 1), dt.date(2024, 12, 31)).replace(tzinfo=dt.UTC)),
        "last_seen": maybe(dice.moment(dt.date(2024, 1, 1), dt.date(2024, 12, 31)).replace(tzinfo=dt.UTC)),
        "updated_at": maybe(dice.moment(dt.date(2024, 1, 1), dt.date(2024, 6, 30))),
        "score": maybe(rng.randint(0, 50) / 10),
        "number of logins": rng.randint(0, 20),
        "a": rng.randint(0, 9),
        "b": rng.randint(0, 9),
        "c": maybe(rng.randint(0, 9)),
    }


def ordinary_frame(rows: int = ROWS) -> pl.DataFrame:
    """The same rows every time, with nulls where people leave things out.

    Each column draws from dice of its own part, so that a column added to one leaves the others as they are.
    """
    parts: list[tuple[_Dice, Callable[[_Dice], dict[str, Any]]]] = [
        (_Dice(1), _order),
        (_Dice(2), _hit),
        (_Dice(3), _person),
    ]
    found = [{"id": row} | {k: v for dice, part in parts for k, v in part(dice).items()} for row in range(rows)]
    schema = SCHEMA | {"last_seen": pl.Datetime("us", "UTC")}
    return pl.DataFrame(found, schema=schema).with_columns(pl.col("last_seen").dt.convert_time_zone(BERLIN))
