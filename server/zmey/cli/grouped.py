"""Options of a command in dataclasses: what belongs together stays together behind typer, too."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints


def grouped(function: Callable[..., None]) -> Callable[..., None]:
    """Returns a command with a parameter for each field where `function` takes a dataclass.

    Fields are annotated as parameters of typer are, and have defaults.
    """
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[type, list[str]]] = {}
    hints = get_type_hints(function, include_extras=True)
    for one in inspect.signature(function).parameters.values():
        kind = hints[one.name]
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
            parameters.append(keyword(one.name, hints[one.name], one.default))
            continue
        fields = dataclasses.fields(kind)
        groups[one.name] = (kind, [field.name for field in fields])
        of_fields = get_type_hints(kind, include_extras=True)
        parameters += [keyword(it.name, of_fields[it.name], it.default) for it in fields]

    def command(**values: Any) -> None:
        for name, (kind, fields) in groups.items():
            values[name] = kind(**{field: values.pop(field) for field in fields})
        function(**values)

    return with_parameters(command, parameters, function.__doc__)


def with_parameters(
    command: Callable[..., None], parameters: list[inspect.Parameter], doc: str | None
) -> Callable[..., None]:
    """Lets typer read these parameters of a command, and this help."""
    command.__doc__ = doc
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def keyword(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    """Makes a parameter that is given by its name or not at all."""
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )
