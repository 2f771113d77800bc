"""The options in the README and in `--help` are those of the settings."""

from pathlib import Path

from running_server import run_zmey
from zmey.config import README_END, README_START, Settings, is_hidden, options_markdown

README = Path(__file__).parent.parent / "README.md"


def test_readme_holds_the_generated_table() -> None:
    text = README.read_text(encoding="utf-8")
    section = text.split(README_START, 1)[1].split(README_END, 1)[0]
    assert section.strip() == options_markdown(), "run `zmey options` and paste its output"


def test_help_shows_every_option_and_its_description() -> None:
    shown = run_zmey("serve", "--help").stdout
    words = " ".join(shown.replace("│", " ").split())
    for name, field in Settings.model_fields.items():
        flag = "--" + name.replace("_", "-")
        assert (flag in shown) is not is_hidden(field), flag
        if not is_hidden(field):
            assert (field.description or "").split()[0] in words, name


def test_every_option_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name
