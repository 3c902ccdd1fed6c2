"""What errors say of names: which there are, which was meant, which is a slip."""

import pytest

from qframe.model.spelling import hint, listed, near_miss, similar


def test_names_are_listed_up_to_twenty() -> None:
    assert listed(["a", "b'"]) == """'a', "b'\""""
    assert listed(f"c{i}" for i in range(22)).endswith("'c19' and 2 more")
    assert listed([]) == ""


@pytest.mark.parametrize(
    ("name", "names", "meant"),
    [
        ("prize", ["id", "price"], "price"),
        ("PRICE", ["id", "Price"], "Price"),
        ("price", ["id", "city"], None),
        ("", ["id"], None),
        ("price", [], None),
    ],
)
def test_the_name_that_was_meant(name: str, names: list[str], meant: str | None) -> None:
    assert similar(name, names) == meant
    assert hint(name, names) == (f" Did you mean '{meant}'?" if meant else "")


@pytest.mark.parametrize(
    ("name", "existing", "meant"),
    [
        ("place", ["places"], "places"),
        ("palces", ["other", "places"], "places"),
        ("Places", ["places"], "places"),
        ("places", ["places", "place"], None),
        ("products", ["places"], None),
        ("plac", ["places"], None),
        ("docs_v2", ["docs_v1"], None),
        ("docs", ["docs2"], None),
        ("2024", ["2025"], None),
        ("places_2", ["places"], None),
        ("places", ["places_2"], None),
        ("places_b", ["places"], None),
        ("places_", ["places"], "places"),
        ("it2b", ["it2"], None),
        ("v2", ["v2a"], None),
        ("docs2bc", ["docs2"], "docs2"),
        ("placesb", ["places"], "places"),
        ("palces_2", ["places_2"], "places_2"),
        ("ab", ["ac"], None),
        ("abc", ["abd", "xyz"], "abd"),
        ("abc", ["axy"], None),
        ("placess", ["plases", "places"], "places"),
        ("x", [], None),
    ],
)
def test_names_that_are_slips(name: str, existing: list[str], meant: str | None) -> None:
    assert near_miss(name, existing) == meant
