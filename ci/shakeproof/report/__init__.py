"""Saying it: on the terminal, as JSON for programs, as Markdown for a pull request or an archive."""
