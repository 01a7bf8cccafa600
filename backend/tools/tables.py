"""The tables of a GTFS zip: rows of text, and errors that say file, line and column."""

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from zipfile import ZipFile

from backend.core.errors import FeedError


@dataclass(frozen=True)
class Row:
    """One row of one table: its text by column, and where it stands."""

    file: str
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """Return the cell of a column, stripped; FeedError when it is empty or missing."""
        text = self.get(column)
        if not text:
            raise self.error(column, "is empty, but GTFS requires a value there")
        return text

    def get(self, column: str) -> str:
        """Return the cell of a column, stripped; the empty string when there is none."""
        return (self.cells.get(column) or "").strip()

    def whole_number(self, column: str) -> int:
        """Return the cell as an integer of at least 0."""
        text = self[column]
        if not (text.isascii() and text.isdecimal()):
            raise self.error(column, f"holds {text!r}, but must be a whole number of at least 0")
        return int(text)

    def reference(self, column: str, known: Collection[str], where: str) -> str:
        """Return the id in a cell; FeedError unless another file, `where`, has made it known."""
        text = self[column]
        if text not in known:
            raise self.error(column, f"names {text!r}, which {where} does not have")
        return text

    def error(self, column: str, what: str) -> FeedError:
        """Build the error that points at a cell of this row."""
        return cell_error(self.file, self.line, column, what)


def cell_error(file: str, line: int, column: str, what: str) -> FeedError:
    """Build the error that points at one cell of a feed."""
    return FeedError(f"{file}, line {line}, column {column}: the cell {what}.")


def read_table(archive: ZipFile, file: str, required: frozenset[str]) -> Iterator[Row]:
    """Yield the rows of a table, blank lines skipped.

    A table that is missing, is no UTF-8 text or lacks a required column raises FeedError.
    """
    try:
        binary = archive.open(file)
    except KeyError:
        raise FeedError(
            f"{file}: the feed has no such file, but GTFS requires it; put it into the zip."
        ) from None
    # The byte order mark that spreadsheets put first would otherwise become part of a column name.
    with io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        try:
            columns = [name.strip() for name in next(reader, [])]
            for column in sorted(required):
                if column not in columns:
                    raise FeedError(
                        f"{file}, line 1, column {column}: the column is missing, but GTFS"
                        " requires it; add it to the header."
                    )
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield Row(file, reader.line_num, dict(zip(columns, cells, strict=False)))
        except UnicodeDecodeError:
            raise FeedError(
                f"{file}, after line {reader.line_num}: the text is not UTF-8, as GTFS requires;"
                " convert the file."
            ) from None
        except csv.Error as problem:
            raise FeedError(
                f"{file}, line {reader.line_num}: the row cannot be read as CSV ({problem});"
                " mend its quotes."
            ) from None


def has_table(archive: ZipFile, file: str) -> bool:
    """Tell whether the feed has a table at all."""
    return file in archive.namelist()
