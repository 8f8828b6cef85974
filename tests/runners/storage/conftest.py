"""An S3 server on this machine (moto's), with a bucket."""

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest
from patience import PATIENCE, until


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of the server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    line = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{address}/moto-api/", timeout=5):
                return True
        except OSError:
            return False

    try:
        until(answers)
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket, which this process and its children can reach."""
    for name, value in (
        ("AWS_ENDPOINT_URL", s3_server),
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(
        urllib.request.Request(f"{s3_server}/moto-api/reset", method="POST"), timeout=PATIENCE
    ).close()
    made = urllib.request.Request(f"{s3_server}/results-of-all", method="PUT")
    made.add_header("Host", s3_server.removeprefix("http://"))
    urllib.request.urlopen(made, timeout=PATIENCE).close()
    return "s3://results-of-all"
