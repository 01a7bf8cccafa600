"""Which tests get into each other's way while they run at the same time, and over what (pure).

What a test uses outside its process - files, ports, databases - is known from two runs of the suite, one after the
other. What is of the same name in both is what two runs at the same time would both use: a file with a random name, or
a port that the system chose, has another name in each.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shakeproof.investigate.classify import SIGNIFICANT, chance_of_one_side, is_failing_test
from shakeproof.model import Cause, Instability, Leak

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from shakeproof.model import Suspicion, Touch

MOST_CANDIDATES = 10  # tests that are run beside one that is unsafe beside others
MOST_PIECES = 3  # that are named where nothing tells which of them it is
MOST_CONTROLS = 20  # runs of the test by itself
TEMPORARY = "TMPDIR/"  # the temporary folder, in the name of a file
LOOKING = frozenset({"reads", "lists", "connects"})
OF_FOLDERS = frozenset({"makes", "lists", "removes"})
ANYWHERE = frozenset({"0.0.0.0", "[::]"})  # noqa: S104  (names to compare with)
GUESS = 2  # how much doubt there is where nothing is known that both use


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """Something that two tests use."""

    doubt: int  # 0: one of them changes it; 1: what they do is mostly harmless
    category: str
    key: str

    @property
    def temporary(self) -> bool:
        """Whether it lies in the temporary folder, which two processes need not have in common."""
        return self.key.startswith(TEMPORARY)


@dataclass(frozen=True, slots=True)
class Overlap:
    """A test that may have to run at the same time as another, so that this one fails."""

    other: str  # may be the very same test
    pieces: tuple[Piece, ...] = ()  # what both use, the most telling first
    unheard: bool = (
        False  # whether one of them starts programs, of which nobody knows what they use
    )

    @property
    def doubt(self) -> int:
        """How unlikely it is: 0 is likely, 2 is a guess."""
        return self.pieces[0].doubt if self.pieces else GUESS

    @property
    def separable(self) -> Piece | None:
        """The only piece that both have in the temporary folder: a folder for each takes away that, and no other."""
        temporary = [each for each in self.pieces if each.temporary]
        return temporary[0] if len(temporary) == 1 and not self.unheard else None


def may_overlap(suspicion: Suspicion) -> bool:
    """Tell whether it can be found out who overlaps: it is a test, which fails beside other runs."""
    unsafe = suspicion.kind is Instability.PARALLEL_UNSAFE
    return unsafe and is_failing_test(suspicion) and not suspicion.culprits


def candidates(
    test: str, one: Sequence[Touch], other: Sequence[Touch], suspects: Collection[str] = ()
) -> tuple[Overlap, ...]:
    """List who may have to overlap with a test, given what the tests of two runs used: itself, then the likeliest.

    Those come first that use the same in a way that can matter, of these who share what few share. Behind them are
    other `suspects`, and then whoever changes anything outside its process: for what cannot be heard.
    """
    own = [each for each in one if each.by == test]
    index = _Index(other)
    met: defaultdict[str, set[Piece]] = defaultdict(set)
    for touch in own:
        for theirs, piece in index.meeting(touch):
            met[theirs.by].add(piece)
    users: defaultdict[Piece, int] = defaultdict(int)
    for pieces in met.values():
        for piece in pieces:
            users[piece] += 1
    programs = {each.by for each in (*one, *other) if each.way == "starts"}

    def overlap(by: str) -> Overlap:
        pieces = tuple(sorted(_most_telling(met[by]))) if by in met else ()
        return Overlap(by, pieces, unheard=not programs.isdisjoint({test, by}))

    def place(by: str) -> tuple[int, int]:
        best = min(met[by])
        return best.doubt, min(users[each] for each in met[by] if each.doubt == best.doubt)

    likely = sorted((by for by in met if by != test), key=place)
    changing = (each.by for each in other if each.way not in LOOKING and each.way != "starts")
    found = dict.fromkeys((test, *likely, *suspects, *changing))
    return tuple(sorted((overlap(by) for by in found), key=lambda each: each.doubt))


def _most_telling(pieces: Collection[Piece]) -> list[Piece]:
    """Leave out what is mostly harmless, where there is something else."""
    least = min(each.doubt for each in pieces)
    return [each for each in pieces if each.doubt == least]


class _Index:
    """What the tests of a run used, to be found by what another uses."""

    def __init__(self, touches: Iterable[Touch]) -> None:
        self._at: defaultdict[str, list[Touch]] = defaultdict(list)
        self._below: defaultdict[str, list[Touch]] = defaultdict(list)
        for touch in touches:
            self._at[_place(touch)].append(touch)
            for folder in _folders(touch):
                self._below[folder].append(touch)

    def meeting(self, touch: Touch) -> Iterator[tuple[Touch, Piece]]:
        """Give whoever meets a touch, and over what."""
        others = list(self._at.get(_place(touch), ()))
        others += self._below.get(_place(touch), ()) if touch.way in OF_FOLDERS else ()
        for folder in _folders(touch):
            others += (each for each in self._at.get(folder, ()) if each.way in OF_FOLDERS)
        for other in others:
            doubt = _doubt(touch, other)
            if doubt is not None:
                yield other, Piece(doubt, *_named(touch, other))


def _place(touch: Touch) -> str:
    """Say where two touches could meet: at a port, whatever the host."""
    return touch.key.rpartition(":")[2] if touch.category == "network" else "/" + touch.key


def _folders(touch: Touch) -> Iterator[str]:
    """List the folders around a file, as `_place` names them."""
    place = _place(touch)
    while touch.category != "network" and (place := place.rpartition("/")[0]):
        yield place


def _doubt(one: Touch, other: Touch) -> int | None:
    """Tell how much doubt there is that two touches get into each other's way; None: they do not."""
    ways = {one.way, other.way}
    if ways <= LOOKING or "starts" in ways:
        return None
    if "network" in (one.category, other.category):
        hosts = {each.key.rpartition(":")[0] for each in (one, other)}
        return 0 if len(hosts) == 1 or hosts & ANYWHERE else None
    if one.key == other.key:
        return int(ways == {"makes"} or "lists" in ways)
    inner, outer = sorted((one, other), key=lambda each: len(each.key), reverse=True)
    if outer.way == "removes":
        return 0
    directly = next(_folders(inner), "") == _place(outer)
    return 1 if outer.way == "lists" and inner.way not in LOOKING and directly else None


def _named(one: Touch, other: Touch) -> tuple[str, str]:
    """Name what two touches meet over: the inner of two paths; a folder with a slash at its end."""
    category = "database" if "database" in (one.category, other.category) else one.category
    key = max(one.key, other.key, key=len)
    is_folder = one.key == other.key and {one.way, other.way} <= OF_FOLDERS
    return category, key + "/" if is_folder else key


def controls_needed(hits: int, rounds: int) -> int | None:
    """Say how often the opposite has to be seen, so that so many hits in so many rounds are not put down to chance.

    By Fisher's exact test, as in `classify`. None where it would take too many.
    """
    if not hits:
        return None
    return next(
        (
            number
            for number in range(1, MOST_CONTROLS + 1)
            if chance_of_one_side(hits, rounds, number) < SIGNIFICANT
        ),
        None,
    )


def shared(overlap: Overlap, proven: Piece | None = None) -> tuple[Cause, ...]:
    """Name what both use: only what is proven, where something is, else the most telling, as not proven."""
    pieces = overlap.pieces[:MOST_PIECES] if proven is None else (proven,)
    return tuple(
        Cause(
            Leak(overlap.other, each.category, each.key, None, None),
            proven=each == proven,
        )
        for each in pieces
    )
