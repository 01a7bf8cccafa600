"""The hub as a state machine: whatever happens in whatever order, who has read all knows the latest."""

import asyncio
from collections.abc import Collection, Mapping

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from backend.core.errors import DatabaseError
from backend.core.live import Crowd, Hub, Mailbox
from backend.core.rides import Segment

SEGMENTS = tuple(Segment(name, "end") for name in "abc")
LISTENERS = 3
WHO = st.integers(0, LISTENERS - 1)
WHICH = st.sampled_from(SEGMENTS)


class HubMachine(RuleBasedStateMachine):
    """Commits, readings that fail, and listeners who come, go, choose and seldom read."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        # The model: what is committed, and what each listener saw last of what it is subscribed to.
        self.versions = dict.fromkeys(SEGMENTS, 0)
        self.seen: list[dict[Segment, int]] = [{} for _ in range(LISTENERS)]
        self.broken = False
        self.hub = self.runner.run(self.make_hub())
        self.boxes = [self.hub.join("a") for _ in range(LISTENERS)]

    async def make_hub(self) -> Hub:
        """Make it inside its loop."""
        return Hub(self.read, Crowd(LISTENERS, LISTENERS, len(SEGMENTS)))

    def teardown(self) -> None:
        """Read everything, and compare with the model; then close the loop."""
        self.broken = False
        self.runner.run(self.hub.step())
        for who, box in enumerate(self.boxes):
            self.drain(who)
            assert self.seen[who] == {part: self.versions[part] for part in box.segments}
        assert self.hub.due == 0
        self.runner.close()

    @rule(who=WHO, which=WHICH)
    def subscribe(self, who: int, which: Segment) -> None:
        """Subscribe, perhaps again."""
        self.hub.subscribe(self.boxes[who], [which])

    @rule(who=WHO, which=WHICH)
    def unsubscribe(self, who: int, which: Segment) -> None:
        """Unsubscribe, perhaps from what is not subscribed."""
        self.hub.unsubscribe(self.boxes[who], [which])
        self.seen[who].pop(which, None)

    @rule(which=st.lists(WHICH, min_size=1))
    def commit(self, which: list[Segment]) -> None:
        """Commit a ride over these segments."""
        for segment in which:
            self.versions[segment] += 1
        self.hub.touched(which)
        self.runner.run(asyncio.sleep(0))

    @rule(broken=st.booleans())
    def read_once(self, broken: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        """Let the hub read and deliver, or fail to."""
        self.broken = broken
        self.runner.run(self.hub.step())

    @rule(who=WHO)
    def drain(self, who: int) -> None:
        """Read all that waits: never anything older than what was seen, or not subscribed."""
        for text in self.boxes[who].take():
            name, version = text.split()
            segment = Segment(name, "end")
            assert segment in self.boxes[who].segments
            assert int(version) >= self.seen[who].get(segment, 0)
            self.seen[who][segment] = int(version)

    @rule(who=WHO)
    def reconnect(self, who: int) -> None:
        """Hang up and come again, with nothing subscribed."""
        self.hub.leave(self.boxes[who])
        self.boxes[who] = self.hub.join("a")
        self.seen[who] = {}

    @invariant()
    def mailboxes_are_bounded(self) -> None:
        """Check that no more waits than is subscribed."""
        assert all(box.unread <= len(box.segments) for box in self.mailboxes())

    def mailboxes(self) -> list[Mailbox]:
        """Return those of all listeners."""
        return self.boxes

    async def read(self, segments: Collection[Segment]) -> Mapping[Segment, str]:
        """Answer as the database would."""
        if self.broken:
            raise DatabaseError("gone")
        return {part: f"{part.from_stop} {self.versions[part]}" for part in segments}


TestHub = HubMachine.TestCase
TestHub.settings = settings(stateful_step_count=20)
