"""The options as a table for people: the README holds it, a test keeps it true."""

from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from zmey.config.settings import GIB, KIB, MIB, TIB, Settings
from zmey.config.sources import SecretSettings
from zmey.config.spaces import FieldSettings, SpaceSettings

README_START = "<!-- options -->"
README_END = "<!-- /options -->"

# Defaults that are too long or too nested to be shown as they are.
_DEFAULTS = {
    "spaces": "account 1, db 1",
    "blocked": "null, unknown, n/a, test@test.com, …",
}
NOTHING: tuple[object, ...] = ((), {}, "", SecretStr(""))
_UNITS = ((TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"))


def is_hidden(field: FieldInfo) -> bool:
    """Tells whether an option is for our own benchmarks only."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("hidden"))


def describe_default(name: str, field: FieldInfo) -> str:
    """Writes the default of an option as a person would."""
    value = field.default
    if name in _DEFAULTS:
        return _DEFAULTS[name]
    if field.is_required():
        return "required"
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None or value in NOTHING:
        return "none"
    if "bytes" in name:
        return _bytes(value)
    return str(value)


def options_markdown() -> str:
    """Returns every option with its default and description as Markdown tables."""
    return "\n".join(
        [
            "| option | default | what it does |",
            "| --- | --- | --- |",
            *_rows(Settings),
            "",
            "Each `[[spaces]]` table:",
            "",
            "| option | default | what it does |",
            "| --- | --- | --- |",
            *_rows(SpaceSettings),
            *_rows(FieldSettings, "fields."),
            "",
            "Each `[secrets.NAME]` table:",
            "",
            "| option | default | what it does |",
            "| --- | --- | --- |",
            *_rows(SecretSettings),
        ]
    )


def _rows(model: type[BaseModel], prefix: str = "") -> list[str]:
    return [
        f"| `{prefix}{name}` | {describe_default(name, field)} | {_cell(field.description)} |"
        for name, field in model.model_fields.items()
        if not is_hidden(field)
    ]


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def _bytes(value: Any) -> str:
    for size, unit in _UNITS:
        if value >= size and value % size == 0:
            return f"{value // size} {unit}"
    return f"{value} bytes"
