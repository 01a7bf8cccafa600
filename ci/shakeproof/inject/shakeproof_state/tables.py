"""What a SQLite database holds, read and written through a connection to it.

No code of the project is called: no converters, no row factories, no triggers.
"""

# ruff: noqa: S608  (every name that is put into SQL goes through `quoted`)

from __future__ import annotations

import hashlib
from typing import Any, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

MOST_ROWS = 10_000  # of one table; what is behind them is counted, and no more
MOST_KEPT = 4 << 20  # characters of one table
SEQUENCE = "sqlite_sequence"
ROWID = ("rowid", "_rowid_", "oid")


class Table(NamedTuple):
    """One table or view as it was."""

    kind: str  # "table" or "view"
    schema: Tuple[
        Tuple[str, str, str], ...
    ]  # type, name and SQL: of itself, then of its indexes and triggers
    columns: Tuple[str, ...]  # those that are written; the row id first, where there is one
    size: int  # rows
    digest: str
    rows: Optional[
        Tuple[Tuple[Any, ...], ...]
    ]  # None where they are too many, or must not be written

    def told(self, other: Optional[Table]) -> str:
        """Say what it is, and how it differs from another that has as many rows."""
        if self.kind == "view":
            return self.schema[0][2]
        text = "1 row" if self.size == 1 else "{} rows".format(self.size)
        if other is not None and self.schema != other.schema:
            text += ", other schema"
        elif other is not None and self.size == other.size:
            text += ", other content"
        return text + (
            " (the first {} compared)".format(MOST_ROWS) if self.size > MOST_ROWS else ""
        )

    def can_be_put_back(self) -> bool:
        """Tell whether all is known that it takes."""
        return self.kind == "view" or self.rows is not None


class Content(NamedTuple):
    """All that is in one database."""

    tables: Mapping[str, Table]
    pragmas: Mapping[str, str]


EMPTY = Content({}, {"user_version": "0"})


class Raw(bytes):
    """Text that is not UTF-8."""


def read(connection: Any) -> Content:
    """Read everything, up to the limits above. sqlite3.Error where that cannot be done now."""
    factory = connection.text_factory
    connection.text_factory = _text
    try:
        tables = {table.schema[0][1]: table for table in _tables(connection)}
        return Content(tables, {"user_version": str(pragma(connection, "user_version"))})
    finally:
        connection.text_factory = factory


def _text(found: bytes) -> Any:
    try:
        return found.decode()
    except UnicodeDecodeError:
        return Raw(found)


def pragma(connection: Any, name: str) -> Any:
    """Read one."""
    row = _cursor(connection).execute("PRAGMA " + name).fetchone()
    return row[0] if row else None


def _cursor(connection: Any) -> Any:
    """Give one without a row factory, whatever class the connection is of."""
    import sqlite3

    return sqlite3.Cursor(connection)


def _master(connection: Any) -> List[Tuple[str, str, str, str]]:
    """Give type, name, table and SQL of whatever was defined."""
    # The plus makes expressions of the columns: those have no declared type, so that no converter is called for them.
    columns = "+type AS a, +name AS b, +tbl_name AS c, +sql AS d"
    sql = "SELECT " + columns + " FROM sqlite_master WHERE sql NOT NULL ORDER BY rowid"
    return list(_cursor(connection).execute(sql))


def _tables(connection: Any) -> Any:
    found = _master(connection)
    virtual = [name for kind, name, _, sql in found if kind == "table" and _is_virtual(sql)]
    for kind, name, _, sql in found:
        if kind == "view":
            yield Table(kind, ((kind, name, sql),), (), 0, "", None)
        elif kind == "table" and name not in virtual:
            table = _table(connection, name, _schema(found, name))
            if name == SEQUENCE and not table.size:
                continue  # it comes with the first table that counts, and never goes
            # What belongs to a virtual table is written by that one alone.
            is_part = any(name.startswith(each + "_") for each in virtual)
            yield table._replace(rows=None) if is_part else table


def _is_virtual(sql: str) -> bool:
    return sql[:14].upper() == "CREATE VIRTUAL"


def _schema(
    found: Sequence[Tuple[str, str, str, str]], table: str
) -> Tuple[Tuple[str, str, str], ...]:
    order = (
        "table",
        "index",
        "trigger",
    )  # triggers last, so that they are not there when rows are written
    parts = [
        (kind, name, sql) for kind, name, owner, sql in found if owner == table and kind in order
    ]
    return tuple(sorted(parts, key=lambda part: order.index(part[0])))


def _table(connection: Any, name: str, schema: Tuple[Tuple[str, str, str], ...]) -> Table:
    information = _cursor(connection).execute("PRAGMA table_info({})".format(quoted(name)))
    columns = [row[1] for row in information]
    rowid = _rowid(connection, name, columns)
    plain = ["+{} AS c{}".format(quoted(each), i) for i, each in enumerate(columns)]
    # A table without row ids is stored in the order of its key: that is the one it is read in.
    tail = " ORDER BY " + rowid if rowid else " NOT INDEXED"
    sql = (
        "SELECT " + ", ".join([rowid, *plain] if rowid else plain) + " FROM " + quoted(name) + tail
    )
    rows = _cursor(connection).execute("{} LIMIT {}".format(sql, MOST_ROWS + 1)).fetchall()
    size, more = len(rows), len(rows) > MOST_ROWS
    if more:
        size = _cursor(connection).execute("SELECT count(*) FROM " + quoted(name)).fetchone()[0]
    digest, length = hashlib.blake2b(), 0
    for row in rows[:MOST_ROWS]:
        text = repr(row)
        digest.update(text.encode("utf-8", "backslashreplace"))
        length += len(text)
    kept = None if more or length > MOST_KEPT else tuple(rows)
    named = (rowid, *columns) if rowid else tuple(columns)
    return Table("table", schema, named, size, digest.hexdigest(), kept)


def _rowid(connection: Any, name: str, columns: Sequence[str]) -> str:
    """Give a name of the row id that no column has; nothing where there is none."""
    import sqlite3

    taken = {each.lower() for each in columns}
    for each in ROWID:
        if each not in taken:
            try:
                _cursor(connection).execute("SELECT {} FROM {} LIMIT 0".format(each, quoted(name)))
            except sqlite3.OperationalError as error:
                if not str(error).startswith("no such column"):
                    raise
                return ""
            return each
    return ""


def quoted(name: str) -> str:
    """Write a name so that SQL takes it for one."""
    return '"' + name.replace('"', '""') + '"'


def put_back(connection: Any, name: str, kind: str, was: Optional[Table]) -> None:
    """Make one table or view what it was. sqlite3.Error where that cannot be done; then nothing is changed."""
    cursor = _cursor(connection)
    keys = pragma(connection, "foreign_keys")
    cursor.execute(
        "PRAGMA foreign_keys = OFF"
    )  # or rows of other tables would go with those of this one
    cursor.execute("BEGIN IMMEDIATE")
    try:
        _replace(connection, cursor, name, kind, was)
        cursor.execute("COMMIT")
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    finally:
        cursor.execute("PRAGMA foreign_keys = {}".format(int(keys or 0)))


def _replace(connection: Any, cursor: Any, name: str, kind: str, was: Optional[Table]) -> None:
    factory = connection.text_factory
    connection.text_factory = str
    try:
        found = _master(connection)
    finally:
        connection.text_factory = factory
    is_there = any(each[1] == name and each[0] == kind for each in found)
    if kind == "view":
        if is_there:
            cursor.execute("DROP VIEW " + quoted(name))
        if was is not None:
            cursor.execute(was.schema[0][2])
    elif name == SEQUENCE:
        if is_there:  # it cannot be dropped
            cursor.execute("DELETE FROM " + SEQUENCE)
            _insert(cursor, name, was)
    else:
        counted = _counted(cursor, found, name)
        _replace_table(cursor, name, _schema(found, name) if is_there else (), was)
        _count_again(cursor, found, name, counted)


def _replace_table(
    cursor: Any, name: str, schema: Tuple[Tuple[str, str, str], ...], was: Optional[Table]
) -> None:
    parts: Iterable[Tuple[str, str, str]] = ()
    if was is not None and was.schema == schema:
        parts = [part for part in schema if part[0] == "trigger"]
        _drop(cursor, parts)
        cursor.execute("DELETE FROM " + quoted(name))
    else:
        if schema:
            cursor.execute("DROP TABLE " + quoted(name))
        if was is not None:
            parts = was.schema[1:]
            _drop(cursor, parts)  # they may have gone with the table when that got another name
            cursor.execute(was.schema[0][2])
    _insert(cursor, name, was)
    for _, _, sql in parts:
        cursor.execute(sql)


def _drop(cursor: Any, parts: Iterable[Tuple[str, str, str]]) -> None:
    for kind, name, _ in parts:
        cursor.execute("DROP {} IF EXISTS {}".format(kind, quoted(name)))


def _insert(cursor: Any, name: str, was: Optional[Table]) -> None:
    if was is None:
        return
    names = ", ".join(each if each in ROWID else quoted(each) for each in was.columns)
    for row in was.rows or ():
        # As bytes that are cast, text that is not UTF-8 gets in.
        marks = ", ".join("CAST(? AS TEXT)" if type(value) is Raw else "?" for value in row)
        values = [bytes(value) if type(value) is Raw else value for value in row]
        cursor.execute("INSERT INTO {} ({}) VALUES ({})".format(quoted(name), names, marks), values)


def _counted(
    cursor: Any, found: Sequence[Tuple[str, str, str, str]], name: str
) -> List[Tuple[Any, ...]]:
    """Read where a table with AUTOINCREMENT is in its counting: that is another piece of state."""
    if not any(each[1] == SEQUENCE for each in found):
        return []
    return list(
        cursor.execute(
            "SELECT rowid, +name AS a, seq FROM {} WHERE name = ?".format(SEQUENCE), (name,)
        )
    )


def _count_again(
    cursor: Any,
    found: Sequence[Tuple[str, str, str, str]],
    name: str,
    counted: Sequence[Tuple[Any, ...]],
) -> None:
    if any(each[1] == SEQUENCE for each in found):
        cursor.execute("DELETE FROM {} WHERE name = ?".format(SEQUENCE), (name,))
        for row in counted:
            cursor.execute(
                "INSERT INTO {} (rowid, name, seq) VALUES (?, ?, ?)".format(SEQUENCE), row
            )
