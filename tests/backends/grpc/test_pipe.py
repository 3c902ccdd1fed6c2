"""Raw bytes over real channels: limits, compression, deadlines, TLS, lost servers, forks."""

import os
import socket
import subprocess
import sys
import threading
import time

import grpc
import pytest
import trustme

from qframe.backends.grpc.pipe import Pipe
from qframe.errors import TargetError
from qframe.model.outcome import Fault
from qframe.targets import Server
from tests.backends.grpc.answering import answering


def echo(_method, content, _context):
    return content


@pytest.fixture
def piped():
    """Makes pipes and closes them."""
    made = []

    def pipe(port, *, scheme="http", host="127.0.0.1", verify=True, metadata=(), compression=None):
        address = Server(scheme, host, grpc_port=port)
        given = metadata if callable(metadata) else lambda: tuple(metadata)
        made.append(Pipe(address, verify=verify, metadata=given, compression=compression))
        return made[-1]

    yield pipe
    for one in made:
        one.close()


def test_bytes_go_to_a_method_and_come_back(piped):
    with answering(lambda method, content, _: method.encode() + content) as port:
        assert piped(port).call("/a.B/C", b"\x00\xff", 10) == b"/a.B/C\x00\xff"


def test_messages_may_be_larger_than_grpcs_own_limit(piped):
    content = bytes(9_000_000)
    with answering(echo) as port:
        assert piped(port).call("/a.B/C", content, 10) == content


def test_headers_are_asked_for_at_every_call(piped):
    keys = iter(["one", "two"])
    with answering(lambda _m, _c, context: dict(context.invocation_metadata())["api-key"].encode()) as port:
        pipe = piped(port, metadata=lambda: (("api-key", next(keys)),))
        assert [pipe.call("/a.B/C", b"", 10) for _ in range(2)] == [b"one", b"two"]


def test_plain_answers_are_asked_for_unless_gzip_is_wanted(piped):
    # grpcio's server compresses whatever the client says; a client that asked for plain answers refuses them.
    with answering(echo, compression=grpc.Compression.Gzip) as port:
        plain = piped(port).call("/a.B/C", bytes(10_000), 10)
        assert isinstance(plain, Fault)
        assert "gzip" in plain.message
        assert piped(port, compression="gzip").call("/a.B/C", bytes(10_000), 10) == bytes(10_000)


def test_the_servers_words_and_trailing_metadata_make_the_fault(piped):
    def refuse(_method, _content, context):
        context.set_trailing_metadata([("retry-after", "7")])
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Rate limiting exceeded")

    with answering(refuse) as port:
        found = piped(port).call("/a.B/C", b"", 10)
    assert found == Fault("throttled", "no", "Rate limiting exceeded", retry_after=7.0)


def test_a_deadline_leaves_the_outcome_open(piped):
    release = threading.Event()
    with answering(lambda *_: release.wait(30) and b"") as port:
        found = piped(port).call("/a.B/C", b"", 0.2)
        release.set()
    assert (found.kind, found.applied) == ("lost", "unknown")


def test_nobody_there_means_that_nothing_was_sent(piped):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = piped(port).call("/a.B/C", b"", 10)
    assert (found.kind, found.applied, found.cause) == ("lost", "no", "unreachable")


def test_an_unknown_host_means_that_nothing_was_sent(piped):
    found = piped(6334, host="host.invalid").call("/a.B/C", b"", 10)
    assert (found.kind, found.applied, found.cause) == ("lost", "no", "unreachable")


def test_a_server_that_comes_back_is_found_again(piped):
    with answering(echo) as port:
        pipe = piped(port)
        assert pipe.call("/a.B/C", b"1", 10) == b"1"
    assert isinstance(pipe.call("/a.B/C", b"2", 10), Fault)
    with answering(echo, port=port):
        until = time.monotonic() + 30
        while isinstance(answer := pipe.call("/a.B/C", b"3", 10), Fault) and time.monotonic() < until:
            time.sleep(0.1)
    assert answer == b"3"


def test_a_proxy_in_the_environment_does_not_stand_before_loopback(piped, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with answering(echo) as port:
        assert piped(port).call("/a.B/C", b"1", 10) == b"1"


def test_several_threads_share_a_pipe(piped):
    with answering(echo) as port:
        pipe, answers = piped(port), {}
        threads = [
            threading.Thread(target=lambda i=i: answers.update({i: pipe.call("/a.B/C", bytes([i]), 10)}))
            for i in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {i: bytes([i]) for i in range(12)}


def test_a_closed_pipe_opens_again(piped):
    with answering(echo) as port:
        pipe = piped(port)
        pipe.call("/a.B/C", b"1", 10)
        pipe.close()
        pipe.close()
        assert pipe.call("/a.B/C", b"2", 10) == b"2"


def test_closing_lets_go_once_nobody_waits(piped):
    inside, leave = threading.Event(), threading.Event()

    def hold(*_):
        inside.set()
        leave.wait(10)
        return b"told"

    with answering(hold) as port:
        pipe, found = piped(port), []
        thread = threading.Thread(target=lambda: found.append(pipe.call("/a.B/C", b"", 10)))
        thread.start()
        assert inside.wait(10)
        pipe.close()
        leave.set()
        thread.join()
    assert found == [b"told"], "a request on its way is answered"


def test_a_request_about_to_be_sent_is_sent_though_the_pipe_is_closed(piped):
    with answering(echo) as port:
        pipe = piped(port, metadata=lambda: pipe.close() or ())
        assert pipe.call("/a.B/C", b"1", 10) == b"1"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def secured(authority, *names):
    issued = authority.issue_cert(*names)
    pairs = [(issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())]
    return grpc.ssl_server_credentials(pairs)


def test_a_ca_file_is_trusted(piped, authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with answering(echo, credentials=secured(authority, "127.0.0.1", "localhost")) as port:
        for host in ("127.0.0.1", "localhost"):
            pipe = piped(port, scheme="https", host=host, verify=str(tmp_path / "ca.pem"))
            assert pipe.call("/a.B/C", b"1", 10) == b"1"


def test_an_unknown_authority_is_not_trusted(piped, authority):
    with answering(echo, credentials=secured(authority, "127.0.0.1")) as port:
        found = piped(port, scheme="https").call("/a.B/C", b"1", 10)
    assert (found.kind, found.applied, found.cause) == ("lost", "no", "unreachable")


@pytest.mark.parametrize("names", [("127.0.0.1",), ("elsewhere.example",), ("*.wild.example",), ("::1", "b.example")])
def test_without_verification_any_certificate_will_do(piped, authority, names):
    with answering(echo, credentials=secured(authority, *names)) as port:
        assert piped(port, scheme="https", verify=False).call("/a.B/C", b"1", 10) == b"1"


def test_without_verification_a_common_name_will_do(piped, tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert(common_name="only.common.example")
    credentials = grpc.ssl_server_credentials([(issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())])
    with answering(echo, credentials=credentials) as port:
        assert piped(port, scheme="https", verify=False).call("/a.B/C", b"1", 10) == b"1"


def test_no_certificate_to_fetch_means_that_nothing_was_sent(piped):
    with answering(echo) as port:
        found = piped(port, scheme="https", verify=False).call("/a.B/C", b"1", 10)
    assert (found.kind, found.applied, found.cause) == ("lost", "no", "unreachable")


def test_a_ca_file_that_is_gone_is_named(piped, tmp_path):
    with pytest.raises(TargetError, match=r"gone\.pem"):
        piped(1, scheme="https", verify=str(tmp_path / "gone.pem")).call("/a.B/C", b"1", 10)


FORKING = """
import os, sys
from qframe.backends.grpc.pipe import Pipe
from qframe.targets import Server

pipe = Pipe(Server("http", "127.0.0.1", grpc_port=int(sys.argv[1])), verify=True, metadata=tuple, compression=None)
assert pipe.call("/a.B/C", b"parent", 10) == b"parent"
for _ in range(10):
    child = os.fork()
    if child == 0:
        answered = [pipe.call("/a.B/C", b"child", 10) for _ in range(4)]
        pipe.close()
        os._exit(0 if answered == [b"child"] * 4 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pipe.call("/a.B/C", b"parent", 10) == b"parent"
pipe.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_makes_channels_of_its_own():
    with answering(echo) as port:
        script = [sys.executable, "-c", FORKING, str(port)]
        ran = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
