"""Every argument of the Python client, given to a real server.

A table per method: what is given, and what must be true of the answer. A last
test holds the tables to the methods' signatures.
"""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

import repscore

TIMES, CONDITIONS, FEATURES = 3, 24, 6
ROWS = TIMES * CONDITIONS
MEASURE = "cka"
# Left out where a test of this file gives it already.
GIVEN = {"dataset", "measure", "activations", "candidate"}


@pytest.fixture(scope="module", autouse=True)
def registered(server):
    random = np.random.default_rng(11)
    labels = ["a", "b"] * (CONDITIONS // 2)
    array = random.normal(size=(TIMES, CONDITIONS, FEATURES))
    array[:, ::2, 0] += 3
    with server.client() as client:
        client.register(
            "options",
            array,
            labels={"side": labels, "session": ["x"] * 12 + ["y"] * 12},
            groups={"day": [str(i % 12) for i in range(CONDITIONS)]},
            time_ms=[0.0, 10.0, 20.0],
            row_ids=[f"c{i}" for i in range(CONDITIONS)],
            display_name="Options",
            description="Made for a test.",
            citation="None.",
            metadata={"species": "none"},
        )


def candidate(seed=1):
    return np.random.default_rng(seed).normal(size=(TIMES, CONDITIONS, FEATURES))


def steps(result):
    return [point.step for point in result.trace]


def is_finite(result):
    return all(map(math.isfinite, result.trace[-1].scores.values()))


# Of optimize and joint_optimize alike: (arguments, what must hold).
STEPPING = [
    ({"seed": 7}, is_finite),
    (
        {"start": candidate()},
        lambda r: r.candidate.shape == (ROWS, FEATURES),
    ),
    ({"start": "surrogate"}, is_finite),
    ({"features": 4}, lambda r: r.candidate.shape == (ROWS, 4)),
    ({"learning_rate": 0.01}, is_finite),
    ({"betas": (0.8, 0.99)}, is_finite),
    ({"schedule": repscore.Constant(warmup=2)}, is_finite),
    ({"schedule": repscore.Cosine(20, final_factor=0.1, warmup=1)}, is_finite),
    ({"schedule": repscore.Exponential(0.9, every=2)}, is_finite),
    ({"lbfgs": True}, is_finite),
    (
        {"lbfgs": repscore.Lbfgs(memory=3, initial_step=0.5, max_trials=9)},
        is_finite,
    ),
    ({"max_steps": 3}, lambda r: r.trace[-1].step <= 3),
    ({"max_time": 30.0}, is_finite),
    ({"plateau": (2, 1e-3)}, is_finite),
    ({"every": 2}, lambda r: all(step % 2 == 0 for step in steps(r)[:-1])),
    ({"track": ["nbs"]}, lambda r: 0 < next(iter(r.trace[-1].tracked.values())) < 1),
    ({"components": 2}, lambda r: len(r.trace[-1].component_r2) == 2),
    ({"decode": True}, lambda r: set(r.trace[-1].decoding) == {"side", "session"}),
    (
        {"decode": repscore.Decoding(labels=("side",), folds=3, seed=2, c=0.5)},
        lambda r: set(r.trace[-1].decoding) == {"side"},
    ),
    (
        {"decode": True, "decode_every": 2},
        lambda r: not r.trace[1].decoding and r.trace[2].decoding,
    ),
    ({"precision": "float64"}, is_finite),
    ({"precision": "mixed_tf32"}, is_finite),
    ({"detach": True}, is_finite),
    ({"return_candidate": False}, lambda r: r.candidate is None),
    ({"device": "cpu"}, is_finite),
]

OPTIMIZE = [
    *STEPPING,
    ({"restarts": 3}, lambda r: len(r.members) == 3),
    ({"stop_score": 0.5}, lambda r: r.trace[-1].score > 0.5),
    ({"snapshots": [0.3]}, lambda r: r.snapshots[0].score >= 0.3),
    (
        {"measure": "ridge_r2(folds=explicit)", "folds": [range(36), range(36, ROWS)]},
        is_finite,
    ),
]

JOINT = [
    *STEPPING,
    ({"targets": {"cka": 0.4}}, lambda r: r.verdicts[0].measure == "cka"),
    ({"floors": {"nbs": 0.5}}, lambda r: r.verdicts[-1].measure == "nbs"),
    ({"weights": {"cka": 2.0}}, is_finite),
    ({"targets": {"cka": 0.4}, "target_loss": "squared"}, is_finite),
    ({"moves": "both"}, is_finite),
    ({"targets": {"cka": 0.3}, "goal_tolerance": 0.2}, is_finite),
    (
        {
            "maximize": (),
            "grid": repscore.Grid(("cka", "nbs"), 2, lowest=0.2, highest=0.8),
        },
        lambda r: len(r.members) == 4,
    ),
    (
        {
            "maximize": "ridge_r2(folds=explicit)",
            "folds": [range(36), range(36, ROWS)],
        },
        is_finite,
    ),
]

SCORE = [
    ({"measures": ["cka", "nbs"]}, lambda s: len(s) == 2),
    (
        {"measures": "ridge_r2(folds=explicit)", "folds": [range(36), range(36, ROWS)]},
        lambda s: len(s) == 1,
    ),
    ({"row_ids": [f"c{i}" for i in range(CONDITIONS)]}, lambda s: "cka" in s),
    ({"device": "cpu"}, lambda s: "cka" in s),
    *(
        (
            {"context": repscore.Context(**fields)},
            lambda s, part=part: getattr(s["cka"].context, part) not in (None, ()),
        )
        for part, fields in (
            # There are no repetitions, which a note says.
            ("notes", {"ceiling_splits": 3, "seed": 4}),
            ("ceiling", {"supplied_ceiling": 0.9}),
            (
                "ceiled",
                {"supplied_ceiling": 0.9, "normalization": "r/c", "clip": True},
            ),
            ("interval", {"bootstrap": 20, "confidence": 0.8}),
            ("interval", {"bootstrap": 20, "group": "day"}),
            ("null", {"permutations": 20}),
            ("baseline", {"baseline": True}),
            ("companion", {"companion": True}),
        )
    ),
    # A reading of the runs above where they are there, else a note.
    (
        {"context": repscore.Context(calibration=True)},
        lambda s: s["cka"].context.calibration or s["cka"].context.notes,
    ),
]

DECODE = [
    (
        {"decoding": repscore.Decoding(labels=("side",), folds_of="session")},
        lambda d: set(d) == {"side"},
    ),
    (
        {"decoding": repscore.Decoding(labels=("side",), pool_time_bins=True)},
        lambda d: len(d["side"].bins) == 1,
    ),
    ({"components": [1, 2]}, lambda d: len(d["side"].component_accuracy) == 2),
    ({"repeats": 2}, lambda d: d["side"].sd >= 0),
    ({"device": "cpu"}, lambda d: 0 <= d["side"].accuracy <= 1),
]

BASELINES = [
    ({"measures": ["cka", "nbs"]}, lambda b: len(b) == 2),
    ({"kinds": ["noise"]}, lambda b: set(b["cka"]) == {"noise"}),
    ({"draws": 2}, lambda b: "noise" in b["cka"]),
    ({"seed": 5}, lambda b: "noise" in b["cka"]),
    ({"device": "cpu"}, lambda b: "noise" in b["cka"]),
]

PERTURB = [
    ({"measures": ["cka", "nbs"]}, lambda p: len(p) == 2),
    ({"components": 2}, lambda p: len(p["cka"]) == 2),
    ({"draws": 2}, lambda p: len(p["cka"]) == FEATURES),
    ({"seed": 3}, lambda p: len(p["cka"]) == FEATURES),
    ({"device": "cpu"}, lambda p: len(p["cka"]) == FEATURES),
]


def names(table):
    return ["+".join(arguments) for arguments, _ in table]


def cases(table):
    return pytest.mark.parametrize(
        ("arguments", "holds"),
        table,
        ids=[f"{i}-{name}" for i, name in enumerate(names(table))],
    )


@cases(OPTIMIZE)
def test_optimize(client, arguments, holds):
    measure = arguments.get("measure", MEASURE)
    rest = {k: v for k, v in arguments.items() if k != "measure"}

    result = client.optimize("options", measure, **{"max_steps": 8, **rest}).result()

    assert is_finite(result)
    assert holds(result)


@cases(JOINT)
def test_joint_optimize(client, arguments, holds):
    goals = {"maximize", "targets", "grid"} & set(arguments)
    base = {"max_steps": 8, **({} if goals else {"maximize": MEASURE})}

    result = client.joint_optimize("options", **{**base, **arguments}).result()

    assert is_finite(result)
    assert holds(result)


@cases(SCORE)
def test_score(client, arguments, holds):
    assert holds(client.score("options", candidate(), **arguments))


@cases(DECODE)
def test_decode(client, arguments, holds):
    assert holds(client.decode("options", candidate(), **arguments))


@cases(BASELINES)
def test_baselines(client, arguments, holds):
    assert holds(client.baselines("options", **arguments))


@cases(PERTURB)
def test_perturb_components(client, arguments, holds):
    assert holds(client.perturb_components("options", **arguments))


def test_what_was_registered_is_described(client):
    dataset = client.dataset("options")

    assert dataset.display_name == "Options"
    assert dataset.description == "Made for a test."
    assert dataset.citation == "None."
    assert dataset.metadata == {"species": "none"}
    assert dataset.features == FEATURES


@pytest.mark.parametrize(
    ("method", "table"),
    [
        ("optimize", OPTIMIZE),
        ("joint_optimize", JOINT),
        ("score", SCORE),
        ("decode", DECODE),
        ("baselines", BASELINES),
        ("perturb_components", PERTURB),
    ],
)
def test_the_tables_give_every_argument(method, table):
    signature = inspect.signature(getattr(repscore.Client, method))
    arguments = set(signature.parameters) - {"self"} - GIVEN

    given = {name for entry, _ in table for name in entry}

    assert (
        arguments - given - ({"maximize"} if method == "joint_optimize" else set())
        == set()
    )
