"""Shows what the server makes of a file."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zmey.cli.exits import reason_text
from zmey.cli.import_warnings import print_warnings
from zmey.reasons import reason_name
from zmey.v1 import import_job_pb2
from zmey.v1.import_job_pb2 import Confidence, ProbedRow, ProbeImportResponse
from zmey.v1.member_pb2 import OutcomeStatus

CELL_CHARACTERS_MAX = 40
_SEPARATORS = {
    import_job_pb2.SEPARATOR_COMMA: "comma",
    import_job_pb2.SEPARATOR_SEMICOLON: "semicolon",
    import_job_pb2.SEPARATOR_PIPE: "vertical bar",
    import_job_pb2.SEPARATOR_TAB: "tab",
}


def print_probe(answer: ProbeImportResponse) -> None:
    """Prints layout, columns, first rows with their outcomes, what all would do, and warnings."""
    console = Console(highlight=False)
    if answer.HasField("layout"):
        console.print(_layout_table(answer))
        console.print(_column_table(answer))
    if answer.rows:
        console.print(_row_table(answer))
    if answer.HasField("estimate"):
        console.print(_estimate_line(answer))
    print_warnings(console, answer.warnings)


def _layout_table(answer: ProbeImportResponse) -> Table:
    layout, reading = answer.layout, answer.layout.reading
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    table.add_column(style="dim")
    shape = import_job_pb2.FileShape.Name(reading.shape).removeprefix("FILE_SHAPE_").lower()
    table.add_row("file", shape.replace("_", " "), _sure(layout.shape_confidence))
    if reading.charset:
        charset = import_job_pb2.Charset.Name(reading.charset).removeprefix("CHARSET_").lower()
        table.add_row("charset", charset.replace("_", "-"), _sure(layout.charset_confidence))
    if reading.separator:
        name = _SEPARATORS[reading.separator]
        table.add_row("separator", name, _sure(layout.separator_confidence))
    if reading.first_line:
        names = reading.first_line == import_job_pb2.FIRST_LINE_NAMES
        meaning = "names of columns" if names else "a row"
        table.add_row("first line", meaning, _sure(layout.first_line_confidence))
    rows = f"{_about(answer)}{answer.rows_estimate:,}"
    table.add_row("rows", rows, f"{answer.file_bytes:,} bytes")
    return table


def _column_table(answer: ProbeImportResponse) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("column", "name", "what its cells do"):
        table.add_column(title)
    for number, column in enumerate(answer.columns, start=1):
        table.add_row(str(number), escape(column.name), escape(column.meaning))
    return table


def _row_table(answer: ProbeImportResponse) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("row", "would be", "cells"):
        table.add_column(title)
    for row in answer.rows:
        cells = " | ".join(_shortened(cell) for cell in row.cells)
        table.add_row(str(row.row), escape(_outcome(row)), escape(cells))
    return table


def _estimate_line(answer: ProbeImportResponse) -> str:
    estimate = answer.estimate
    counts = {
        "created": estimate.created,
        "updated": estimate.updated,
        "unchanged": estimate.unchanged,
        "ignored": estimate.ignored,
        "rejected": estimate.rejected,
    }
    told = ", ".join(f"{_about(answer)}{count:,} {word}" for word, count in counts.items() if count)
    known = "" if answer.estimate_exact else f"  [dim]told from {answer.estimate_rows:,} rows[/]"
    return f"[bold]all rows[/]  {told}{known}"


def _about(answer: ProbeImportResponse) -> str:
    return "" if answer.estimate_exact else "about "


def _outcome(row: ProbedRow) -> str:
    if row.HasField("fault"):
        reason = reason_name(row.fault.reason)
        return f"rejected: {row.fault.message} {reason_text(reason, row.fault.details)}"
    if not row.status:
        return "not known"
    status = OutcomeStatus.Name(row.status).removeprefix("OUTCOME_STATUS_").lower()
    warnings = [reason_name(warning.reason) for warning in row.warnings]
    told = ", ".join(warning.lower().replace("_", " ") for warning in warnings)
    whom = f" {row.contact_id}" if row.contact_id else ""
    return f"{status}{whom}" + (f" ({told})" if told else "")


def _shortened(cell: str) -> str:
    if len(cell) <= CELL_CHARACTERS_MAX:
        return cell
    return cell[: CELL_CHARACTERS_MAX - 1] + "…"


def _sure(confidence: Confidence) -> str:
    if not confidence:
        return "given"
    return Confidence.Name(confidence).removeprefix("CONFIDENCE_").lower()
