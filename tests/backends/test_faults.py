"""Each fault as the error a user sees: its class, its words, its way out."""

import pickle

import pytest

from qframe import errors
from qframe.backends.faults import error_of, raise_fault
from qframe.model.outcome import Fault


@pytest.mark.parametrize(
    ("cause", "kind", "way_out"),
    [
        ("auth", errors.AuthenticationError, "api_key="),
        ("collection", errors.CollectionNotFoundError, "'places' does not exist"),
        ("exists", errors.CollectionExistsError, "some words"),
        ("unreachable", errors.UnreachableError, "Is the server running"),
        ("unsupported", errors.UnsupportedError, "some words"),
        ("fork", errors.ForkedProcessError, "some words"),
        ("in_use", errors.FolderInUseError, "some words"),
        ("", errors.ServerError, "collection 'places': some words"),
    ],
)
def test_the_error_of_a_cause(cause: str, kind: type[errors.QframeError], way_out: str) -> None:
    fault = Fault("fatal", "no", "some words", cause=cause)
    with pytest.raises(kind) as caught:
        raise_fault(fault, collection="places", target="http://host:6333")
    text = str(caught.value)
    assert "some words" in text
    assert way_out in text
    assert "http://host:6333" in text
    assert type(caught.value) is kind
    revived = pickle.loads(pickle.dumps(caught.value))
    assert (type(revived), str(revived)) == (kind, text)


def test_a_missing_collection_is_an_attribute() -> None:
    error = error_of(Fault("fatal", "no", "Not found", cause="collection"), collection="places")
    assert isinstance(error, errors.CollectionNotFoundError)
    assert error.collection == "places"


@pytest.mark.parametrize("kind", ["lost", "throttled", "too_large", "refused", "missing", "fatal"])
def test_the_kind_of_a_servers_refusal_is_an_attribute(kind: str) -> None:
    error = error_of(Fault(kind, "no", "Wrong input: bad."))  # type: ignore[arg-type]
    assert isinstance(error, errors.ServerError)
    assert (error.kind, str(error)) == (kind, "Wrong input: bad.")


def test_nothing_is_said_twice() -> None:
    fault = Fault("lost", "no", "no connection to http://host:6333: refused", cause="unreachable")
    assert str(error_of(fault, target="http://host:6333")).count("http://host:6333") == 1
    named = Fault("refused", "no", "Collection `places` is odd")
    assert str(error_of(named, collection="places")).count("places") == 1
