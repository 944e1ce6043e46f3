"""Error classes, each also the builtin a Python user would expect, and the checks of arguments that raise them."""

from __future__ import annotations

from functools import wraps
from inspect import signature


class HccmetaError(Exception):
    """Base of all errors that hccmeta raises on purpose."""


class DataError(HccmetaError, ValueError):
    """Input that breaks the data contract; `.problems` lists every problem found.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    problems : list of dict, optional
        One dict per problem with the keys table, row, column, value, rule, fix.
    """

    def __init__(self, message: str, problems: list[dict] | None = None):
        super().__init__(message)
        self.problems = list(problems or [])


class MethodError(HccmetaError, ValueError):
    """An option outside its closed list, or a method that does not fit the data."""


class TooFewStudies(HccmetaError, ValueError):
    """Fewer studies than the method needs."""


class NotConverged(HccmetaError, RuntimeError):
    """An iteration that did not reach its tolerance."""


class MetaWarning(UserWarning):
    """A result that needs a caution; the text says which."""


def check_choice(name: str, value, choices) -> None:
    """Raise MethodError naming the choices unless `value` is one of them."""
    if not isinstance(value, (str, int, float, type(None))) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise MethodError(f"{name} = {value!r} is not known. Choose one of: {listed}.")


def takes(**kinds):
    """Decorator: refuse arguments of another kind than the function works on, in one sentence.

    A kind is a class, a tuple of columns that a DataFrame must have, or a dict {name of the keys: kind of the values}.
    """

    def decorate(function):
        parameters = signature(function)

        @wraps(function)
        def checked(*args, **options):
            given = parameters.bind(*args, **options).arguments
            for name, kind in kinds.items():
                if name in given and (wrong := _misfit(given[name], kind)):
                    raise DataError(f"{function.__name__} takes {_words(kind)} as {name}; it was given {wrong}.")
            return function(*args, **options)

        return checked

    return decorate


def _words(kind) -> str:
    if isinstance(kind, dict):
        ((keys, values),) = kind.items()
        return f"a dict of {keys} -> {_words(values)}"
    if isinstance(kind, tuple):
        return "a DataFrame" + (f" with {', '.join(kind)}" if kind else "")
    return "a text" if kind is str else kind.__name__


def _misfit(value, kind) -> str:
    """What is wrong with a value, empty where it fits."""
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            return type(value).__name__
        found = {key: _misfit(one, *kind.values()) for key, one in value.items()}
        return "; ".join(f"{key}: {wrong}" for key, wrong in found.items() if wrong)
    if isinstance(kind, tuple) and hasattr(value, "columns"):
        absent = [name for name in kind if name not in value.columns]
        return f"one without {', '.join(absent)}" if absent else ""
    return "" if not isinstance(kind, tuple) and isinstance(value, kind) else type(value).__name__
