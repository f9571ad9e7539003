"""Candidates and measures without a score: a clear error, and the server lives."""

import grpc
import numpy as np
import pytest
from bad_input import (
    INF,
    NAN,
    ROWS,
    check_alive,
    chunk,
    expect,
    good,
    header,
    register_reference,
    score_raw,
    spoiled,
    stream_raw,
    tensor,
)
from stream import catalog_stub, register_messages

import repscore
from repscore.v1 import (
    scoring_pb2,
    types_pb2,
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


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_non_finite_candidate(client, channel, value):
    array = spoiled(value)

    expect(lambda: client.score("ref", array), r"candidate.*", "3", "2")
    expect(
        lambda: stream_raw(channel, header(array.shape), chunk(array.tobytes())),
        r"candidate.*",
        "3",
        "2",
    )


def test_non_finite_in_a_narrow_type(client):
    expect(lambda: client.score("ref", spoiled(NAN).astype("f2")), r"candidate.*")


@pytest.mark.parametrize("shape", [(0, 3), (ROWS, 0), (0,), ()])
def test_empty_candidate(channel, shape):
    expect(lambda: score_raw(channel, tensor(shape)), r"candidate(\.spec)?\.shape.*")
    expect(lambda: stream_raw(channel, header(shape)), r"candidate(\.spec)?\.shape.*")


def test_one_row(client):
    expect(lambda: client.score("ref", good(1)), r"candidate.*", 1, ROWS)


@pytest.mark.parametrize("rows", [ROWS - 1, ROWS + 1, 2 * ROWS])
def test_row_counts_differ(client, channel, rows):
    array = good(rows)

    expect(lambda: client.score("ref", array), r"candidate.*", rows, ROWS)
    expect(
        lambda: stream_raw(channel, header(array.shape), chunk(array.tobytes())),
        r"candidate.*",
        rows,
        ROWS,
    )


@pytest.mark.parametrize("value", [0.0, 1.0, -7e5])
def test_constant_candidate(client, value):
    # Dynamics need time, sets of points the reference's features, components
    # fewer.
    client.register(
        "timed",
        good(ROWS).reshape(5, ROWS // 5, -1),
        axes=["time", "condition", "neuron"],
    )
    features = client.dataset("timed").features
    measures = [
        f"{measure.id}(components=2)"
        if any(parameter.name == "components" for parameter in measure.parameters)
        else measure.id
        for measure in client.measures()
    ]

    for measure in measures:
        expect(
            lambda measure=measure: client.score(
                "timed", np.full((ROWS, features), value), measure
            ),
            r"candidate.*",
            "candidate",
        )


def test_constant_candidate_with_rounding_noise(client):
    array = np.full((ROWS, 3), 1.0)
    array[::2] += 2e-16

    expect(lambda: client.score("ref", array), r"candidate.*")


@pytest.mark.parametrize(
    "shape",
    [
        (2**62, 4),
        (2**31, 2**31, 2**31),
        (2**40, 2**40),
        (-1, 4),
        (ROWS, -4),
        (-(2**63), 2),
    ],
)
def test_shapes_that_overflow(channel, shape):
    expect(lambda: score_raw(channel, tensor(shape)), r"candidate(\.spec)?\.shape.*")
    expect(lambda: stream_raw(channel, header(shape)), r"candidate(\.spec)?\.shape.*")
    expect(
        lambda: catalog_stub(channel).RegisterDataset(
            register_messages("overflow", b"", shape)
        ),
        r"(header\.)?spec\.shape.*",
    )


def test_too_many_dimensions(channel):
    shape = (2, 3, 5, 1)

    expect(
        lambda: score_raw(channel, tensor(shape, bytes(240))),
        r"candidate(\.spec)?\.shape.*",
    )


@pytest.mark.parametrize("missing", [1, 8, 100, -1, -8, -100])
def test_bytes_that_do_not_match_the_shape(channel, missing):
    data = good().tobytes()
    data = data[:-missing] if missing > 0 else data + bytes(-missing)

    expect(lambda: score_raw(channel, tensor((ROWS, 4), data)), r"candidate.*")
    expect(
        lambda: stream_raw(channel, header((ROWS, 4)), chunk(data)),
        r"(candidate|chunk).*",
    )
    expect(
        lambda: catalog_stub(channel).RegisterDataset(
            register_messages("short", data, (ROWS, 4))
        ),
        r"(header|chunk|spec|data).*",
    )


def test_unknown_element_types(channel):
    data = good().tobytes()

    for data_type in (types_pb2.DATA_TYPE_UNSPECIFIED, 99):
        expect(
            lambda data_type=data_type: score_raw(
                channel, tensor((ROWS, 4), data, data_type)
            ),
            r"candidate(\.spec)?\.data_type",
        )


def test_streams_out_of_order(channel):
    data = chunk(good().tobytes())

    expect(lambda: stream_raw(channel), r"header|payload")
    expect(lambda: stream_raw(channel, data), r"header|payload")
    expect(
        lambda: stream_raw(channel, header((ROWS, 4)), header((ROWS, 4)), data),
        r"header|payload|chunk",
    )
    expect(
        lambda: stream_raw(channel, scoring_pb2.StreamScoreRequest()),
        r"header|payload",
    )


def test_a_message_above_the_limit(client, channel):
    limit = client.info().max_message_bytes

    with pytest.raises(grpc.RpcError) as error:
        score_raw(channel, tensor((ROWS, 4), bytes(limit + 1)))
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("measure", "kind"),
    [
        ("nope", repscore.NotFound),
        ("", (repscore.InvalidInput, repscore.NotFound)),
        ("x" * 10_240, (repscore.InvalidInput, repscore.NotFound)),
        ("cka\0", (repscore.InvalidInput, repscore.NotFound)),
        ("cka(", repscore.InvalidInput),
        ("cka(nope=1)", repscore.InvalidInput),
        ("ridge_r2(lambda=-1)", repscore.InvalidInput),
        ("ridge_r2(lambda=nan)", repscore.InvalidInput),
        ("ridge_r2(lambda=x)", repscore.InvalidInput),
        ("ridge_r2(lambda=1,lambda=2)", repscore.InvalidInput),
        ("ridge_r2(folds=nope)", repscore.InvalidInput),
        ("ridge_r2(folds=rows_contiguous(0))", repscore.InvalidInput),
        ("ridge_r2(folds=rows_contiguous(1))", repscore.InvalidInput),
        (f"ridge_r2(folds=rows_contiguous({ROWS + 1}))", repscore.InvalidInput),
        ("ridge_r2(folds=explicit)", repscore.InvalidInput),
        ("ridge_r2(pooling=nope)", repscore.InvalidInput),
    ],
    ids=lambda value: ascii(value[:40]) if isinstance(value, str) else "",
)
def test_bad_measures(client, measure, kind):
    expect(
        lambda: client.score("ref", good(), ["cka", measure]),
        r"measures\[1\].*",
        kind=kind,
    )
    expect(
        lambda: client.optimize("ref", measure).result(),
        r"measure(\.id)?.*",
        kind=(repscore.InvalidInput, repscore.NotFound, repscore.RunFailed),
    )


def test_no_measure_and_too_many(client):
    expect(lambda: client.score("ref", good(), []), r"measures")
    expect(lambda: client.score("ref", good(), ["cka"] * 10_000), r"measures")


def test_debiased_needs_four_rows(client):
    client.register("three", good(3))

    expect(lambda: client.score("three", good(3) + 1, "cka.debiased"), r".*", "3", "4")


@pytest.mark.parametrize(
    "folds",
    [
        [[0, 1], [1, 2]],
        [[0, ROWS]],
        [[-1]],
        [[]],
        [list(range(ROWS))],
        [list(range(ROWS - 1))],
    ],
    ids=["overlap", "above", "negative", "empty", "everything", "one left"],
)
def test_bad_explicit_folds(client, folds):
    expect(
        lambda: client.score("ref", good(), "ridge_r2(folds=explicit)", folds=folds),
        r"measures\[0\].*",
    )


def test_garbage_on_the_wire(channel):
    for method in (
        "/repscore.v1.ScoringService/Score",
        "/repscore.v1.CatalogService/GetDataset",
        "/repscore.v1.RunsService/GetRun",
    ):
        call = channel.unary_unary(
            method, request_serializer=lambda b: b, response_deserializer=lambda b: b
        )
        with pytest.raises(grpc.RpcError):
            call(b"\xff" * 100)
    call = channel.unary_unary(
        "/repscore.v1.ScoringService/Nope",
        request_serializer=lambda b: b,
        response_deserializer=lambda b: b,
    )
    with pytest.raises(grpc.RpcError) as error:
        call(b"")
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_deadlines(server, client):
    # Minutes of work: no machine is through before the deadline.
    endless = repscore.Context(permutations=100_000)
    measures = ["nbs", "shape.angular", "shape.permutation", "svcca", "pwcca"]
    with (
        server.client(timeout=0.1, retry_for=0) as impatient,
        pytest.raises(repscore.TimedOut),
    ):
        impatient.score("ref", good(), measures, context=endless)

    # The lane is free again: the work stopped with its deadline.
    assert client.score("ref", good(), "cka")["cka"] > 0
