"""Health checks over real connections on loopback: what is healthy, what is not, and what is never asked."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.health import Allowed, NetworkProber
from reconciler.model.rollout import HttpCheck, Outside, PrometheusCheck, TcpCheck
from tests.fakes.certificate import certificate
from tests.integration.health.servers import saying, server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
UP = b'{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]}}'
NO_HTTP = "what answers there does not speak HTTP"
HERE = Allowed(loopback=True)


def probe(*checks: Outside, allowed: Allowed = HERE, prometheus: str = "", ca: Path | None = None) -> list[str]:
    prober = NetworkProber(allowed, 100, prometheus, ca)
    found = dict(prober.probe(checks, lambda: False))
    return [found[check].rpartition(": ")[2] if ": " in found[check] else found[check] for check in checks]


def url(port: int, path: str = "/healthz") -> str:
    return f"http://127.0.0.1:{port}{path}"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (OK, ""),
        (b"HTTP/1.0 200 OK\r\n\r\n", ""),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "503, expected 200"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", "302, expected 200"),
        (b"SSH-2.0-OpenSSH\r\n", f"{NO_HTTP} (BadStatusLine)"),
        (b"", f"{NO_HTTP} (RemoteDisconnected)"),
        (
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
            f"{NO_HTTP} (HTTPException)",
        ),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * (1 << 21), "the answer is larger than 1 MiB"),
    ],
)
def test_http(answer: bytes, expected: str) -> None:
    with server(saying(answer)) as made:
        assert probe(HttpCheck(url(made.port))) == [expected]
        [request] = made.requests
        assert request.startswith(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:")


def test_another_status_may_be_the_healthy_one() -> None:
    with server(saying(b"HTTP/1.1 401 Unauthorized\r\n\r\n")) as made:
        assert probe(HttpCheck(url(made.port), expect=401)) == [""]


def test_tcp() -> None:
    with server(saying(b"")) as made:
        assert probe(TcpCheck(str(made.port), "127.0.0.1")) == [""]
    assert probe(TcpCheck(str(made.port), "127.0.0.1")) == ["connection refused"]


def test_time_is_for_all_of_a_check() -> None:
    over = threading.Event()

    def drip(connection: socket.socket, request: bytes) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" * 100:
            if over.wait(0.05):
                return
            connection.sendall(bytes([byte]))

    with server(drip) as made:
        assert probe(HttpCheck(url(made.port), timeout=0.3)) == ["no answer within 0.3 s"]
        over.set()


def test_prometheus() -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: " + str(len(UP)).encode() + b"\r\n\r\n" + UP
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(UP), UP)
    for answer in (body, chunked):
        with server(saying(answer)) as made:
            base = f"http://127.0.0.1:{made.port}"
            assert probe(PrometheusCheck("up", base, at_least=1)) == [""]
            assert probe(PrometheusCheck("up", base, at_least=2)) == ["the query gives 1, less than 2"]
            assert made.requests[0].startswith(b"GET /api/v1/query?query=up HTTP/1.1\r\n")


def test_the_operators_own_prometheus_is_asked_wherever_it_is() -> None:
    with server(saying(b"HTTP/1.1 200 OK\r\n\r\n" + UP)) as made:
        base = f"http://127.0.0.1:{made.port}"
        assert probe(PrometheusCheck("up"), allowed=Allowed(), prometheus=base) == [""]
        assert probe(PrometheusCheck("up", base), allowed=Allowed())[0].endswith("(health.allow_loopback allows it)")
        assert len(made.requests) == 1
    assert probe(PrometheusCheck("up")) == ["no server is named; set health.prometheus_url"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0", "[::1]"])
def test_this_machine_is_not_asked_by_whatever_name(name: str) -> None:
    with server(saying(OK)) as made:
        [wrong] = probe(HttpCheck(f"http://{name}:{made.port}/"), allowed=Allowed())
        assert "this machine itself, where checks may not go" in wrong
        assert made.requests == []


def test_a_name_is_resolved_once_and_one_bad_address_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that gives a good address first and ours the next time gets nowhere."""
    asked: list[str] = []

    def resolving(*answers: str) -> Callable[..., list[tuple[object, ...]]]:
        left = iter(answers)

        def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
            asked.append(host)
            addresses = next(left).split()
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        return getaddrinfo

    real = socket.getaddrinfo
    with server(saying(OK)) as made:
        check = HttpCheck(f"http://evil.example:{made.port}/", timeout=0.5)

        def probe_resolving(answers: Callable[..., object], allowed: Allowed) -> str:
            def only_names(host: str, *rest: object, **more: object) -> object:
                return answers(host, *rest, **more) if host == "evil.example" else real(host, *rest, **more)

            monkeypatch.setattr(socket, "getaddrinfo", only_names)
            return probe(check, allowed=allowed)[0]

        assert "this machine itself" in probe_resolving(resolving("192.0.2.1 127.0.0.1"), Allowed())
        assert made.requests == []
        asked.clear()
        assert probe_resolving(resolving("127.0.0.1", "192.0.2.1"), HERE) == ""
        assert asked == ["evil.example"], "connected to the address that was looked at"
        assert b"Host: evil.example:" in made.requests[0]


def test_names_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    [(_, wrong)] = NetworkProber(HERE, 1, "", None).probe([HttpCheck("http://nobody.example/")], lambda: False)
    assert wrong.startswith("GET http://nobody.example/: the name 'nobody.example' is not known")


def test_certificates_are_checked(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path, "localhost")
    with server(saying(OK), context) as made:
        check = HttpCheck(f"https://localhost:{made.port}/")
        assert probe(check, ca=trusted) == [""]
        assert probe(check)[0].startswith("self-signed certificate")


def test_many_are_made_at_once_and_a_stop_ends_all() -> None:
    meeting = threading.Barrier(2)

    def wait(connection: socket.socket, request: bytes) -> None:
        meeting.wait(timeout=10)
        connection.sendall(OK)

    with server(wait) as one, server(wait) as other:
        assert probe(HttpCheck(url(one.port)), HttpCheck(url(other.port))) == ["", ""], "neither waits for the other"
    over = threading.Event()
    with server(lambda connection, request: [over.wait(10), None][1]) as made:
        stopping = iter([False, True])
        prober = NetworkProber(HERE, 1, "", None)
        checks = [HttpCheck(url(made.port, f"/{n}"), timeout=60) for n in range(3)]
        assert list(prober.probe(checks, lambda: next(stopping, True))) == []
        over.set()


def test_it_works_inside_a_thread() -> None:
    found: list[str] = []
    with server(saying(OK)) as made:
        thread = threading.Thread(target=lambda: found.extend(probe(HttpCheck(url(made.port)))))
        thread.start()
        thread.join()
    assert found == [""]
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
