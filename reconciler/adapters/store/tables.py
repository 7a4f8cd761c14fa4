"""The tables, as they are now. How older files become like this is in `migrations`; a test holds both together.

`content` keeps every larger value once, under its digest; rows of hosts and outcomes only refer to it. So 100,000
hosts that say the same cost 100,000 short rows and one value.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, MetaData, String, Table, false

from reconciler.adapters.store.columns import Counter, Moment, Words

# Names of constraints are given, so that a migration can name what it changes on every database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _content(name: str, nullable: bool = False) -> Column[str]:
    # Indexed because the database looks here whenever a content is deleted.
    return Column(name, String(32), ForeignKey("content.digest"), nullable=nullable, index=True)


# One row. `epoch` is the last one that was handed out; it only ever counts up.
identity = Table(
    "identity",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("purpose", String(32), primary_key=True),
    Column("owner", Words, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("since", Moment, nullable=False),
    # None: it lasts as long as the process that holds the lock file.
    Column("expires_at", Moment),
)

content = Table(
    "content",
    metadata,
    Column("digest", String(32), primary_key=True),
    Column("kind", String(16), nullable=False, index=True),
    Column("packed", Boolean, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

observation = Table(
    "observation",
    metadata,
    Column("host", Words, primary_key=True),
    Column("observed_at", Moment),
    Column("asked_at", Moment, nullable=False),
    Column("identity", Words, nullable=False),
    Column("fingerprint", Words, nullable=False),
    Column("unreachable", Words, nullable=False),
    _content("facts"),
    _content("since", nullable=True),
)

ownership = Table(
    "ownership",
    metadata,
    Column("host", Words, primary_key=True),
    Column("path", Words, nullable=False),
    _content("owned"),
)

in_order = Table(
    "in_order",
    metadata,
    Column("host", Words, primary_key=True),
    Column("asked", String(32), nullable=False),
    Column("answered", String(32), nullable=False),
    Column("alike", String(32), nullable=False, server_default=""),
)

plan = Table(
    "plan",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("packed", Boolean, nullable=False),
    Column("data", LargeBinary, nullable=False),
    # When it was stored last; empty for what older versions stored.
    Column("kept_at", Moment),
)

run = Table(
    "run",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("plan", String(64), ForeignKey("plan.digest"), nullable=False, index=True),
    Column("revision", Words, nullable=False, index=True),
    Column("actor", Words, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("status", String(16), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("undoes", Counter, nullable=True, index=True),
    # People and records name runs by these numbers: one must not come again after its row is deleted.
    sqlite_autoincrement=True,
)

intent = Table(
    "intent",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("run", Counter, ForeignKey("run.id"), nullable=False, index=True),
    Column("step", Words, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    _content("hosts"),
)

approval = Table(
    "approval",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("plan", String(64), ForeignKey("plan.digest"), nullable=False, index=True),
    Column("actor", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)

outcome = Table(
    "outcome",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("run", Counter, ForeignKey("run.id"), nullable=False, index=True),
    Column("step", Words, nullable=False),
    Column("program", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("action", String(16), nullable=False),
    Column("result", String(16), nullable=False),
    Column("message", Words, nullable=False),
    _content("hosts"),
)

host_outcome = Table(
    "host_outcome",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("run", Counter, ForeignKey("run.id"), nullable=False, index=True),
    Column("step", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Words, nullable=False),
    _content("hosts"),
)

order = Table(
    "operator_order",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("kind", String(16), nullable=False, index=True),
    Column("subject", Words, nullable=False),
    Column("revision", String(64), nullable=False),
    Column("who", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment),
    Column("ended_at", Moment),
    Column("ended_by", Words),
)

attempt = Table(
    "attempt",
    metadata,
    Column("service", Words, primary_key=True),
    Column("revision", String(64), nullable=False),
    Column("due", String(32), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("not_before", Moment, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("why", Words, nullable=False),
    Column("plan", String(64), nullable=False),
)

episode = Table(
    "episode",
    metadata,
    Column("id", Counter, primary_key=True),
    Column("service", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, index=True),
    Column("ended", String(16)),
    # No reference: runs may be forgotten earlier.
    Column("run", Counter),
    _content("manner"),
    _content("hosts"),
)

tick = Table(
    "tick",
    metadata,
    Column("schedule", String(64), primary_key=True),
    Column("fire_time", Moment, primary_key=True, index=True),
)

delivery = Table(
    "webhook_delivery",
    metadata,
    Column("source", String(16), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    # It came to a standby, and whoever leads has not heard of it yet.
    Column("waits", Boolean, nullable=False, server_default=false(), index=True),
)

notice = Table(
    "notice",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    # JSON; it is small, and no two are alike.
    Column("document", LargeBinary, nullable=False),
)

outgoing = Table(
    "outgoing",
    metadata,
    Column("notice", String(32), ForeignKey("notice.id"), primary_key=True),
    Column("channel", String(64), primary_key=True),
    Column("due", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
    # Until then somebody is sending it.
    Column("claimed_until", Moment),
    # None: it waits.
    Column("sent_at", Moment, index=True),
    # One of those that were sent together, for all of them.
    Column("message", String(32)),
)

told = Table(
    "told",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("service", Words, primary_key=True),
    Column("revision", String(64), nullable=False),
    Column("plan", String(64), nullable=False),
    Column("times", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("open", Boolean, nullable=False),
)
