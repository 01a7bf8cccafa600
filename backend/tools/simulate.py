"""`python -m backend simulate`: riders of a little city who post their rides to a real server."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx2

from backend.core.clock import Clock
from backend.core.settings import Settings
from backend.tools.city import (
    COMMUTE_LEAVES,
    DAYS_PER_WORKING_WEEK,
    City,
    Submission,
    build_city,
    commute_truth,
    ride_body,
    submissions,
)
from backend.tools.city_feed import write_feed
from backend.tools.errors import CommandError

SECONDS_TO_ANSWER = 30.0


@dataclass(frozen=True)
class Plan:
    """What to simulate: which city, where its timetable goes, and who gets how many rides."""

    seed: int
    rides: int
    write_feed: Path | None
    post: str | None


@dataclass(frozen=True)
class Tally:
    """What a server made of the rides it was sent."""

    rides: int = 0
    learned: int = 0
    rejected: int = 0
    known: int = 0

    def plus(self, answer: httpx2.Response) -> "Tally":
        """Count one more answer."""
        receipt = answer.json()
        return Tally(
            self.rides + 1,
            self.learned + receipt["accepted"],
            self.rejected + len(receipt["rejected"]),
            self.known + ("Idempotency-Replayed" in answer.headers),
        )


def simulate(settings: Settings, clock: Clock, plan: Plan) -> None:
    """Write the timetable, post the rides, or both, and print what came of it.

    Raises CommandError when there is nothing to do, or no server that accepts the rides.
    """
    if plan.write_feed is None and plan.post is None:
        raise CommandError(
            "simulate has nothing to do; give --write-feed FEED.zip, --post URL or both."
        )
    if plan.post is not None and settings.api_key is None:
        raise CommandError("BMTC_API_KEY is not set; set it to a key of the server's.")
    city = build_city(plan.seed)
    now = clock.now().astimezone(settings.zone)
    if plan.write_feed is not None:
        write_feed(city, plan.write_feed, now.date(), settings.timezone)
        print(f"Wrote the timetable of city {plan.seed} to {plan.write_feed}.")
    if plan.post is not None and settings.api_key is not None:
        key = settings.api_key.get_secret_value()
        try:
            with httpx2.Client(
                base_url=plan.post,
                headers={"Authorization": f"Bearer {key}"},
                timeout=SECONDS_TO_ANSWER,
                trust_env=False,  # proxies are settings, and settings are BMTC_* variables
            ) as client:
                print(ride_the_city(client, city, plan.rides, now))
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as problem:
            # UnicodeError: a host name such as a..b, which no name service can be asked for.
            raise CommandError(
                f"The server at {plan.post} does not answer ({problem}); start it with"
                " `python -m backend serve`, or correct the address."
            ) from None


def ride_the_city(client: httpx2.Client, city: City, rides: int, now: datetime) -> str:
    """Post rides of the last days and tell how the estimate for the commute moved.

    `now` is a moment in the city's time zone. Raises CommandError when the server refuses.
    """
    leaving = next_commute(now)
    before = ask_p50(client, city, leaving)
    tally = post_rides(client, submissions(city, rides, now))
    after = ask_p50(client, city, leaving)
    start, end = city.commute.ends
    return (
        f"Posted {tally.rides} rides: {tally.learned} segments learned, {tally.rejected} rejected,"
        f" {tally.known} rides known already.\n"
        f"{start} to {end}, leaving {leaving:%a %Y-%m-%d %H:%M}: p50 {_minutes(before)} before,"
        f" {_minutes(after)} after; the city's truth is {_minutes(commute_truth(city, leaving))}."
    )


def post_rides(client: httpx2.Client, rides: Iterable[Submission]) -> Tally:
    """Post rides one after the other; CommandError for the first that is refused."""
    tally = Tally()
    for each in rides:
        headers = {"Idempotency-Key": each.idempotency_key}
        tally = tally.plus(
            _checked(client.post("/v1/ride_summary", json=ride_body(each.ride), headers=headers))
        )
    return tally


def ask_p50(client: httpx2.Client, city: City, leaving: datetime) -> float | None:
    """Return the median of the commute in seconds; None when the server knows nothing of it."""
    start, end = city.commute.ends
    answer = client.get("/v1/eta", params={"from": start, "to": end, "at": leaving.isoformat()})
    if answer.status_code == httpx2.codes.NOT_FOUND:
        return None
    return float(_checked(answer).json()["p50_seconds"])


def next_commute(now: datetime) -> datetime:
    """Return when the next commute leaves: half past eight of a working day after today."""
    day = now + timedelta(days=1)
    while day.weekday() >= DAYS_PER_WORKING_WEEK:
        day += timedelta(days=1)
    return datetime.combine(day.date(), COMMUTE_LEAVES, now.tzinfo)


def _checked(answer: httpx2.Response) -> httpx2.Response:
    """Return a good answer; CommandError with the server's own words for any other."""
    if answer.is_success:
        return answer
    try:
        words = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        words = "and gives no reason; is this the right address?"
    raise CommandError(f"The server refuses with {answer.status_code}: {words}")


def _minutes(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds / 60:.1f} min"
