"""What ends up on a pull request, on every forge: a comment for each project, a status, a label, nothing twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from reconciler.adapters.forge import open_forge
from reconciler.core.proposing.thread import Notice, Saying, body_of
from reconciler.loop.announce import Place as Where
from reconciler.loop.announce import announce
from reconciler.model.comment import Comment
from reconciler.model.errors import Retry, Stalled
from tests.fakes.fleet import StoppedClock
from tests.forges.places import HEAD, KINDS, SERVED, Place, place, served, settings
from tests.forges.server import Response, Trouble
from tests.forges.site import OURS, THEIRS, Site

WHERE = Where(7, HEAD, "https://ci.example.com/run/1", "reconciler: deletes")
HARMLESS = Comment(
    "**Plan: 0 to create, 3 to update, 0 to delete on 3 hosts.**\n", "3 to update", 3, False, False, False, 0
)
DELETING = replace(
    HARMLESS, markdown="**Plan: … 40 to delete**\n", summary="40 to delete", destructive=True, refused=True
)
NOTHING = replace(HARMLESS, markdown="**Nothing changes.**\n", summary="Nothing changes.", changes=0)


@pytest.fixture(params=KINDS)
def there(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


def saying(whole: bool = True, scope: str = "", **comments: Comment) -> Saying:
    return Saying(scope, tuple(Notice(project, comment) for project, comment in comments.items()), whole)


def bodies(site: Site) -> list[str]:
    return [said.body for said in site.threads[7] if said.author == OURS]


def status(site: Site) -> tuple[str, str]:
    newest = {each["context"]: each for each in site.newest_statuses(HEAD)}["reconciler"]
    return newest["state"], newest["line"]


def test_the_first_time_all_is_written(there: Place) -> None:
    there.site.say(7, THEIRS, "What does this change?")
    said = announce(there.forge, WHERE, saying(web=DELETING))
    [body] = bodies(there.site)
    assert body.endswith(" destructive -->\n" + DELETING.markdown)
    assert status(there.site) == ("failure", "40 to delete")
    assert there.site.newest_statuses(HEAD)[0]["link"] == "https://ci.example.com/run/1"
    assert there.site.labels[7] == {"reconciler: deletes"}
    assert (said.added, said.statuses, said.labels, said.writes) == (1, 1, 1, 3)


def test_the_same_again_writes_nothing(there: Place) -> None:
    announce(there.forge, WHERE, saying(web=DELETING, db=HARMLESS))
    there.site.writes.clear()
    if there.server:
        there.server.calls.clear()
    again = announce(
        there.forge, replace(WHERE, link="https://ci.example.com/run/2"), saying(web=DELETING, db=HARMLESS)
    )
    assert (again.writes, there.site.writes) == (0, [])
    if there.server:
        assert there.server.counted() == ["GET"] * 4


def test_what_changed_is_edited_in_place(there: Place) -> None:
    announce(there.forge, WHERE, saying(web=HARMLESS, db=HARMLESS))
    before = [said.id for said in there.site.threads[7]]
    there.site.writes.clear()
    announce(there.forge, WHERE, saying(web=DELETING, db=HARMLESS))
    assert [said.id for said in there.site.threads[7]] == before
    assert sorted(there.site.writes) == ["edit", "label", "status"]
    assert "40 to delete" in bodies(there.site)[0]
    assert status(there.site)[0] == "failure"
    announce(there.forge, WHERE, saying(web=HARMLESS, db=HARMLESS))
    assert there.site.labels[7] == set()
    assert status(there.site) == ("success", "2 projects: 6 changes")


def test_a_line_that_would_be_an_order_is_none(there: Place) -> None:
    ordering = replace(HARMLESS, markdown="a\n/merge\r\n\r/close\n```\n/approve\n```\n")
    announce(there.forge, WHERE, saying(web=ordering))
    assert bodies(there.site)[0].endswith(" -->\na\n /merge\r\n\r /close\n```\n /approve\n```\n")
    there.site.writes.clear()
    assert announce(there.forge, WHERE, saying(web=ordering)).writes == 0


def test_only_what_is_ours_is_touched(there: Place) -> None:
    marker = body_of("", Notice("web", HARMLESS))
    theirs = [there.site.say(7, THEIRS, marker), there.site.say(7, OURS, f"I said:\n{marker}")]
    theirs.append(there.site.say(7, OURS, body_of("other/path", Notice("web", HARMLESS))))
    kept = [(said.id, said.body) for said in theirs]
    announce(there.forge, WHERE, saying(web=DELETING))
    announce(there.forge, WHERE, saying())
    assert [(said.id, said.body) for said in there.site.threads[7]] == kept


def test_a_project_that_changes_no_more_loses_its_comment(there: Place) -> None:
    announce(there.forge, WHERE, saying(web=DELETING, db=HARMLESS))
    announce(there.forge, WHERE, saying(db=HARMLESS))
    assert bodies(there.site) == [body_of("", Notice("db", HARMLESS))]
    assert there.site.labels[7] == set()


def test_jobs_of_single_projects_leave_each_other_alone(there: Place) -> None:
    announce(there.forge, WHERE, saying(whole=False, web=DELETING))
    announce(there.forge, WHERE, saying(whole=False, db=HARMLESS))
    assert len(bodies(there.site)) == 2
    assert there.site.labels[7] == {"reconciler: deletes"}
    names = {each["context"]: each["state"] for each in there.site.newest_statuses(HEAD)}
    assert names == {"reconciler web": "failure", "reconciler db": "success"}
    announce(there.forge, WHERE, saying(whole=False, web=HARMLESS))
    assert there.site.labels[7] == set()


def test_nothing_is_said_of_nothing_unless_something_was_said_before(there: Place) -> None:
    announce(there.forge, WHERE, saying(web=NOTHING))
    assert bodies(there.site) == []
    assert status(there.site) == ("success", "Nothing changes.")
    announce(there.forge, WHERE, saying(web=HARMLESS))
    announce(there.forge, WHERE, saying(web=NOTHING))
    assert bodies(there.site) == [body_of("", Notice("web", NOTHING))]


def test_problems_are_said_although_nothing_changes(there: Place) -> None:
    broken = replace(NOTHING, markdown="**2 problems**\n", summary="2 problems", problems=2)
    announce(there.forge, WHERE, saying(web=broken))
    assert bodies(there.site) == [body_of("", Notice("web", broken))]
    assert status(there.site) == ("failure", "2 problems")


def test_one_that_somebody_deleted_is_written_again(there: Place) -> None:
    announce(there.forge, WHERE, saying(web=HARMLESS))
    there.site.forget(there.site.threads[7][0].id)
    announce(there.forge, WHERE, saying(web=HARMLESS))
    assert len(bodies(there.site)) == 1


def test_one_that_is_deleted_in_between_is_written_again(there: Place) -> None:
    announce(there.forge, WHERE, saying(web=HARMLESS))
    old = there.site.threads[7][0].id
    there.site.hooks["edit"] = there.site.threads[7].clear
    announce(there.forge, WHERE, saying(web=DELETING))
    assert bodies(there.site) == [body_of("", Notice("web", DELETING))]
    assert there.site.find(old) is None


def test_a_head_that_moved_on_is_left_to_whoever_plans_it(there: Place) -> None:
    announce(there.forge, WHERE, saying(web=HARMLESS))
    there.site.heads[7] = "f" * 40
    there.site.writes.clear()
    said = announce(there.forge, WHERE, saying(web=DELETING))
    assert said.overtaken
    assert there.site.writes == ["status"]
    assert bodies(there.site) == [body_of("", Notice("web", HARMLESS))]


def test_two_that_add_one_at_once_end_with_one(there: Place) -> None:
    mine, others = saying(web=HARMLESS), saying(web=DELETING)
    there.site.hooks["comment"] = lambda: there.site.say(7, OURS, body_of("", others.notices[0]))
    announce(there.forge, WHERE, mine)
    assert bodies(there.site) == [body_of("", mine.notices[0])]
    announce(there.forge, WHERE, others)
    assert bodies(there.site) == [body_of("", others.notices[0])]


def test_duplicates_of_earlier_runs_are_cleaned_up(there: Place) -> None:
    first, *_ = [there.site.say(7, OURS, body_of("", Notice("web", HARMLESS))) for _ in range(3)]
    announce(there.forge, WHERE, saying(web=HARMLESS))
    assert [said.id for said in there.site.threads[7]] == [first.id]


@pytest.mark.parametrize("kind", SERVED)
def test_jobs_that_race_end_with_one_comment(kind: str) -> None:
    site = Site()
    site.open_pull(7, HEAD)
    barrier = threading.Barrier(4)
    site.before = _meeting(site, barrier)  # type: ignore[method-assign]
    failed: list[Exception] = []

    def job(comment: Comment) -> None:
        try:
            with open_forge(settings(kind, server), StoppedClock()) as forge:
                announce(forge, WHERE, saying(web=comment))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to say it
            failed.append(error)

    with served(kind, site) as server:
        jobs = [threading.Thread(target=job, args=(comment,)) for comment in (HARMLESS, DELETING, HARMLESS, DELETING)]
        for each in jobs:
            each.start()
        for each in jobs:
            each.join()
        assert failed == []
        assert site.writes.count("comment") == 4, "they did not race"
        assert len(bodies(site)) == 1
        assert bodies(site)[0] in {body_of("", Notice("web", comment)) for comment in (HARMLESS, DELETING)}


def _meeting(site: Site, barrier: threading.Barrier):  # type: ignore[no-untyped-def]
    """All wait for each other right before they add a comment: each has seen an empty thread."""

    def before(write: str) -> None:
        site.writes.append(write)
        if write == "comment":
            barrier.wait(60)

    return before


@pytest.mark.parametrize("kind", SERVED)
@pytest.mark.parametrize("done", [True, False])
def test_a_comment_that_may_be_there_is_looked_for(kind: str, done: bool) -> None:
    with place(kind) as there:
        there.requests.trouble.append(Trouble(None, "POST", "comments$|notes$", done=done))
        announce(there.forge, WHERE, saying(web=HARMLESS))
        assert bodies(there.site) == [body_of("", Notice("web", HARMLESS))]
        assert there.site.writes.count("comment") == 1


@pytest.mark.parametrize("kind", SERVED)
def test_comments_that_never_arrive_end_in_words(kind: str) -> None:
    with place(kind) as there:
        there.requests.trouble.append(Trouble(Response(502), "POST", "comments$|notes$", times=99))
        with pytest.raises(Retry, match="did not settle"):
            announce(there.forge, WHERE, saying(web=HARMLESS))
        assert status(there.site) == ("success", "3 to update")


@pytest.mark.parametrize("kind", SERVED)
def test_what_is_not_allowed_is_told_after_the_status(kind: str) -> None:
    with place(kind) as there:
        there.requests.trouble.append(Trouble(Response(403, {"message": "Forbidden"}), "POST", "comments$|notes$"))
        with pytest.raises(Stalled, match="Forbidden"):
            announce(there.forge, WHERE, saying(web=HARMLESS))
        assert there.site.writes == ["status"]
