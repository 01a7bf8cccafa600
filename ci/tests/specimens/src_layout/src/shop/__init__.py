"""The package under test: it keeps its mode in a global."""

MODE = {"mode": "safe"}
