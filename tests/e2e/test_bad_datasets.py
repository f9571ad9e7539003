"""Registrations and names that cannot be: a clear error, and the server lives."""

import grpc
import numpy as np
import pytest
from bad_input import (
    INF,
    NAN,
    ROWS,
    check_alive,
    expect,
    good,
    register_reference,
    spoiled,
)
from stream import catalog_stub, register_messages

import repscore
from repscore.v1 import (
    catalog_pb2,
    runs_pb2,
    runs_pb2_grpc,
)


@pytest.fixture(scope="module", autouse=True)
def reference(server):
    register_reference(server)


@pytest.fixture(autouse=True)
def the_server_lives_on(server):
    yield from check_alive(server)


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server.address) as channel:
        yield channel


@pytest.mark.parametrize("value", [NAN, INF])
def test_non_finite_dataset(client, value):
    expect(
        lambda: client.register("spoiled", spoiled(value)),
        r"(header|chunk|data|dataset).*",
        "3",
        "2",
    )
    assert "spoiled" not in [dataset.id for dataset in client.datasets()]


def test_a_dataset_without_variance_or_with_one_row(client):
    for name, array in (("flat", np.ones((8, 3))), ("single", np.ones((1, 3)))):

        def use(name=name, array=array):
            client.register(name, array)
            client.score(name, good(len(array)))

        expect(use, r".+")


def test_wrong_checksum(client, channel):
    data = good().tobytes()
    error = expect(
        lambda: catalog_stub(channel).RegisterDataset(
            register_messages("checksum", data, (ROWS, 4), sha256="0" * 64)
        ),
        r"(header\.)?sha256|",
        kind=repscore.CorruptData,
    )

    assert error.field or "CHECKSUM" in error.reason
    assert "checksum" not in [dataset.id for dataset in client.datasets()]


@pytest.mark.parametrize("sha256", ["", "abc", "g" * 64, "0" * 63])
def test_malformed_checksum(channel, sha256):
    expect(
        lambda: catalog_stub(channel).RegisterDataset(
            register_messages("m", good().tobytes(), (ROWS, 4), sha256=sha256)
        ),
        r"(header\.)?sha256",
    )


NAMES = [
    "",
    "../etc/passwd",
    "a/../b",
    "a\0b",
    "UPPER",
    "has space",
    "line\nbreak",
    "-leading",
    ".hidden",
    "x" * 64,
    "x" * 10_240,
    "naïve",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:12]))
def test_bad_dataset_names(client, channel, name):
    expect(
        lambda: catalog_stub(channel).RegisterDataset(
            register_messages(name, good().tobytes(), (ROWS, 4))
        ),
        r"(header\.)?dataset_id",
    )
    for call in (client.dataset, client.delete):
        expect(
            lambda call=call: call(f"datasets/{name}"),
            r"name",
            kind=(repscore.InvalidInput, repscore.NotFound),
        )
    expect(
        lambda: client.score(f"datasets/{name}", good()),
        r"dataset",
        kind=(repscore.InvalidInput, repscore.NotFound),
    )


@pytest.mark.parametrize(
    "name",
    [
        "datasets/ref/versions/0",
        "datasets/ref/versions/x",
        "datasets/ref/versions/99999999999999999999",
        "datasets/ref/versions/7",
        "datasets/ref/",
        "datasets/ref/versions/1/more",
    ],
)
def test_bad_versions(client, name):
    expect(
        lambda: client.score(name, good()),
        r"dataset",
        kind=(repscore.InvalidInput, repscore.NotFound),
    )


def test_unknown_dataset(client):
    expect(
        lambda: client.score("nope", good()),
        r"dataset|",
        "nope",
        kind=repscore.NotFound,
    )


def test_descriptions_that_do_not_fit(client):
    array = np.random.default_rng(0).normal(size=(2, 4, 3))
    cases = [
        ({"labels": {"target": range(5)}}, r"(header\.)?labels\[0\].*"),
        ({"groups": {"session": range(3)}}, r"(header\.)?groups\[0\].*"),
        ({"labels": {"": range(4)}}, r"(header\.)?labels\[0\].*"),
        ({"axes": ["sample", "feature"]}, r"(header\.)?axes.*"),
        ({"axes": ["time", "feature", "condition"]}, r"(header\.)?axes.*"),
        ({"time_ms": [0.0, 1.0, 2.0]}, r"(header\.)?axes\[0\].*"),
        ({"description": "x" * 1_000_000}, r"(header\.)?metadata.*"),
        ({"metadata": {"k": "nul\0"}}, r"(header\.)?metadata.*"),
    ]

    for options, field in cases:
        expect(
            lambda options=options: client.register("description", array, **options),
            field,
        )


def test_bad_pages(channel):
    stub = catalog_stub(channel)

    expect(
        lambda: stub.ListDatasets(catalog_pb2.ListDatasetsRequest(page_size=-1)),
        r"page_size",
    )
    expect(
        lambda: stub.ListDatasets(catalog_pb2.ListDatasetsRequest(page_token="x!")),
        r"page_token",
    )
    expect(
        lambda: runs_pb2_grpc.RunsServiceStub(channel).ListRuns(
            runs_pb2.ListRunsRequest(page_token="x!")
        ),
        r"page_token",
    )
