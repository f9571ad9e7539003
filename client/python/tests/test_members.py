"""Runs with several members: restarts, targets, snapshots, decoding."""

import numpy as np
import pytest

import repscore
from repscore.v1 import runs_pb2


def test_restarts_are_told_apart(server, client):
    server.members = 3

    run = client.optimize("m1", "cka", restarts=3)
    result = run.result()

    assert server.requests[-1].restarts == 3
    assert [member.seed for member in run.members] == [7, 8, 9]
    assert run.info.members == 3
    assert [point.member for point in result.trace[:4]] == [0, 1, 2, 0]
    assert [point.step for point in result.member_trace(1)] == [0, 1, 2, 3, 4]
    assert result.best.member == 2
    assert result.best.scores["cka(full=1)"] == pytest.approx(0.5)
    assert [member.steps for member in result.members] == [4, 5, 6]
    assert result.members[0].stop_reason == "plateau"
    assert set(result.columns()["member"]) == {0, 1, 2}
    assert set(result.columns(1)["member"]) == {1}


def test_thresholds_tell_what_was_never_reached(client):
    result = client.optimize("m1", "cka", components=2, decode=True).result()

    first, second = result.component_thresholds
    assert (first.midpoint_to_one, first.midpoint_to_max) == (0.25, 0.125)
    assert (second.midpoint_to_one, second.midpoint_to_max) == (None, None)
    assert second.variance_share == 0.25
    assert result.label_thresholds == {"context": None}


def test_labels_are_decoded_along_the_way(server, client):
    decoding = repscore.Decoding(
        ("context",), folds=3, seed=5, c=2.0, pool_time_bins=True, folds_of="session"
    )

    run = client.optimize("m1", "cka", decode=decoding, decode_every=2)
    result = run.result()

    sent = server.requests[-1].trace
    assert list(sent.decoding.labels) == ["context"]
    assert (sent.decoding.folds, sent.decoding.seed, sent.decoding.c) == (3, 5, 2.0)
    assert sent.decoding.pool_time_bins
    assert sent.decoding.folds_of == "session"
    assert sent.decode_every == 2
    assert run.labels["context"].reference_accuracy == 0.9
    assert run.variance_shares == (0.75, 0.25)
    assert result.trace[2].decoding == {"context": 0.5}
    assert result.trace[1].decoding == {}
    np.testing.assert_array_equal(
        result.columns()["accuracy context"], [0, np.nan, 0.5, np.nan, 1]
    )


def test_without_options_the_server_decides(server, client):
    client.optimize("m1", "cka").result()

    request = server.requests[-1]
    assert not request.HasField("restarts")
    assert not request.HasField("lbfgs")
    assert not request.trace.HasField("decoding")
    assert not request.adam.HasField("schedule")


def test_snapshots_are_fetched_as_arrays(server, client):
    server.snapshots = [0.5, 0.75]

    result = client.optimize("m1", "cka", snapshots=[0.5, 0.75]).result()

    assert list(server.requests[-1].trace.snapshot_scores) == [0.5, 0.75]
    assert [snapshot.threshold for snapshot in result.snapshots] == [0.5, 0.75]
    assert result.snapshots[0].shape == (3, 2)
    assert result.snapshots[0].score == 0.625
    for array in (result.snapshots[1], result.best, "runs/r1/members/0/candidate"):
        np.testing.assert_array_equal(client.run_array(array), server.candidate)
    assert server.requests[-3].name == "runs/r1/members/0/snapshots/0.75"


@pytest.mark.parametrize(
    ("schedule", "kind"),
    [
        (repscore.Constant(warmup=5), "constant"),
        (repscore.Cosine(100, 0.25, warmup=5), "cosine"),
        (repscore.Exponential(0.5, every=10, warmup=5), "exponential"),
    ],
)
def test_schedules(server, client, schedule, kind):
    client.optimize("m1", "cka", schedule=schedule).result()

    sent = server.requests[-1].adam.schedule
    assert sent.WhichOneof("decay") == kind
    assert sent.warmup_steps == 5
    if kind == "cosine":
        assert (sent.cosine.steps, sent.cosine.final_factor) == (100, 0.25)
    if kind == "exponential":
        assert (sent.exponential.factor, sent.exponential.every) == (0.5, 10)


def test_a_schedule_of_another_type_is_refused(client):
    with pytest.raises(TypeError, match="schedule="):
        client.optimize("m1", "cka", schedule=type("S", (), {"warmup": 1})())


def test_lbfgs_and_surrogate_start(server, client):
    lbfgs = repscore.Lbfgs(memory=7, initial_step=0.5, max_trials=9)
    client.optimize("m1", "cka", lbfgs=lbfgs, start="surrogate", seed=3).result()
    chosen = server.requests[-1]
    client.optimize("m1", "cka", lbfgs=True, start="datasets/surrogate").result()
    default = server.requests[-1]

    assert (chosen.lbfgs.memory, chosen.lbfgs.max_trials) == (7, 9)
    assert chosen.lbfgs.initial_step == 0.5
    assert chosen.start.surrogate.seed == 3
    assert default.HasField("lbfgs")
    assert not default.lbfgs.HasField("memory")
    assert default.start.dataset == "datasets/surrogate"


def test_one_target_has_a_value(server, client):
    client.joint_optimize("m1", targets={"cka": 0.75, "nbs": 0.5}).result()

    request = server.requests[-1]
    assert [term.target.value for term in request.terms] == [0.75, 0.5]
    assert request.WhichOneof("walk") is None


def test_several_targets_are_walked(server, client):
    targets = [{"cka": 0.25, "nbs": 0.5}, {"nbs": 0.75, "cka": 0.0}]

    client.joint_optimize("m1", targets=targets, maximize="linear_r2").result()

    request = server.requests[-1]
    assert [term.measure.id for term in request.terms] == ["linear_r2", "cka", "nbs"]
    points = [list(point.values) for point in request.targets.points]
    assert points == [[0.25, 0.5], [0.0, 0.75]]


def test_a_grid_of_targets(server, client):
    grid = repscore.Grid(("cka", "nbs"), 4, boundary=False, lowest=0.125, highest=0.875)

    client.joint_optimize("m1", grid=grid, lbfgs=True, device="cpu").result()
    chosen = server.requests[-1]
    client.joint_optimize("m1", grid=repscore.Grid(("cka", "nbs"))).result()
    default = server.requests[-1]

    assert [term.measure.id for term in chosen.terms] == ["cka", "nbs"]
    assert (chosen.grid.points_per_side, chosen.grid.boundary) == (4, False)
    assert (chosen.grid.lowest, chosen.grid.highest) == (0.125, 0.875)
    assert chosen.device == "cpu"
    assert chosen.HasField("lbfgs")
    assert default.grid.boundary
    assert not default.grid.HasField("points_per_side")


def test_targets_that_do_not_fit_together_are_refused(client):
    with pytest.raises(ValueError, match=r"targets\[1\]"):
        client.joint_optimize("m1", targets=[{"cka": 0.5}, {"nbs": 0.5}])
    with pytest.raises(ValueError, match="grid"):
        client.joint_optimize("m1", targets={"cka": 0.5}, grid=repscore.Grid(("cka",)))


def test_an_allowed_range(server, client):
    server.allowed_range = runs_pb2.AllowedRange(
        first_measure="cka",
        second_measure="nbs",
        first=[0.0, 1.0],
        second=[0.5, 1.0],
        area_share=0.25,
        coupling=runs_pb2.COUPLING_SECOND_IMPLIES_FIRST,
        first_given_high_second=0.75,
        unsettled=3,
        bounds=[
            runs_pb2.TheoreticalBound(formula="a <= b", first=[0, 1], second=[0, 1])
        ],
    )

    result = client.joint_optimize("m1", grid=repscore.Grid(("cka", "nbs"))).result()

    allowed = result.allowed_range
    assert allowed is not None
    assert allowed.coupling == "second_implies_first"
    assert (allowed.first, allowed.second) == ((0.0, 1.0), (0.5, 1.0))
    assert allowed.first_given_high_second == 0.75
    assert allowed.second_given_high_first is None
    assert allowed.bounds[0].formula == "a <= b"
    assert allowed.unsettled == 3
    assert client.optimize("m1", "cka").result().best.member == 0
