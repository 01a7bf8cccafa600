"""How the time depends on the number of workers (pure).

    T(n) = a + b / min(n, cores) + c n                  seconds

a is what stays serial, b what is shared out (G. M. Amdahl, "Validity of the single processor approach to achieving
large scale computing capabilities", AFIPS 1967, pp. 483-485), and c what each worker costs: xdist has every worker
import and collect the whole suite. More workers than cores share out nothing more; up to the cores this is
T(n) = a + b/n + c n. None of the three can be negative, so they are found by non-negative least squares (C. L. Lawson,
R. J. Hanson, "Solving Least Squares Problems", 1974, ch. 23); of three unknowns every subset is simply tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNKNOWNS: Final = 3
SINGULAR: Final = 1e-12


@dataclass(frozen=True)
class Scaling:
    """The three numbers, in seconds, and how far the measurements lie from them at most."""

    serial: float  # a
    shared: float  # b
    worker: float  # c
    cores: int
    off: float  # the largest distance of a measured median, seconds
    points: int  # numbers of workers that were measured

    def seconds(self, workers: int) -> float:
        """Give T(n)."""
        return self.serial + self.shared / min(workers, self.cores) + self.worker * workers

    @property
    def tested(self) -> bool:
        """Whether there are more measurements than unknowns: else the law fits whatever it is worth."""
        return self.points > UNKNOWNS

    @property
    def recommended(self) -> int:
        """The number of workers with the least T(n); the fewer where two are equal."""
        return min(range(1, self.cores + 1), key=lambda workers: (self.seconds(workers), workers))


def fit(medians: Mapping[int, float], cores: int) -> Scaling:
    """Fit T(n) to seconds by number of workers; raise ShakeproofError for fewer than three numbers."""
    if len(medians) < UNKNOWNS:
        raise ShakeproofError(
            f"T(n) has three unknowns, and {len(medians)} numbers of workers were measured: give more with --budget."
        )
    rows = [(1.0, 1.0 / min(workers, cores), float(workers)) for workers in medians]
    wanted = list(medians.values())
    best = min(
        (
            solution
            for count in range(1, UNKNOWNS + 1)
            for chosen in combinations(range(UNKNOWNS), count)
            if (solution := _solve(rows, wanted, chosen)) is not None and min(solution) >= 0
        ),
        key=lambda solution: _squares(rows, wanted, solution),
    )
    off = max(
        abs(time - sum(x * y for x, y in zip(row, best, strict=True)))
        for row, time in zip(rows, wanted, strict=True)
    )
    return Scaling(*best, cores=cores, off=off, points=len(medians))


def _squares(
    rows: Sequence[Sequence[float]], wanted: Sequence[float], solution: Sequence[float]
) -> float:
    return sum(
        (time - sum(x * y for x, y in zip(row, solution, strict=True))) ** 2
        for row, time in zip(rows, wanted, strict=True)
    )


def _solve(
    rows: Sequence[Sequence[float]], wanted: Sequence[float], chosen: Sequence[int]
) -> tuple[float, float, float] | None:
    """Solve the normal equations for the chosen unknowns, the others being 0; None where they are dependent."""
    matrix = [
        [sum(row[i] * row[j] for row in rows) for j in chosen]
        + [sum(row[i] * time for row, time in zip(rows, wanted, strict=True))]
        for i in chosen
    ]
    size = len(chosen)
    for column in range(size):
        pivot = max(range(column, size), key=lambda line: abs(matrix[line][column]))
        if abs(matrix[pivot][column]) < SINGULAR:
            return None
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        for line in range(size):
            if line != column:
                factor = matrix[line][column] / matrix[column][column]
                matrix[line] = [
                    x - factor * y for x, y in zip(matrix[line], matrix[column], strict=True)
                ]
    found = {name: matrix[i][-1] / matrix[i][i] for i, name in enumerate(chosen)}
    return found.get(0, 0.0), found.get(1, 0.0), found.get(2, 0.0)
