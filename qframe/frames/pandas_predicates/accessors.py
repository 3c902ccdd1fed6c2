"""The accessors of traced columns: text, time, lists and structs, as far as they are row-wise."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NoReturn

import pandas as pd

from qframe.errors import OptionError
from qframe.frames.pandas_predicates import meanings as meanings
from qframe.frames.pandas_predicates.meanings import Meaning, Truth
from qframe.frames.pandas_predicates.steps import Step, literal, refused
from qframe.frames.pandas_predicates.traced import Traced, call, computed
from qframe.model.predicate import Opaque
from qframe.model.spelling import hint


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TESTS = _words("isalpha isdigit isalnum isspace islower isupper istitle isnumeric isdecimal isascii")
_TEXT = _TESTS | _words(
    "lower upper title capitalize swapcase casefold strip lstrip rstrip find rfind count get slice slice_replace "
    "replace pad center ljust rjust zfill repeat removeprefix removesuffix normalize split rsplit join translate"
)
_PARTS = _words(
    "year month day hour minute second microsecond nanosecond dayofweek weekday day_of_week dayofyear "
    "day_of_year quarter date time timetz days_in_month daysinmonth days seconds microseconds nanoseconds"
)
_EDGES = _words("is_month_start is_month_end is_quarter_start is_quarter_end is_year_start is_year_end is_leap_year")
_TIME = _words("floor ceil round normalize tz_convert tz_localize strftime day_name month_name total_seconds as_unit")


class Accessor:
    """Methods and parts of a column under a name."""

    __slots__ = ("_column",)
    name = ""
    methods: frozenset[str] = frozenset()

    def __init__(self, column: Traced) -> None:
        self._column = column

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        path = f"{self.name}.{attribute}"
        if attribute in self.methods:
            return lambda *args, **options: self._call(attribute, args, options)
        real = getattr(pd.Series, self.name, None)
        text = f"{self._column._step.text}.{path}"
        if hasattr(real, attribute):
            raise refused(text, "looks at other rows than its own, or is not known not to")
        raise OptionError(f"filter: there is no {text}.{hint(attribute, dir(real))}")

    def _call(self, attribute: str, args: tuple[Any, ...], options: dict[str, Any]) -> Traced:
        done = call(self._column, f"{self.name}.{attribute}", args, options)
        return _test(done, attribute) if attribute in _TESTS else done

    def _part(self, attribute: str, meaning: Meaning) -> Traced:
        step = self._column._step
        path = f"{self.name}.{attribute}"
        return Traced(Step(f"{step.operand}.{path}", meaning, lambda frame: attrgetter(path)(step.replay(frame))))

    def __iter__(self) -> NoReturn:
        raise refused(f"{self._column._step.text}.{self.name}", "is iterated over")


class Text(Accessor):
    """`.str`."""

    __slots__ = ()
    name = "str"
    methods = _TEXT

    def startswith(self, pat: Any, na: Any = ...) -> Traced:
        return self._pattern("startswith", pat, na, {})

    def endswith(self, pat: Any, na: Any = ...) -> Traced:
        return self._pattern("endswith", pat, na, {})

    def contains(self, pat: Any, case: bool = True, flags: int = 0, na: Any = ..., regex: bool = True) -> Traced:
        return self._pattern("contains", pat, na, {"case": case, "flags": flags, "regex": regex})

    def match(self, pat: Any, case: bool = True, flags: int = 0, na: Any = ...) -> Traced:
        return self._pattern("match", pat, na, {"case": case, "flags": flags})

    def fullmatch(self, pat: Any, case: bool = True, flags: int = 0, na: Any = ...) -> Traced:
        return self._pattern("fullmatch", pat, na, {"case": case, "flags": flags})

    def _pattern(self, method: str, pat: Any, na: Any, options: dict[str, Any]) -> Traced:
        if na is not ...:
            options["na"] = na
        meaning = self._column._step.meaning
        plain = bool(options.get("case", True)) and not options.get("flags", 0)
        predicate = meanings.pattern(meaning, method, pat, na, bool(options.get("regex", True)), plain)
        # Only what was said is said again: not every dtype takes every option.
        said = {name: value for name, value in options.items() if (name, value) not in _USUAL}
        done = call(self._column, f"str.{method}", (pat,), said)._step
        return Traced(Step(done.text, Truth(predicate), done.replay))

    def len(self) -> Traced:
        done = call(self._column, "str.len", (), {})._step
        return Traced(Step(done.text, meanings.size_of(self._column._step.meaning), done.replay))

    def __getitem__(self, key: Any) -> Traced:
        return _item(self._column, "str", key)


_USUAL = [("case", True), ("flags", 0), ("regex", True)]


class Time(Accessor):
    """`.dt`."""

    __slots__ = ()
    name = "dt"
    methods = _TIME

    def __getattr__(self, attribute: str) -> Any:
        if attribute == "year":
            return self._part("year", meanings.year_of(self._column._step.meaning))
        if attribute in _PARTS:
            return self._part(attribute, meanings.Computed("a part of a point in time is taken"))
        if attribute in _EDGES:
            return self._part(attribute, Truth(Opaque("a part of a point in time is tested")))
        return super().__getattr__(attribute)


class Lists(Accessor):
    """`.list`."""

    __slots__ = ()
    name = "list"

    def len(self) -> Traced:
        done = call(self._column, "list.len", (), {})._step
        return Traced(Step(done.text, meanings.size_of(self._column._step.meaning), done.replay))

    def __getitem__(self, key: int) -> Traced:
        return _item(self._column, "list", key)


class Structs(Accessor):
    """`.struct`."""

    __slots__ = ()
    name = "struct"

    def field(self, name_or_index: Any) -> Traced:
        if isinstance(name_or_index, list):
            field = self
            for name in name_or_index[:-1]:
                field = Structs(field.field(name))
            return field.field(name_or_index[-1])
        done = call(self._column, "struct.field", (name_or_index,), {})._step
        return Traced(Step(done.text, meanings.field_of(self._column._step.meaning, name_or_index), done.replay))


def _item(column: Traced, name: str, key: Any) -> Traced:
    step = column._step
    key = key if isinstance(key, slice) else literal(key, f"{step.text}.{name}")
    shown = (
        ":".join("" if part is None else repr(part) for part in (key.start, key.stop))
        if isinstance(key, slice)
        else repr(key)
    )
    return computed(f"{step.operand}.{name}[{shown}]", lambda frame: getattr(step.replay(frame), name)[key])


def _test(done: Traced, attribute: str) -> Traced:
    step = done._step
    return Traced(Step(step.text, Truth(Opaque(f"{attribute} is evaluated here")), step.replay))


ACCESSORS: dict[str, Callable[[Traced], Accessor]] = {"str": Text, "dt": Time, "list": Lists, "struct": Structs}
