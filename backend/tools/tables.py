"""The tables of a GTFS zip: rows of text, and problems that say file, line and column."""

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Self, TextIO, TypeVar
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from backend.core.errors import FeedError, FeedProblem

MOST_PROBLEMS = 50
"""How many problems of a feed are told at once."""
MOST_BYTES = 1 << 31
"""What the tables of a feed may unpack to, all together: 2 GiB. The stop times of a city with 100,000 trips of 50 stops
are an eighth of that; a zip of a few megabytes can hold a thousand times as much."""
LONGEST_ROW = 1 << 16
"""How many characters a row may have. A quote that is never closed, or a file without line ends, makes longer ones; the
limit of `csv` itself, 131,072 for a cell, is never reached."""
MOST_DIGITS = 18
"""Digits of a number: what fits into 64 bits. Python refuses to read some thousands."""
LONGEST_UNASKED_ID = 255
"""How many characters the ids of trips and services may have; PostgreSQL can index some 2,700 bytes."""
LONGEST_SHOWN = 100
"""How many characters of a cell are told where it is wrong."""
METHODS = frozenset({ZIP_STORED, ZIP_DEFLATED})
"""Those that are unpacked in pieces of a bounded size; of bzip2 and LZMA some bytes are whatever they unpack to."""

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One row of one table: its text by column, and where it stands."""

    file: str
    line: int
    cells: Mapping[str, str]
    beyond: str = ""
    """What stands beyond the last column."""

    def __getitem__(self, column: str) -> str:
        """Return the cell of a column, stripped; FeedError when it is empty or missing."""
        text = self.get(column)
        if not text:
            raise self.error(column, "is empty, but GTFS requires a value there")
        return text

    def get(self, column: str) -> str:
        """Return the cell of a column, stripped; the empty string when there is none."""
        return (self.cells.get(column) or "").strip()

    def name(self, column: str, most: int) -> str:
        """Return an id; FeedError when it has more than so many characters."""
        text = self[column]
        if len(text) > most:
            raise self.error(column, f"has {len(text)} characters, but an id here at most {most}")
        return text

    def identifier(self, column: str, lines: dict[str, int], most: int) -> str:
        """Return an id of so many characters at most, and note its line.

        Raises FeedError when it is longer, or one of these lines has it already.
        """
        text = self.name(column, most)
        if text in lines:
            raise self.error(column, f"repeats {text!r} of line {lines[text]}, but ids are unique")
        lines[text] = self.line
        return text

    def whole_number(self, column: str) -> int:
        """Return the cell as an integer of at least 0."""
        text = self[column]
        if not (text.isascii() and text.isdecimal()):
            raise self.error(
                column, f"holds {shown(text)}, but must be a whole number of at least 0"
            )
        if len(text) > MOST_DIGITS:
            raise self.error(
                column, f"holds {shown(text)}, but a number here has at most {MOST_DIGITS} digits"
            )
        return int(text)

    def degrees(self, column: str, most: int) -> float:
        """Return the cell as an angle between -most and most."""
        text = self[column]
        try:
            angle = float(text)
        except ValueError:
            angle = math.nan
        if not abs(angle) <= most or "_" in text:  # Python reads 1_0 as 10
            raise self.error(
                column, f"holds {shown(text)}, but must be a number from -{most} to {most}"
            )
        return angle

    def reference(self, column: str, known: Container[str], where: str) -> str:
        """Return the id in a cell; FeedError unless another file, `where`, has made it known."""
        text = self[column]
        if text not in known:
            raise self.error(column, f"names {shown(text)}, which {where} does not have")
        return text

    def error(self, column: str, what: str) -> FeedError:
        """Build the error that points at a cell of this row."""
        return cell_error(self.file, self.line, column, what)


@dataclass
class Problems:
    """What was found to be wrong in one feed so far: all of it is told together, up to a bound."""

    found: list[FeedProblem] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """The files that could not be read to their end; who refers to them is not to blame."""
    empty: set[str] = field(default_factory=set)
    """The files that have no rows."""

    def attempt(self, read: Callable[..., T], *args: object) -> T | None:
        """Return what a function reads, or None, with its problems noted.

        Raises FeedError with all problems when there are as many as are told at once.
        """
        try:
            return read(*args)
        except FeedError as error:
            self.note(error)
            return None

    def note(self, error: FeedError) -> None:
        """Keep the problems of an error; raise it when it has none that point at a place."""
        if not error.problems:
            raise error
        self.found.extend(error.problems)
        if len(self.found) >= MOST_PROBLEMS:
            self.check()

    def rows(
        self, archive: ZipFile, file: str, required: frozenset[str], *, may_be_empty: bool = False
    ) -> Iterator[Row]:
        """Yield the rows of a table as far as it can be read, and note why it cannot be read on.

        A table without rows is noted, too, unless it may be one: a feed that was cut off has such tables.
        """
        self.empty.add(file)
        try:
            for row in read_table(archive, file, required):
                self.empty.discard(file)
                if row.beyond:
                    self.note(_too_long(row))
                yield row
            if file in self.empty and not may_be_empty:
                raise file_error(
                    file,
                    "the table has no rows, and without them there is no timetable; export the feed again",
                )
        except FeedError as error:
            self.unread.add(file)
            self.note(error)

    def known(self, ids: Container[str], *files: str) -> Container[str]:
        """Return the ids that files have made known: every id, when one of the files could not be read."""
        return _Anything() if self.unread.intersection(files) else ids

    def check(self) -> None:
        """Raise FeedError, a sentence on each line, when anything was found."""
        if not self.found:
            return
        told = tuple(self.found[:MOST_PROBLEMS])
        sentences = [problem.message for problem in told]
        if len(self.found) >= MOST_PROBLEMS:
            sentences.append(
                f"Reading ended there, with {MOST_PROBLEMS} problems; mend these first."
            )
        raise FeedError("\n".join(sentences), told)


class _Lines:
    """The lines of a table, of which no row may hold too many: `csv` itself would read each to its end first."""

    def __init__(self, file: str, text: TextIO) -> None:
        self._file = file
        self._text = text
        self._room = LONGEST_ROW
        self._number = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._room + 1)
        if not line:
            raise StopIteration
        self._number += 1
        self._room -= len(line)
        if self._room < 0:
            raise self._error(f"it has more than {LONGEST_ROW} characters", "mend its quotes")
        if "\0" in line:  # which PostgreSQL has no room for in a text
            raise self._error("it holds a NUL character", "take that out")
        return line

    def end_row(self) -> None:
        """Begin to count anew."""
        self._room = LONGEST_ROW

    def _error(self, what: str, advice: str) -> FeedError:
        return _error(
            self._file,
            self._number,
            None,
            f"{self._file}, line {self._number}: the row cannot be read as CSV ({what}); {advice}.",
        )


class _Anything:
    """What contains every id."""

    def __contains__(self, name: object) -> bool:
        return True


def shown(text: str) -> str:
    """Return a text as it stands in messages: quoted, and cut off where it is long."""
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")


def cell_error(file: str, line: int, column: str, what: str) -> FeedError:
    """Build the error that points at one cell of a feed."""
    return _error(file, line, column, f"{file}, line {line}, column {column}: the cell {what}.")


def file_error(file: str, what: str) -> FeedError:
    """Build the error that points at a whole file of a feed."""
    return _error(file, None, None, f"{file}: {what}.")


def read_table(archive: ZipFile, file: str, required: frozenset[str]) -> Iterator[Row]:
    """Yield the rows of a table, blank lines skipped.

    A table that is missing, is no UTF-8 text or lacks required columns raises FeedError.
    """
    try:
        binary = open_table(archive, file)
    except KeyError:
        inside = any(name.endswith(f"/{file}") for name in archive.namelist())
        raise file_error(
            file,
            "the feed has it in a folder; put the files themselves into the zip, and not the folder"
            if inside
            else "the feed has no such file, but GTFS requires it; put it into the zip",
        ) from None
    # The byte order mark that spreadsheets put first would otherwise become part of a column name.
    with io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
        lines = _Lines(file, text)
        reader = csv.reader(lines)
        try:
            columns = [name.strip() for name in next(reader, [])]
            _require(file, columns, required)
            lines.end_row()
            for cells in reader:
                lines.end_row()
                if any(cell.strip() for cell in cells):
                    row = dict(zip(columns, cells, strict=False))
                    beyond = "".join(cells[len(columns) :]).strip()
                    yield Row(file, reader.line_num, row, beyond=beyond)
        except UnicodeDecodeError:
            raise _error(
                file,
                reader.line_num,
                None,
                f"{file}, after line {reader.line_num}: the text is not UTF-8, as GTFS requires;"
                " convert the file.",
            ) from None


def open_table(archive: ZipFile, file: str) -> IO[bytes]:
    """Open a file of the zip; KeyError when there is none, BadZipFile when it is locked by a password or damaged."""
    try:
        return archive.open(file)
    except (RuntimeError, ValueError) as problem:
        # A password, a way to pack that Python does not have; a name that is no text, a place before the file.
        raise BadZipFile(str(problem)) from None


def require_bounds(archive: ZipFile, files: Collection[str]) -> None:
    """Raise FeedError unless files of the zip can be unpacked piece by piece, to a bounded size all together.

    `zipfile` reads no more of a file than its directory says, so that nothing has to be unpacked to see it.
    """
    tables = [archive.getinfo(file) for file in sorted(files) if has_table(archive, file)]
    for table in tables:
        if table.compress_type not in METHODS:
            raise file_error(
                table.filename,
                "the file is packed by a method other than deflate; pack the zip anew",
            )
    size = sum(table.file_size for table in tables)
    if size > MOST_BYTES:
        longest = max(tables, key=lambda table: table.file_size)
        raise file_error(
            longest.filename,
            f"the tables would unpack to {size} bytes, {longest.file_size} of them here, but may to {MOST_BYTES};"
            " leave out what is no part of the timetable",
        )


def has_table(archive: ZipFile, file: str) -> bool:
    """Tell whether the feed has a table at all."""
    return file in archive.namelist()


def _require(file: str, columns: list[str], required: frozenset[str]) -> None:
    """Raise FeedError, with a problem for each, when columns are missing or stand there twice."""
    wrong = tuple(
        FeedProblem(
            file,
            1,
            column,
            f"{file}, line 1, column {column}: the column is missing, but GTFS requires it;"
            " add it to the header.",
        )
        for column in sorted(required)
        if column not in columns
    ) + tuple(
        FeedProblem(
            file,
            1,
            column,
            f"{file}, line 1, column {shown(column)}: the header has this column {count} times; leave one.",
        )
        for column, count in Counter(columns).items()
        if column and count > 1
    )
    if wrong:
        raise FeedError("\n".join(problem.message for problem in wrong), wrong)


def _too_long(row: Row) -> FeedError:
    return _error(
        row.file,
        row.line,
        None,
        f"{row.file}, line {row.line}: the row has more cells than the header has columns, beyond them"
        f" {shown(row.beyond)}; put cells with a comma into quotes.",
    )


def _error(file: str, line: int | None, column: str | None, message: str) -> FeedError:
    return FeedError(message, (FeedProblem(file, line, column, message),))
