# SPDX-License-Identifier: Apache-2.0
"""How PostgreSQL is opened: as SQLite, one writer at a time and readers with a consistent view.

Writers queue for one advisory lock, which ends with their transaction: what reads before it writes
(the audit's chain, a case that is open or not) means the same on both. A batch is one turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from opaska_gateway.errors import GatewayError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, ExceptionContext
    from sqlalchemy.ext.asyncio import AsyncEngine

DRIVER: Final = "postgresql+psycopg"
THREAD_DRIVER: Final = DRIVER
WRITERS_TURN: Final = 0x4F50_4153_4B41  # "OPASKA": other programs lock other numbers
LOCK_TIMEOUT_MS: Final = 2_000  # others write for milliseconds, not seconds
STUCK_MS: Final = 60_000  # a program that froze in its turn is thrown out then
CONNECT_S: Final = 5  # a server that does not answer is away
# A machine that lost its power says no good-bye: by itself Linux waits 15 minutes, or two hours.
UNHEARD_S: Final = 10  # nothing was acknowledged for so long: the connection is lost
OPTIONS: Final[dict[str, Any]] = {
    "pool_pre_ping": True,  # the server may have been restarted since
    "connect_args": {
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": UNHEARD_S * 1000,
        "keepalives_idle": UNHEARD_S // 2,
        "keepalives_interval": UNHEARD_S // 2,
        "options": (
            f"-c lock_timeout={LOCK_TIMEOUT_MS}"
            f" -c idle_in_transaction_session_timeout={STUCK_MS} -c timezone=UTC"
        ),
    },
}
NO_WRITES: Final = "25006"  # SQLSTATE of a standby: after a failover the primary is elsewhere
DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")  # none may be off
KEYS: Final = "person, carer"  # the tables whose keys an erasure destroys


async def dispose(engine: AsyncEngine) -> None:
    """Close its connections."""
    await engine.dispose()


def prepare_writer(engine: Engine, *, for_batches: bool = False) -> None:
    """Queue for the one place of a writer."""
    del for_batches

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_TURN})")

    @event.listens_for(engine, "handle_error")
    def _failed(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == NO_WRITES:
            context.is_disconnect = True  # connect again, perhaps to the primary


def prepare_reader(engine: Engine) -> None:
    """See what was committed when the first statement came, until the last one."""

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def check(connection: Connection) -> None:
    """Refuse a server that forgets: what is answered with STORED must survive a power cut."""
    with connection.begin():
        for name in DURABLE:
            if connection.exec_driver_sql(f"SHOW {name}").scalar() == "off":
                raise GatewayError(
                    f"the server runs with {name} = off and would forget alarms at a power cut; "
                    f"write {name} = on into its postgresql.conf"
                )


def forget_traces(url: URL) -> bool:
    """Write the tables of keys anew, without what was overwritten.

    The server's log of writes (WAL), its archive and copies keep it until they are recycled.
    """
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool, **OPTIONS)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"VACUUM FULL {KEYS}")
    except OperationalError:  # somebody reads them, or the server went away
        return False
    finally:
        engine.dispose()
    return True
