"""The versions of the tables, one script each; Alembic reads them, nobody imports them."""
