"""The wait for the machines of a Ray cluster."""

import pytest

from runners.on_ray import nodes_joined


@pytest.fixture
def cluster(monkeypatch):
    """A cluster that node2 joins at the third look; the waits take no time."""
    names, looks = ["node1"], []

    def nodes():
        looks.append(1)
        if len(looks) == 3:
            names.append("node2")
        dead = {"NodeName": "node3", "Alive": False}
        return [*({"NodeName": name, "Alive": True} for name in names), dead]

    refusals = ["Connection refused", None]
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.10:6379")
    monkeypatch.setattr(nodes_joined, "no_answer", lambda address: refusals.pop(0))
    monkeypatch.setattr(nodes_joined.ray, "init", lambda **options: None)
    monkeypatch.setattr(nodes_joined.ray, "nodes", nodes)
    monkeypatch.setattr(nodes_joined, "SECONDS_BETWEEN_LOOKS", 0)
    return looks


def test_it_waits_until_all_have_joined(cluster):
    assert nodes_joined.absent(["node1", "node2"]) == []
    assert len(cluster) == 3


def test_those_that_do_not_join_are_named(cluster, monkeypatch):
    monkeypatch.setattr(nodes_joined, "SECONDS_TO_JOIN", 0.2)
    monkeypatch.setattr("sys.argv", ["nodes_joined", "node1", "node2", "node3"])
    with pytest.raises(SystemExit) as stop:
        nodes_joined.main()
    assert "Ray has not started on node3 within 0 s" in str(stop.value)
