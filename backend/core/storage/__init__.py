"""One database, SQLite or PostgreSQL: opening, transactions, closing, and the versions of its tables.

database.py    what everybody else asks for: `open_database`, `Database`, `Transaction`, `keys_parameter`
dialect.py     what the two kinds of database have to do differently; sqlite.py and postgres.py do it
schema.py      the tables, built anew for each database
statements.py  statements that are built once for each database
migrating.py   from one version of the tables to another, by the scripts in versions/
"""

from backend.core.storage.database import Database, Transaction, keys_parameter, open_database

__all__ = ("Database", "Transaction", "keys_parameter", "open_database")
