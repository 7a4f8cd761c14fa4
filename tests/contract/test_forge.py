"""What every forge promises the loop: one suite, on a forge in memory and on our clients of GitHub and GitLab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.model.errors import Stalled
from reconciler.model.pull import CommitStatus, Remark
from tests.forges.places import HEAD, KINDS, Place, place
from tests.forges.site import OURS, THEIRS

ODD = "Ünï 🚀 <!-- x -->\n\n```diff\n+a\n```\n| a | b |\n\\ \" ' %2F\n"


@pytest.fixture(params=KINDS)
def there(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


def test_who_writes_is_known(there: Place) -> None:
    there.forge.comment(7, "mine")
    assert [remark.author for remark in there.forge.comments(7)] == [there.forge.account()] == [str(OURS)]


def test_a_pull_request_has_a_head_and_labels(there: Place) -> None:
    there.site.labels[7] = {"bug", "needs: work"}
    pull = there.forge.pull(7)
    assert (pull.number, pull.head, pull.labels) == (7, HEAD, {"bug", "needs: work"})


@pytest.mark.parametrize("what", ["pull", "comments"])
def test_one_that_is_not_there_stalls(there: Place, what: str) -> None:
    with pytest.raises(Stalled):
        getattr(there.forge, what)(8)


def test_a_thread_is_read_whole_and_in_order(there: Place) -> None:
    for number in range(250):
        there.site.say(7, THEIRS if number % 2 else OURS, f"comment {number}")
    found = there.forge.comments(7)
    assert [remark.body for remark in found] == [f"comment {number}" for number in range(250)]
    assert {remark.author for remark in found} == {str(OURS), str(THEIRS)}


def test_a_text_comes_back_as_it_was_written(there: Place) -> None:
    there.forge.comment(7, ODD)
    assert [remark.body for remark in there.forge.comments(7)] == [ODD]


def test_the_largest_comment_is_taken(there: Place) -> None:
    there.forge.comment(7, "ü" * 32_000)
    assert len(there.forge.comments(7)[0].body) == 32_000


def test_a_comment_gets_another_body(there: Place) -> None:
    there.forge.comment(7, "old")
    there.forge.comment(7, "other")
    first = there.forge.comments(7)[0]
    assert there.forge.edit(7, first, ODD)
    assert [remark.body for remark in there.forge.comments(7)] == [ODD, "other"]
    assert there.forge.comments(7)[0].id == first.id


def test_one_that_is_gone_can_not_be_edited_and_need_not_be_erased(there: Place) -> None:
    there.forge.comment(7, "old")
    remark = there.forge.comments(7)[0]
    there.forge.erase(7, remark)
    assert there.forge.comments(7) == []
    assert not there.forge.edit(7, remark, "new")
    there.forge.erase(7, remark)
    assert there.forge.comments(7) == []


def test_others_comments_are_erased_as_asked(there: Place) -> None:
    kept, gone = there.site.say(7, THEIRS, "a"), there.site.say(7, OURS, "b")
    there.forge.erase(7, Remark(str(gone.id), str(OURS), "b"))
    assert [remark.id for remark in there.forge.comments(7)] == [str(kept.id)]


def test_statuses_stand_side_by_side_and_the_last_of_each_counts(there: Place) -> None:
    assert there.forge.statuses(HEAD) == {}
    first = CommitStatus("reconciler", "failure", "Plan: 1 to delete", "https://ci.example.com/1")
    other = CommitStatus("reconciler web", "success", "Nothing changes.")
    last = CommitStatus("reconciler", "success", "Plan: 2 to update é", "https://ci.example.com/2?a=b&c")
    for status in (first, other, last, last):
        there.forge.set_status(HEAD, status)
    assert there.forge.statuses(HEAD) == {"reconciler": last, "reconciler web": other}
    assert there.forge.statuses("0" * 40) == {}


def test_a_pending_status_may_be_said_twice(there: Place) -> None:
    status = CommitStatus("reconciler", "pending", "planning")
    there.forge.set_status(HEAD, status)
    there.forge.set_status(HEAD, status)
    assert there.forge.statuses(HEAD) == {"reconciler": status}


def test_many_statuses_are_read_whole(there: Place) -> None:
    for number in range(130):
        status = {"context": f"job {number}", "state": "success", "line": "", "link": ""}
        there.site.statuses.setdefault(HEAD, []).append(status)
    assert len(there.forge.statuses(HEAD)) == 130


def test_labels_are_put_on_and_taken_off(there: Place) -> None:
    there.site.labels[7] = {"bug", "old"}
    there.forge.label(7, ["reconciler: deletes", "a/b?c"], ["old"])
    assert there.forge.pull(7).labels == {"bug", "reconciler: deletes", "a/b?c"}
    there.forge.label(7, [], ["a/b?c", "never there"])
    assert there.forge.pull(7).labels == {"bug", "reconciler: deletes"}
