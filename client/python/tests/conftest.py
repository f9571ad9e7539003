import pytest
from fake_server import FakeServer

import repscore


@pytest.fixture
def server():
    server = FakeServer()
    yield server
    server.stop()


@pytest.fixture
def client(server):
    with repscore.Client(server.address, retry_for=2.0, reconnect_for=5.0) as client:
        yield client
