"""Error classes: each is also the builtin a Python user would expect."""

from __future__ import annotations


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
