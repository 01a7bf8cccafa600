"""What can be wrong with a request: each error is one sentence for the person who made it."""

from __future__ import annotations


class ShakeproofError(Exception):
    """A request that cannot be carried out. The message says what happened, why, and what to do.

    `exit_status` is the documented status of the command line: 2 for usage and configuration, 4 for nothing to judge,
    130 for an interruption.
    """

    exit_status = 2


class NothingToJudgeError(ShakeproofError):
    """No test was collected, or collection failed: there is no suite to speak of."""

    exit_status = 4


class UnwrittenError(ShakeproofError):
    """Somebody interrupted the writing of the report itself."""

    exit_status = 130
