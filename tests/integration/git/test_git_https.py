"""A remote over https: a server on loopback with its own certificate, in front of git's own `http-backend`."""

from __future__ import annotations

import base64
import http.server
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters.git import GitSettings, open_source
from reconciler.model.errors import Retry, Stalled
from tests.integration.git.git_repositories import WHO, Repository

TOKEN = "canary-secret-token"


class Handler(http.server.BaseHTTPRequestHandler):
    """`/open/…` for anybody, `/closed/…` for the token, `/moved/…` is elsewhere, `/broken/…` never."""

    server: Server

    def do_GET(self) -> None:
        self.server.seen.append(self.headers.get("Authorization", ""))
        area, _, path = self.path[1:].partition("/")
        if area == "moved":
            self._end(302, {"Location": f"{self.server.elsewhere}/{path}"})
        elif area == "broken":
            self._end(503)
        elif area == "closed" and not self._authorised():
            self._end(401, {"WWW-Authenticate": 'Basic realm="git"'})
        elif area not in ("open", "closed"):
            self._end(404)
        else:
            self._backend("/" + path)

    do_POST = do_GET

    def _authorised(self) -> bool:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        return kind == "Basic" and base64.b64decode(value).decode().endswith(f":{TOKEN}")

    def _end(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _backend(self, path: str) -> None:
        path, _, query = path.partition("?")
        done = subprocess.run(
            ["git", "http-backend"],
            input=self._body(),
            env={
                **os.environ, **WHO, "GIT_PROJECT_ROOT": str(self.server.root), "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command, "PATH_INFO": path, "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            },
            check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    root: Path
    elsewhere: str
    seen: list[str]

    def handle_error(self, *_) -> None:
        pass  # a client that doesn't trust us hangs up


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def serve(certificate: Path, root: Path) -> Server:
    server = Server(("127.0.0.1", 0), Handler)
    server.root, server.seen, server.elsewhere = root, [], ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


@pytest.fixture
def server(certificate, repository: Repository) -> Iterator[Server]:
    server = serve(certificate, repository.path.parent)
    yield server
    server.shutdown()
    server.server_close()


def url(server: Server, area: str = "open", user: str = "") -> str:
    return f"https://{user}127.0.0.1:{server.server_address[1]}/{area}/fleet/.git"


@pytest.fixture
def trusting(settings, certificate) -> GitSettings:
    return replace(settings, ca_file=certificate / "cert.pem", token=TOKEN)


# Runs first: libgit2 keeps a certificate that it was once told to trust, for the whole process.
def test_a_certificate_of_nobody_is_not_trusted(repository, server, settings):
    repository.commit("one")
    with pytest.raises(Stalled, match="certificate") as stalled:
        open_source(url(server), settings).poll()
    assert "CA file" in stalled.value.hint
    assert server.seen == []


def test_a_repository_is_fetched_and_followed(repository, server, trusting):
    first = repository.commit("one", hosts__a="1")
    repository.git("branch", "old")
    repository.git("tag", "--annotate", "--message=x", "v1")
    git = open_source(url(server), trusting, "hosts")
    assert git.revision().sha == first
    assert git.read(git.tree(git.revision("v1")).blobs["a"], 10) == b"1"
    assert set(server.seen) == {""}  # nobody asked, so the token stayed here

    repository.git("branch", "-D", "old")
    repository.git("commit", "--quiet", "--amend", "-m", "rewritten")
    repository.git("tag", "--force", "v1", "main")
    repository.git("branch", "--move", "main", "trunk")
    assert git.poll().subject == "rewritten"
    assert {git.revision(rev).subject for rev in ("trunk", "v1")} == {"rewritten"}
    for gone in ("old", "main"):
        with pytest.raises(Stalled, match=f"'{gone}' is no branch"):
            git.revision(gone)


def test_a_branch_that_becomes_a_directory_of_branches(repository, server, trusting):
    repository.commit("one")
    repository.git("branch", "web")
    git = open_source(url(server), trusting)
    git.poll()
    repository.git("branch", "-D", "web")
    repository.git("branch", "web/next")
    assert git.poll("web/next").subject == "one"


def test_an_empty_repository(repository, server, trusting):
    git = open_source(url(server), trusting)
    with pytest.raises(Stalled, match="has no commit yet"):
        git.revision()
    sha = repository.commit("one")
    assert git.revision().sha == sha


def test_a_token_is_given_when_asked_for(repository, server, trusting):
    sha = repository.commit("one")
    assert open_source(url(server, "closed"), trusting).poll().sha == sha
    assert base64.b64encode(f"git:{TOKEN}".encode()).decode() in server.seen[-1]


@pytest.mark.parametrize(
    ("area", "token", "says"),
    [
        ("closed", "", "asks for a login"),
        ("closed", "wrong-secret", "refuses the git token"),
        ("gone", TOKEN, "isn't there, or may not be read"),
    ],
)
def test_what_somebody_has_to_act_on(repository, server, trusting, area, token, says):
    repository.commit("one")
    with pytest.raises(Stalled) as stalled:
        open_source(url(server, area), replace(trusting, token=token)).poll()
    assert says in stalled.value.message
    assert "secret" not in stalled.value.message + stalled.value.hint + repr(stalled.value)


def test_a_redirect_on_the_same_host_is_followed(repository, server, trusting):
    sha = repository.commit("one")
    server.elsewhere = url(server).split("/fleet")[0]
    assert open_source(url(server, "moved"), trusting).poll().sha == sha


@pytest.mark.parametrize(("host", "says"), [("localhost", "has moved"), ("127.0.0.1", "sent us on to another host")])
def test_a_redirect_takes_the_token_to_no_other_host_or_port(repository, server, trusting, certificate, host, says):
    repository.commit("one")
    other = serve(certificate, repository.path.parent)
    try:
        server.elsewhere = url(other, "closed").split("/fleet")[0].replace("127.0.0.1", host)
        with pytest.raises(Stalled, match=says):
            open_source(url(server, "moved"), trusting).poll()
        assert set(other.seen) <= {""}
    finally:
        other.shutdown()
        other.server_close()


def test_a_remote_that_is_broken_may_answer_later(server, trusting):
    with pytest.raises(Retry, match="503"):
        open_source(url(server, "broken"), trusting).poll()


def test_a_remote_that_can_not_be_reached_may_answer_later(certificate, trusting, tmp_path):
    gone = serve(certificate, tmp_path)
    gone.shutdown()
    gone.server_close()
    with pytest.raises(Retry, match="can't be fetched"):
        open_source(url(gone), trusting).poll()


def test_a_ca_file_that_is_none(server, trusting, tmp_path):
    with pytest.raises(Stalled, match="can't be used"):
        open_source(url(server), replace(trusting, ca_file=tmp_path / "gone.pem")).poll()


def test_a_token_does_not_show_in_settings(trusting):
    assert TOKEN not in repr(trusting)
