"""A user's own listeners, as ``[platerec_ocr] listeners`` names them: ``module:function``, divided by commas."""

from __future__ import annotations

from functools import reduce
from importlib import import_module
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.listeners.ears import Listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.events import Event


def named(option: str) -> list[Listener]:
    """Return the listeners that the option names; each is imported in its own thread, when it begins."""
    names = dict.fromkeys(name.strip() for name in option.split(",") if name.strip())
    return [Listener(name, _Import(name)) for name in names]


class _Import:
    """Imports one listener when it begins."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self) -> Callable[[Event], object]:
        """Return the function.

        :raises OCRConfigError: the name is none, or no function.
        """
        module, found, path = self._name.partition(":")
        if not (found and module and path):
            message = f"[platerec_ocr] listeners: {self._name!r} is not of the form package.module:function."
            raise OCRConfigError(message)
        function = reduce(getattr, path.split("."), import_module(module))
        if not callable(function):
            message = f"[platerec_ocr] listeners: {self._name} cannot be called."
            raise OCRConfigError(message)
        hear: Callable[[Event], object] = function
        return hear
