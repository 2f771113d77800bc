"""Reading the options from flags, environment and file, and saying what is wrong with them."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict, SettingsError

from zmey.config.bridge import ALTCRAFT_NAMES, altcraft_options
from zmey.config.settings import ENVIRONMENT_PREFIX, Settings

CONFIG_VARIABLE = ENVIRONMENT_PREFIX + "CONFIG"

# Options with an inner structure, which flags write as JSON.
JSON_FLAGS = ("secrets", "spaces")
# Variables with our prefix that are no options: the path of the file, the address for clients, the
# build's own, and what Kubernetes sets in every container beside a service named "zmey".
FOREIGN_VARIABLES = (CONFIG_VARIABLE, "ZMEY_ADDRESS", "ZMEY_PHONENUMBERS_PYTHON")
FOREIGN_PREFIXES = ("ZMEY_SERVICE_", "ZMEY_PORT")


class ConfigError(Exception):
    """Options that cannot be used.

    Attributes:
        problems: a sentence for each, naming the option, where it was set and the fix.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_settings(file: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """Reads and checks all options.

    Args:
        file: a TOML file, or None.
        flags: values from the command line by option name; None means not given.

    Raises:
        ConfigError: an option is unknown or its value is refused.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    in_file = _read_file(file)
    _refuse_unknown_variables()
    for name in JSON_FLAGS:
        if isinstance(given.get(name), str):
            given[name] = _parse_json(f"--{name}", given[name])

    class SettingsOfFile(Settings):
        """The options with this very file as a source."""

        model_config = SettingsConfigDict(toml_file=None if _is_altcraft(file) else file)
        altcraft_file = in_file if _is_altcraft(file) else {}

    try:
        return SettingsOfFile(**given)
    except SettingsError as error:
        raise ConfigError([_unreadable_variable(error)]) from error
    except ValidationError as error:
        problems = [_sentence(entry, given, in_file, file) for entry in error.errors()]
        raise ConfigError(problems) from error


def _is_altcraft(file: Path | None) -> bool:
    """Our own files are TOML; one in JSON is Altcraft's main.json."""
    return file is not None and file.suffix == ".json"


def _read_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        if _is_altcraft(file):
            return _read_altcraft(file)
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"The file {file} cannot be read: {error.strerror}. Check --config."
    except UnicodeDecodeError:
        problem = f"The file {file} is no UTF-8; save it as UTF-8."
    except tomllib.TOMLDecodeError as error:
        problem = f"The file {file} is no TOML: {error}."
    raise ConfigError([problem])


def _read_altcraft(file: Path) -> dict[str, Any]:
    values = _parse_json(f"The file {file}", file.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ConfigError([f"The file {file} is no JSON object; give Altcraft's main.json."])
    return altcraft_options(values)


def _parse_json(place: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigError([f"{place} is no JSON: {error}."]) from error


def _refuse_unknown_variables() -> None:
    known = {ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields}
    problems = []
    for variable in sorted(os.environ):
        name = variable.split("__", 1)[0].upper()
        foreign = name in FOREIGN_VARIABLES or name.startswith(FOREIGN_PREFIXES)
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known and not foreign:
            problems.append(f"The variable {variable} is no option{_suggest(name, known)}")
    if problems:
        raise ConfigError(problems)


def _suggest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else "; see `zmey serve --help`."


def _unreadable_variable(error: SettingsError) -> str:
    variables = [ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields]
    text = str(error)
    named = next((name for name in variables if f'"{name[5:].lower()}"' in text), None)
    return f"The variable {named or 'of a list'} is no JSON; write a JSON list."


def _sentence(
    entry: Any, given: Mapping[str, Any], in_file: Mapping[str, Any], file: Path | None
) -> str:
    """Says what one error of pydantic means to an operator, without repeating the value."""
    location = [str(part) for part in entry["loc"]]
    message = str(entry["msg"]).removeprefix("Value error, ")
    if not location:
        return message[0].upper() + message[1:] + "."
    name = location[0]
    path = ".".join(location)
    if entry["type"] == "extra_forbidden":
        known = set(Settings.model_fields) if len(location) == 1 else set()
        return f"{_place(name, given, in_file, file)}: {path} is no option{_suggest(name, known)}"
    return f"{_place(name, given, in_file, file)}: {path}: {message}."


def _place(
    name: str, given: Mapping[str, Any], in_file: Mapping[str, Any], file: Path | None
) -> str:
    """Names the source whose value counts."""
    variable = ENVIRONMENT_PREFIX + name.upper()
    if name in given:
        return "--" + name.replace("_", "-")
    if any(key.upper().split("__", 1)[0] == variable for key in os.environ):
        return variable
    if name in in_file and not _is_altcraft(file):
        return str(file)
    for theirs, ours in ALTCRAFT_NAMES.items():
        if ours == name and theirs in os.environ:
            return theirs
    return str(file) if name in in_file else "default"
