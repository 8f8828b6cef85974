"""Servers are asked for what is missing, together and not for long."""

import socket
import threading
import time

import pytest
from findings_of_checks import FINE, WARNING
from patience import PATIENCE

from runners.preflight import servers

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


@pytest.mark.slow
def test_silent_servers_are_waited_for_together_and_not_long(silent, server):
    questions = [servers.Question(what=f"{number}", url=silent) for number in range(40)]
    started = time.monotonic()
    given = servers.answers([*questions, servers.Question(what="it", url=server.url, body=b"")], 2)
    # One after the other they would take 80 s.
    assert time.monotonic() - started < 60
    assert [answer.status for answer in given] == [None] * 40 + [200]
    assert given[0].why


def test_a_name_that_is_looked_up_for_ever_is_no_longer_waited_for(monkeypatch):
    go_on, ended = threading.Event(), threading.Event()

    def look_up(*_, **__):
        go_on.wait(PATIENCE)
        ended.set()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    (given,) = servers.answers([servers.Question(what="it", url="http://example.org")], 0.3)
    assert not ended.is_set()
    assert (given.status, given.why) == (None, "no answer within 0.3 s")
    go_on.set()
    assert ended.wait(PATIENCE)


def test_what_cannot_be_fetched_now_is_told_with_what_it_was_for(closed, server):
    first, second = servers.reachable(
        [
            servers.Question(what="cifar10", url=closed),
            servers.Question(what="cifar100", url=closed),
            servers.Question(what="weights", url=server.url),
        ]
    )
    assert first.level is WARNING
    assert f"{closed} does not answer (Connection refused)" in first.found
    assert "cifar10, cifar100" in first.found
    assert second.level is FINE
