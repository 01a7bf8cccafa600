"""What can go wrong on the command line, each told in one sentence."""

from backend.core.errors import BackendError


class CommandError(BackendError):
    """A command cannot be carried out with these arguments, here and now."""
