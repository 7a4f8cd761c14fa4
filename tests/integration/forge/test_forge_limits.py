"""Forges that limit us, fail, or answer nonsense: what is waited for, what is repeated, and what is said of it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from reconciler.adapters.forge import open_forge
from reconciler.model.errors import ReconcilerError, Retry, Stalled
from reconciler.model.pull import CommitStatus, Remark
from tests.fakes.fleet import START, StoppedClock
from tests.forges.places import HEAD, SERVED, Place, place, served, settings
from tests.forges.server import TOKEN, Response, Trouble
from tests.forges.site import OURS, THEIRS, Site

SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
LIMITS = {
    "429 that says how long": (Response(429, {"message": "Too many"}, {"Retry-After": "17"}), 17),
    "429 that names a time": (Response(429, {}, {"Retry-After": "Mon, 23 Nov 2026 09:00:40 GMT"}), 40),
    "429 of GitLab's": (
        Response(429, {}, {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(START.timestamp()) + 30)}),
        31,
    ),
    "429 that says nothing": (Response(429, raw=b"Retry later\n"), 60),
    "secondary limit that says how long": (Response(403, SECONDARY, {"Retry-After": "23"}), 23),
    "secondary limit that does not": (Response(403, SECONDARY), 60),
    "primary limit": (
        Response(
            403,
            {"message": "API rate limit exceeded"},
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(START.timestamp()) + 99)},
        ),
        100,
    ),
    "limit that is over already": (Response(429, {}, {"Retry-After": "0"}), 1),
}
FAULTS = {
    "500": Response(500, {"message": "oops"}),
    "502 with a page": Response(502, raw=b"<html>Bad gateway</html>"),
    "conflict": Response(409, {"message": "409 Conflict"}),
    "locked": Response(423, {"message": "Resource is locked"}),
    "no answer": None,
}
NONSENSE = {
    "no JSON": Response(200, raw=b"<html>login</html>"),
    "another form": Response(200, {"id": "many"}),
    "nothing": Response(200, raw=b""),
    "too much": Response(200, raw=b"[" + b"1," * (9 << 20) + b"1]"),
    "a bomb": Response(200, raw=gzip.compress(b" " * (64 << 20)), headers={"Content-Encoding": "gzip"}),
    "broken gzip": Response(200, raw=b"nothing", headers={"Content-Encoding": "gzip"}),
}
Do = Callable[[Place], object]
WORK: dict[str, Do] = {
    "account": lambda there: there.forge.account(),
    "pull": lambda there: there.forge.pull(7),
    "comments": lambda there: there.forge.comments(7),
    "comment": lambda there: there.forge.comment(7, "x"),
    "edit": lambda there: there.forge.edit(7, Remark("1001", str(OURS), ""), "x"),
    "erase": lambda there: there.forge.erase(7, Remark("1001", str(OURS), "")),
    "statuses": lambda there: there.forge.statuses(HEAD),
    "set_status": lambda there: there.forge.set_status(HEAD, CommitStatus("a", "success", "b")),
    "label": lambda there: there.forge.label(7, ["a"], []),
}
every_work = pytest.mark.parametrize("do", WORK.values(), ids=WORK)


@pytest.fixture(params=SERVED)
def there(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        found.site.say(7, OURS, "ours")
        yield found


def waited(there: Place) -> float:
    return (there.clock.now() - START).total_seconds()


@pytest.mark.parametrize(("answer", "seconds"), LIMITS.values(), ids=LIMITS)
def test_a_limit_is_waited_for(there: Place, answer: Response, seconds: float) -> None:
    there.requests.trouble.append(Trouble(answer))
    there.forge.comments(7)
    assert waited(there) == pytest.approx(seconds)


@every_work
def test_whatever_was_limited_is_done_once_afterwards(there: Place, do: Do) -> None:
    there.requests.trouble.append(Trouble(LIMITS["secondary limit that says how long"][0]))
    do(there)
    assert waited(there) == 23
    assert len(there.site.writes) <= 1


def test_a_limit_that_goes_on_is_waited_for_longer(there: Place) -> None:
    there.requests.trouble.append(Trouble(Response(403, SECONDARY), times=2))
    there.forge.comment(7, "x")
    assert waited(there) == 60 + 120


def test_a_limit_beyond_our_patience_is_told(there: Place) -> None:
    there.requests.trouble.append(Trouble(Response(429, {"message": "Slow down"}, {"Retry-After": "3600"})))
    with pytest.raises(Retry, match=r"limits our requests.* 429 Slow down") as told:
        there.forge.comments(7)
    assert waited(there) == 0
    assert told.value.hint == "run this command again later"


def test_a_refusal_is_no_limit(there: Place) -> None:
    headers = {"X-Accepted-GitHub-Permissions": "pull_requests=write"}
    there.requests.trouble.append(Trouble(Response(403, {"message": "Not for you"}, headers)))
    with pytest.raises(Stalled, match="403 Not for you") as told:
        there.forge.comment(7, "x")
    assert "it wants pull_requests=write" in told.value.hint
    assert waited(there) == 0


@pytest.mark.parametrize("answer", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_waited_for(there: Place, answer: Response | None) -> None:
    there.requests.trouble.append(Trouble(answer, times=3))
    there.forge.comments(7)
    assert waited(there) == 1 + 2 + 4


@pytest.mark.parametrize("do", [do for name, do in WORK.items() if name != "comment"])
def test_what_can_be_repeated_is(there: Place, do: Do) -> None:
    there.requests.trouble.append(Trouble(None, done=True))
    do(there)
    assert waited(there) == 1


@pytest.mark.parametrize("answer", FAULTS.values(), ids=FAULTS)
def test_a_comment_is_not_added_twice(there: Place, answer: Response | None) -> None:
    there.requests.trouble.append(Trouble(answer, method="POST", done=True))
    with pytest.raises(Retry):
        there.forge.comment(7, "x")
    assert [remark.body for remark in there.forge.comments(7)] == ["ours", "x"]


@pytest.mark.parametrize("answer", FAULTS.values(), ids=FAULTS)
def test_a_fault_that_stays_is_told(there: Place, answer: Response | None) -> None:
    there.requests.trouble.append(Trouble(answer, times=100))
    for do in WORK.values():
        with pytest.raises(Retry) as told:
            do(there)
        assert there.requests.url in told.value.message


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_told(there: Place, answer: Response) -> None:
    there.requests.trouble.append(Trouble(answer, times=100))
    for what in ("account", "pull", "comments", "statuses"):
        with pytest.raises(ReconcilerError, match=r"otherwise than|larger than|DecodingError"):
            WORK[what](there)


def test_writes_are_a_second_apart(there: Place) -> None:
    for number in range(4):
        there.forge.comment(7, str(number))
        there.forge.comments(7)
    assert waited(there) == 3
    there.clock.time += timedelta(seconds=9)
    there.forge.comment(7, "later")
    assert waited(there) == 12


def test_the_token_is_in_no_error(there: Place) -> None:
    answers = [*FAULTS.values(), *NONSENSE.values(), Response(403, {"message": "No"}), Response(404, {})]
    for answer in [*answers, *(answer for answer, _ in LIMITS.values()), Response(302, {}, {"Location": "/x"})]:
        there.requests.trouble[:] = [Trouble(answer, times=100)]
        for do in WORK.values():
            try:
                do(there)
            except ReconcilerError as error:
                assert TOKEN not in repr(error) + error.message + error.hint + repr(error.__cause__)
    assert {TOKEN in repr(call.headers) for call in there.requests.calls} == {True}
    assert TOKEN not in repr(settings(there.kind, there.requests))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_else_gets_the_token(there: Place, status: int) -> None:
    with served(there.kind, Site()) as elsewhere:
        moved = Response(status, {"message": "Moved"}, {"Location": elsewhere.url + "/user"})
        there.requests.trouble.append(Trouble(moved))
        with pytest.raises(Stalled, match=f"{status} Moved") as told:
            there.forge.pull(7)
        assert elsewhere.calls == []
    assert "forge.api_url" in told.value.hint


def test_the_next_page_is_asked_for_where_the_first_was(there: Place) -> None:
    with served(there.kind, Site()) as elsewhere:
        link = f'<{elsewhere.url}/comments?page=2&per_page=100>; rel="next", <{elsewhere.url}/x>; rel="last"'
        there.requests.trouble.append(Trouble(Response(200, [], {"Link": link})))
        there.forge.comments(7)
        assert elsewhere.calls == []
    assert there.requests.calls[-1].query["page"] == "2"


def test_pages_without_end_end(there: Place) -> None:
    link = f'<{there.requests.url}/x?page=2>; rel="next"'
    there.requests.trouble.append(Trouble(Response(200, [], {"Link": link}), times=1000))
    with pytest.raises(Stalled, match="more than 100 pages"):
        there.forge.comments(7)
    assert len(there.requests.calls) == 100


def test_a_deleted_account_is_nobody() -> None:
    with place("github") as there:
        there.site.say(7, 0, "gone")
        assert [remark.author for remark in there.forge.comments(7)] == [""]


@pytest.mark.parametrize("kind", ["github", "ghes"])
def test_the_token_of_an_app_knows_who_it_is(kind: str) -> None:
    with served(kind, Site(), installation=True) as server:
        with open_forge(settings(kind, server), StoppedClock()) as forge:
            assert forge.account() == str(OURS)
        assert server.counted() == ["GET", "POST"]


@pytest.mark.parametrize("kind", SERVED)
def test_a_wrong_token_is_told(kind: str) -> None:
    site = Site()
    site.open_pull(7, HEAD)
    site.say(7, THEIRS, "x")
    with (
        served(kind, site) as server,
        open_forge(settings(kind, server, "wr-0ng"), StoppedClock()) as forge,
        pytest.raises(Stalled, match="401") as told,
    ):
        forge.account()
    assert "make a new one" in told.value.hint
    assert "wr-0ng" not in told.value.message
