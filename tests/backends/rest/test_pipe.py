"""Bytes over HTTP: what a server sees, and what each way of failing on the way becomes."""

import gc
import gzip
import os
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from qframe.backends.rest.pipe import KEEP_IDLE, PIECE, Answer, Pipe, Request
from qframe.connection import connect
from qframe.model.outcome import Fault
from qframe.targets import Server
from tests.backends.rest.http_server import HttpServer, Told, http_server

GET = Request("GET", "/")
KEY = "TOP-SECRET-KEY"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as running:
        yield running


def pipe_to(url: str, **options: Any) -> Pipe:
    connection = connect(url, **options)
    assert isinstance(connection.address, Server)
    return Pipe(connection, connection.address)


def fault_of(pipe: Pipe, request: Request = GET, timeout: float = 10) -> Fault:
    found = pipe.send(request, timeout)
    assert isinstance(found, Fault)
    return found


def answer_of(pipe: Pipe, request: Request = GET, timeout: float = 10) -> Answer:
    found = pipe.send(request, timeout)
    assert isinstance(found, Answer)
    return found


def test_what_a_server_sees(server: HttpServer) -> None:
    server.answers["PUT /x/collections/a%2Fb/points"] = Told(200, b'{"ok":1}', {"X-Some": "thing"})
    pipe = pipe_to(server.url, prefix="/x", api_key=KEY, headers={"X-Mine": "1"})
    params = (("wait", "true"), ("consistency", "all"))
    found = answer_of(pipe, Request("PUT", "/collections/a%2Fb/points", params, (b'{"points":', memoryview(b"[]}"))))
    seen = server.seen[0]
    assert (found.status, found.headers["x-some"], found.body) == (200, "thing", b'{"ok":1}')
    assert (seen.method, seen.path) == ("PUT", "/x/collections/a%2Fb/points?wait=true&consistency=all")
    assert seen.body == b'{"points":[]}'
    assert seen.headers["api-key"] == KEY
    assert seen.headers["x-mine"] == "1"
    assert seen.headers["content-type"] == "application/json"


def test_a_body_in_many_parts_arrives_whole_and_with_its_length(server: HttpServer) -> None:
    server.answers["PUT /p"] = Told(body=b"{}")
    parts = (b"", b"a" * 7, memoryview(b"bc" * PIECE), b"", b"d" * (PIECE - 7), b"e")
    answer_of(pipe_to(server.url), Request("PUT", "/p", body=parts))
    assert server.seen[0].body == b"".join(parts)
    assert server.seen[0].headers["content-length"] == str(3 * PIECE + 1)
    assert "transfer-encoding" not in server.seen[0].headers


def test_a_body_that_was_sent_is_let_go_at_once(server: HttpServer) -> None:
    server.answers["PUT /p"] = Told(body=b"{}")
    pipe = pipe_to(server.url)
    answer_of(pipe, Request("PUT", "/p", body=(b"{}",)))
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(3):
            answer_of(pipe, Request("PUT", "/p", body=(b"x" * 2**22,)))
            server.seen.clear()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert held < 2**22


def test_plain_answers_are_asked_for_by_default(server: HttpServer) -> None:
    answer_of(pipe_to(server.url), Request("GET", "/", body=(b"x" * 10_000,)))
    assert server.seen[0].headers["accept-encoding"] == "identity"
    assert "content-encoding" not in server.seen[0].headers


def test_gzip_both_ways_on_request(server: HttpServer) -> None:
    server.answers["PUT /p"] = Told(200, gzip.compress(b'{"a":1}'), {"content-encoding": "gzip"})
    pipe = pipe_to(server.url, compression="gzip")
    body = b'{"points":[' + b"0.125," * 1000 + b"0]}"
    assert answer_of(pipe, Request("PUT", "/p", body=(body[:9], memoryview(body)[9:]))).body == b'{"a":1}'
    answer_of(pipe, Request("PUT", "/p", body=(body[:9], memoryview(body)[9:])))
    first, second = server.seen
    assert first.headers["accept-encoding"] == "gzip"
    assert first.headers["content-encoding"] == "gzip"
    assert gzip.decompress(first.body) == body
    assert first.body == second.body, "a repetition sends the same bytes"
    answer_of(pipe, Request("PUT", "/p", body=(b"{}",)))
    assert "content-encoding" not in server.seen[2].headers, "small bodies gain nothing"


def test_a_callable_key_is_called_for_every_request(server: HttpServer) -> None:
    keys = iter(["one", "two"])
    pipe = pipe_to(server.url, api_key=lambda: next(keys))
    answer_of(pipe)
    answer_of(pipe)
    assert [seen.headers["api-key"] for seen in server.seen] == ["one", "two"]


def test_a_connection_is_used_again_and_parallel_requests_get_their_own(server: HttpServer) -> None:
    together = threading.Barrier(8)
    server.answers["GET /together"] = Told(before=lambda _: together.wait(10))
    pipe = pipe_to(server.url)
    answer_of(pipe)
    answer_of(pipe)
    assert len({seen.client for seen in server.seen}) == 1
    threads = [
        threading.Thread(target=answer_of, args=(pipe, Request("GET", "/together"))) for _ in range(together.parties)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together.broken
    assert len(server.seen) == 10


def test_idle_connections_are_left_before_the_server_leaves_them() -> None:
    assert KEEP_IDLE < 5


def test_a_connection_that_the_server_closed_meanwhile_is_not_used(server: HttpServer) -> None:
    sockets: list[socket.socket] = []
    server.answers["GET /"] = Told(before=sockets.append)
    pipe = pipe_to(server.url)
    answer_of(pipe)
    sockets[0].shutdown(socket.SHUT_RDWR)
    answer_of(pipe)
    assert len(server.seen) == 2


def test_nobody_at_home() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = fault_of(pipe_to(f"http://127.0.0.1:{port}", api_key=KEY))
    assert (found.kind, found.applied, found.cause) == ("lost", "no", "unreachable")
    assert f"http://127.0.0.1:{port}" in found.message
    assert "refused" in found.message.lower()
    assert KEY not in repr(found)


def test_no_such_host() -> None:
    found = fault_of(pipe_to("http://nowhere.invalid"))
    assert (found.kind, found.applied, found.cause) == ("lost", "no", "unreachable")


def test_a_connection_cut_in_the_middle(server: HttpServer) -> None:
    server.answers["PUT /p"] = Told(before=lambda line: line.shutdown(socket.SHUT_RDWR))
    found = fault_of(pipe_to(server.url), Request("PUT", "/p", body=(b"{}",)))
    assert (found.kind, found.applied, found.cause) == ("lost", "unknown", "")


def test_an_answer_cut_in_the_middle(server: HttpServer) -> None:
    server.answers["PUT /p"] = Told(body=b"{", headers={"content-length": "100", "connection": "close"})
    found = fault_of(pipe_to(server.url), Request("PUT", "/p", body=(b"{}",)))
    assert (found.kind, found.applied) == ("lost", "unknown")


def test_an_answer_that_is_no_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def speak() -> None:
            line, _ = listening.accept()
            with line:
                line.recv(1000)
                line.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        found = fault_of(pipe_to(f"http://127.0.0.1:{listening.getsockname()[1]}"))
        thread.join()
    assert found.kind == "lost"


def test_an_answer_that_does_not_come(server: HttpServer) -> None:
    leave = threading.Event()
    server.answers["PUT /p"] = Told(before=lambda _: leave.wait(10))
    found = fault_of(pipe_to(server.url), Request("PUT", "/p", body=(b"{}",)), timeout=0.2)
    leave.set()
    assert (found.kind, found.applied) == ("lost", "unknown")
    assert "within 0.2 s" in found.message


def test_an_answer_that_trickles_ends_at_the_timeout() -> None:
    leave = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def trickle() -> None:
            line, _ = listening.accept()
            with line:
                line.recv(1000)
                line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
                try:
                    while not leave.wait(0.05):
                        line.sendall(b" ")
                except OSError:
                    pass  # the client has had enough, which is what is tested

        thread = threading.Thread(target=trickle)
        thread.start()
        pipe = pipe_to(f"http://127.0.0.1:{listening.getsockname()[1]}")
        found: list[Fault] = []
        asking = threading.Thread(target=lambda: found.append(fault_of(pipe, timeout=0.5)), daemon=True)
        asking.start()
        asking.join(20)
        leave.set()
        thread.join()
    assert [fault.kind for fault in found] == ["lost"]


def test_a_redirect_is_not_followed(server: HttpServer) -> None:
    server.answers["GET /"] = Told(302, b"", {"location": "http://127.0.0.1:1/"})
    assert answer_of(pipe_to(server.url, api_key=KEY)).status == 302
    assert len(server.seen) == 1


def test_a_proxy_in_the_environment_does_not_stand_before_this_machine(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert answer_of(pipe_to(server.url)).status == 200
    found = fault_of(pipe_to("http://example.invalid"))
    assert "refused" in found.message.lower(), "other machines are reached through it"


def test_closing_lets_go_once_nobody_waits(server: HttpServer) -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold(_: socket.socket) -> None:
        inside.set()
        leave.wait(10)

    server.answers["GET /slow"] = Told(before=hold)
    pipe = pipe_to(server.url)
    found: list[Answer] = []
    thread = threading.Thread(target=lambda: found.append(answer_of(pipe, Request("GET", "/slow"))))
    thread.start()
    assert inside.wait(10)
    pipe.close()
    leave.set()
    thread.join()
    assert found[0].status == 200, "a request on its way is answered"
    assert answer_of(pipe).status == 200, "a closed pipe opens again"
    pipe.close()
    pipe.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_leaves_the_parents_sockets_alone(server: HttpServer) -> None:
    pipe = pipe_to(server.url)
    answer_of(pipe)
    child = os.fork()
    if child == 0:
        pipe.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    answer_of(pipe)
    assert len({seen.client for seen in server.seen}) == 1, "the parent's connection is still good"


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[HttpServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with http_server(context) as running:
        yield running


def test_tls_with_a_file_of_authorities(secure: HttpServer, authority: trustme.CA, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    assert answer_of(pipe_to(secure.url, verify=file, api_key=KEY)).status == 200
    assert secure.seen[0].headers["api-key"] == KEY


def test_tls_unverified(secure: HttpServer) -> None:
    assert answer_of(pipe_to(secure.url, verify=False)).status == 200


def test_tls_with_a_certificate_that_nobody_trusts(secure: HttpServer) -> None:
    found = fault_of(pipe_to(secure.url, api_key=KEY))
    assert (found.kind, found.applied, found.cause) == ("fatal", "no", "unreachable")
    assert "verify='ca.pem'" in found.message
    assert secure.seen == [], "the key was not sent"


def test_tls_to_a_server_that_has_none(server: HttpServer) -> None:
    found = fault_of(pipe_to(server.url.replace("http:", "https:")))
    assert (found.kind, found.cause) == ("fatal", "unreachable")
    assert server.url in found.message


def test_plain_http_to_a_server_with_tls(secure: HttpServer) -> None:
    found = fault_of(pipe_to(secure.url.replace("https:", "http:")), timeout=5)
    assert found.kind == "lost"
