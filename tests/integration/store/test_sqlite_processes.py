"""Several processes on one store, and processes that die."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from reconciler.adapters.store import sqlite
from reconciler.model.errors import Retry
from tests.integration.store.store_helpers import ROOT, opened, python, seen


class TestProcesses:
    def test_a_killed_process_leaves_all_or_nothing_of_a_call(self, path, store):
        """A child is killed before each statement of a `record` in turn, and once after the commit."""
        store.save_observations([seen("a", "before"), seen("b", "before")])
        code = """
            import os, pathlib, signal, sys
            from sqlalchemy import event
            sys.path.insert(0, sys.argv[2])
            from store_helpers import begun, seen, owns
            from reconciler.adapters.store import open_store
            from reconciler.model.key import Key
            from reconciler.model.run import RunOutcome

            def work(last):
                store = open_store(pathlib.Path(sys.argv[1]))
                run = begun(store)
                done = []
                def die(*_):
                    done.append(1)
                    if len(done) == last:
                        os.kill(os.getpid(), signal.SIGKILL)
                # A tiny cache writes changed pages into the file before the commit: the journal must undo them.
                with store._database.reader.connect() as connection:
                    connection.exec_driver_sql("PRAGMA cache_size = 1")
                event.listen(store._database.reader, "before_cursor_execute", die)
                outcomes = [RunOutcome("s", "p", "x", Key("file", str(n)), "update", "ok", "m" * 3000, ("a", str(n)))
                            for n in range(50)]
                store.record(run, outcomes, [], [seen("a", "after"), seen("b", "after")], [owns("a"), owns("b")])
                os._exit(0)

            for last in range(1, 100):
                child = os.fork()
                if child == 0:
                    work(last)
                status = os.waitpid(child, 0)[1]
                store = open_store(pathlib.Path(sys.argv[1]))
                run = store.run(store.runs(1)[0].id)
                left = (len(run.outcomes), [o.fingerprint for o in store.observations().values()],
                        len(store.ownership()))
                store.close()
                print(os.WIFSIGNALED(status), left)
                if not os.WIFSIGNALED(status):
                    break
        """
        done = python(code, str(path), str(Path(__file__).parent))
        assert done.stderr == ""
        *killed, finished = done.stdout.splitlines()
        assert finished == "False (50, ['after', 'after'], 2)"
        assert set(killed) == {"True (0, ['before', 'before'], 0)"}
        assert len(killed) >= 7

    def test_two_processes_write_at_once_and_nothing_is_lost(self, path, store):
        code = """
            import pathlib, sys
            sys.path.insert(0, sys.argv[3])
            from store_helpers import NOW, planned, seen
            from reconciler.adapters.store import open_store
            store = open_store(pathlib.Path(sys.argv[1]))
            with store.hold(sys.argv[2]) as held:
                for n in range(20):
                    store.save_observations([seen(f"{sys.argv[2]}-{n}", str(n))])
                    print(store.begin_run(planned(), sys.argv[2], NOW, held.epoch).id)
        """
        command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
        environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        children = [
            subprocess.Popen([*command, name, str(Path(__file__).parent)], env=environment, stdout=subprocess.PIPE)
            for name in "ab"
        ]
        ids = [int(line) for child in children for line in child.communicate(timeout=60)[0].split()]
        assert [child.returncode for child in children] == [0, 0]
        assert sorted(ids) == list(range(1, 41))
        assert len(store.observations()) == 40

    def test_two_processes_make_one_store(self, path):
        code = """
            import pathlib, sys
            from reconciler.adapters.store import open_store
            print(open_store(pathlib.Path(sys.argv[1])).id)
        """
        command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
        environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        children = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
        names = {child.communicate(timeout=60)[0] for child in children}
        assert len(names) == 1
        assert [child.returncode for child in children] == [0, 0, 0]

    def test_the_lock_of_a_killed_process_is_free(self, path, store):
        code = """
            import pathlib, sys, time
            from reconciler.adapters.store import open_store
            with open_store(pathlib.Path(sys.argv[1])).hold("apply"):
                print("held", flush=True)
                time.sleep(60)
        """
        command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
        environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as child:
            assert child.stdout.readline() == b"held\n"
            refused = pytest.raises(Retry, match=rf"another apply is running \(pid {child.pid} ")
            with refused, store.hold("apply"):
                raise AssertionError("both hold it")
            child.send_signal(signal.SIGKILL)
            child.wait()
        with store.hold("apply"):
            pass

    def test_a_writer_that_keeps_the_store_is_waited_for_then_named_as_busy(self, path, store, monkeypatch):
        monkeypatch.setattr(sqlite, "WAIT_SECONDS", 0)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with opened(path) as impatient:
            with pytest.raises(Retry, match="busy"):
                impatient.save_observations([seen("a")])
            other.execute("ROLLBACK")
            impatient.save_observations([seen("a")])
        other.close()
