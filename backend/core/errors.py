"""What can go wrong in the backend, each told in one sentence: what happened, why, what to do."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.core.rides import Problem


class BackendError(Exception):
    """Anything the backend refuses to do; `str()` of it is a sentence for the caller."""


class SettingsError(BackendError):
    """A setting is missing, unknown or out of its range."""


@dataclass(frozen=True, slots=True)
class FeedProblem:
    """One thing that is wrong in a feed, and where."""

    file: str
    line: int | None
    column: str | None
    message: str
    """The whole sentence, the place included."""


class FeedError(BackendError):
    """A GTFS feed cannot be read as a timetable; `problems` says where it is wrong, as far as that is known."""

    def __init__(self, message: str, problems: tuple[FeedProblem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class DatabaseError(BackendError):
    """The database cannot be opened, read or written."""


class UnexplainedError(BackendError):
    """What was learned from rides that are stored nowhere would be deleted."""


class NoEstimateError(BackendError):
    """Nothing is known about a trip: no timetable and no ride covers it."""


class KeyNameError(BackendError):
    """A name cannot be given to a new API key: it is taken, or no name."""


class UnknownKeyError(BackendError):
    """There is no API key of that name."""


class RideRefusedError(BackendError):
    """A ride breaks a limit and is refused as a whole; `problems` says which limits and where."""

    def __init__(self, problems: "tuple[Problem, ...]") -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems
