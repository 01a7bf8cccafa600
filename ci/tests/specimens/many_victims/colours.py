"""Something to import."""

RED = "red"
