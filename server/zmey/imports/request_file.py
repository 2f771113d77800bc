"""Reads request.json of a folder: parameters of `member.import` as seed 002 writes them.

The file adds to the call. What the call says itself goes before it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message

from zmey.client.notation import TYPES_WITH_ALIASES
from zmey.refusal import RefusedError
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1 import import_job_pb2, member_pb2
from zmey.v1.data_rule_pb2 import DataRule, HasHasMode, HasMissMode, MissHasMode
from zmey.v1.import_job_pb2 import ProbeImportRequest, StartImportRequest

Request = StartImportRequest | ProbeImportRequest

# What the source itself reads, and what says nothing here.
_ELSEWHERE = frozenset({"content_type", "action", "users.url", "format", "result"})

_CHARSETS = {
    "koi8-r": import_job_pb2.CHARSET_KOI8_R,
    "cp1251": import_job_pb2.CHARSET_CP1251,
    "utf-8": import_job_pb2.CHARSET_UTF_8,
    "utf-7": import_job_pb2.CHARSET_UTF_7,
    "utf-16": import_job_pb2.CHARSET_UTF_16,
    "mac-cyrillic": import_job_pb2.CHARSET_MAC_CYRILLIC,
}
_SEPARATORS = {
    ",": import_job_pb2.SEPARATOR_COMMA,
    ";": import_job_pb2.SEPARATOR_SEMICOLON,
    "|": import_job_pb2.SEPARATOR_PIPE,
    "t": import_job_pb2.SEPARATOR_TAB,
    "\t": import_job_pb2.SEPARATOR_TAB,
}
_CONDITIONS = {
    "error": member_pb2.IF_EXISTS_ERROR,
    "must": member_pb2.IF_EXISTS_MUST,
    "ignore": member_pb2.IF_EXISTS_IGNORE,
}
# Keys of the system that a column writes like other data.
_SYSTEM_DATAKEYS = frozenset({"member.origin", "member.error.error", "member.lockconfirm"})
# A colon, or a backslash with what it escapes.
_COLON = re.compile(r"\\.|:", re.DOTALL)
# The parts of a data_rule: our name of each, and what its modes are.
_DATA_MODES: dict[str, tuple[str, str, Any]] = {
    "hasmiss": ("has_miss", "HAS_MISS_MODE_", HasMissMode),
    "hashas": ("has_has", "HAS_HAS_MODE_", HasHasMode),
    "misshas": ("miss_has", "MISS_HAS_MODE_", MissHasMode),
}
_TRUE = frozenset({1, "1"})
_FALSE = frozenset({0, "0", "", None})
# What has no value is as if it were not there.
_ABSENT = frozenset({"", None})
_STATUS = "/status"


def merge_request_file(content: Mapping[str, Any], request: Request) -> list[member_pb2.Warning]:
    """Puts the parameters of a request.json into a request, but for what that says itself.

    Returns:
        What the file asks for and nobody does.

    Raises:
        RefusedError: a parameter is unknown or makes no sense.
    """
    found = type(request)()
    for key, value in content.items():
        if key in _ELSEWHERE:
            continue
        reader = _READERS.get(key)
        if reader is None:
            raise _invalid(key, "is not a parameter of an import")
        try:
            reader(found, value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _invalid(key, "has a value that it cannot have") from error
    _drop_said(found, request)
    content_of_call = request.SerializeToString()
    request.Clear()
    request.MergeFromString(found.SerializeToString())
    request.MergeFromString(content_of_call)
    return _ignored(content)


def _ignored(content: Mapping[str, Any]) -> list[member_pb2.Warning]:
    """Tells of parameters without an effect, as the caption of a JSON document does."""
    warnings = []
    if content.get("basegroup.id") not in _FALSE:
        message = "There are no base groups of bots: basegroup.id has no effect."
        warnings.append(_without_effect(message, field="basegroup.id"))
    for index, column in enumerate(content.get("caption") or ()):
        if _flag(column.get("autodetect")):
            message = "There are no questions with answers to detect: cells are taken as they are."
            warnings.append(_without_effect(message, field="caption.autodetect", column=str(index)))
    return warnings


def _without_effect(message: str, **details: str) -> member_pb2.Warning:
    reason = reasons.ERROR_REASON_FIELD_INVALID
    return member_pb2.Warning(reason=reason, message=message, details=details)


def _drop_said(found: Message, said: Message) -> None:
    """Leaves out lists that the call has: merged, one would continue the other.

    So a request stays what it is where it is merged with its file once more.
    """
    for field, value in said.ListFields():
        if field.is_repeated:
            found.ClearField(field.name)
        elif field.message_type is not None and found.HasField(field.name):
            _drop_said(getattr(found, field.name), value)


def _charset(request: Request, value: Any) -> None:
    if value not in _ABSENT:
        request.reading.charset = _CHARSETS[value.lower()]


def _separator(request: Request, value: Any) -> None:
    if value not in _ABSENT:
        request.reading.separator = _SEPARATORS[value]


def _first_line(request: Request, value: Any) -> None:
    if value in _ABSENT:
        return
    names = _flag(value)
    request.reading.first_line = (
        import_job_pb2.FIRST_LINE_NAMES if names else import_job_pb2.FIRST_LINE_DATA
    )


def _addr_type(request: Request, value: Any) -> None:
    if value not in _ABSENT:
        request.reading.addr_type = TYPES_WITH_ALIASES[value]


def _if_exists(request: Request, value: Any) -> None:
    if value not in _ABSENT:
        request.options.if_exists = _CONDITIONS[value]


def _origin(request: Request, value: Any) -> None:
    if value in _ABSENT:
        return
    if isinstance(value, int) or value.isdecimal():
        request.options.origin_number = int(value)
    else:
        request.options.origin_label = value


def _newbie_confirm(request: Request, value: Any) -> None:
    request.options.newbie_confirm = _flag(value)


def _head_attach(request: Request, value: Any) -> None:
    """Reads how heads are attached."""
    unknown = set(value) - {"newbie.confirm", "head_rule", "data_rule"}
    if unknown:
        raise KeyError(*unknown)
    rules = request.options.head_attach
    rules.SetInParent()
    rules.newbie_confirm = _flag(value.get("newbie.confirm"))
    for case, word in (value.get("head_rule") or {}).items():
        modes = member_pb2.NewbieMode if case == "newbie" else member_pb2.OwnedMode
        prefix = "NEWBIE_MODE_" if case == "newbie" else "OWNED_MODE_"
        setattr(rules.head_rule, case, _mode(modes, prefix, word))
    if value.get("data_rule"):
        rules.data_rule.CopyFrom(_data_rule(value["data_rule"]))


def _data_rule(value: Any) -> DataRule:
    """Reads what becomes of data, as `member.merge` of seed 002 writes it."""
    rule = DataRule()
    for name, given in value.items():
        if name == "level":
            rule.level = _number(given)
        elif name == "dk_rule":
            for path, word in given.items():
                rule.keys.add(path=path, mode=_mode(HasHasMode, "HAS_HAS_MODE_", word))
        else:
            field, prefix, modes = _DATA_MODES[name]
            setattr(rule, field, _mode(modes, prefix, given))
    return rule


def _mode(modes: Any, prefix: str, word: str) -> Any:
    """Reads the word of a mode; what is unspecified has none."""
    mode = modes.Value(prefix + word.upper())
    if not mode:
        raise ValueError
    return mode


def _no_member(request: Request, value: Any) -> None:
    request.options.no_member = _flag(value)


def _caption(request: Request, value: Any) -> None:
    """Writes the columns by the names that mean the same."""
    request.reading.names.extend(map(_column_name, _listed(value)))


def _column_name(column: Any) -> str:
    """Writes {datakey, mode, type} as PATH:MODE:TYPE, with "=" before it for calc.

    The datakey is that of SetMember, so what names of columns mean besides is escaped.
    """
    unknown = set(column) - {
        _STATUS,
        "anketa",
        "autodetect",
        "calc",
        "datakey",
        "ignore",
        "mode",
        "quest",
        "type",
    }
    if unknown:
        raise KeyError(*unknown)
    if _flag(column.get("ignore")):
        return "-"
    if _STATUS in column:
        return _STATUS
    _flag(column.get("autodetect"))
    path = column.get("datakey") or f"{column['anketa']}.{column['quest']}"
    if path.startswith("@") or (path.startswith("member.") and path not in _SYSTEM_DATAKEYS):
        # A key or a column of identifiers: nothing more can be said of it.
        return str(path)
    escaped = _COLON.sub(lambda found: "\\:" if found[0] == ":" else found[0], path)
    name = ":".join(part for part in (escaped, column.get("mode"), column.get("type")) if part)
    if _flag(column.get("calc")):
        return f"={name}"
    return f"\\{name}" if name.startswith(("=", "'=")) else name


def _groups_add(request: Request, value: Any) -> None:
    request.options.groups.add.extend(map(_text, _listed(value)))


def _groups_remove(request: Request, value: Any) -> None:
    request.options.groups.remove.extend(map(_text, _listed(value)))


def _sequence_event(request: Request, value: Any) -> None:
    request.options.sequence.event = _flag(value)


def _sequence_stop(request: Request, value: Any) -> None:
    request.options.sequence.stop.extend(map(int, _listed(value)))


def _sequence_start(request: Request, value: Any) -> None:
    request.options.sequence.start.extend(map(int, _listed(value)))


def _auto_group(request: Request, value: Any) -> None:
    group = import_job_pb2.AutoGroup(id=value.get("id") or "", name=value.get("name") or "")
    request.auto_group.CopyFrom(group)


def _base_group(_: Request, value: Any) -> None:
    """Reads what has no effect, of which a warning tells."""
    if value is not None:
        _text(value)


def _express(request: Request, value: Any) -> None:
    request.express = _flag(value)


def _clean_group(request: Request, value: Any) -> None:
    request.clean_group = _flag(value)


def _track_info(request: Request, value: Any) -> None:
    if isinstance(request, StartImportRequest):
        request.track_info = _text(value)


_READERS: dict[str, Callable[[Request, Any], None]] = {
    "addr_type": _addr_type,
    "auto_group": _auto_group,
    "basegroup.id": _base_group,
    "caption": _caption,
    "charset": _charset,
    "clean_group": _clean_group,
    "express": _express,
    "firstline": _first_line,
    "head_attach": _head_attach,
    "if_exists": _if_exists,
    "member.group.add": _groups_add,
    "member.group.remove": _groups_remove,
    "newbie.confirm": _newbie_confirm,
    "no_member": _no_member,
    "origin": _origin,
    "separator": _separator,
    "sequence.event": _sequence_event,
    "sequence.start": _sequence_start,
    "sequence.stop": _sequence_stop,
    "track.info": _track_info,
}


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise TypeError


def _flag(value: Any) -> bool:
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ValueError


def _number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        return int(value)
    raise TypeError


def _text(value: Any) -> str:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value)
    raise TypeError


def _invalid(key: str, problem: str) -> RefusedError:
    return RefusedError(
        reasons.ERROR_REASON_REQUEST_FILE_INVALID,
        f"The parameter {key[:100]!r} of request.json {problem}.",
        {"key": key[:100]},
    )
