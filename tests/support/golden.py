"""The golden pair G0 and its published or independently computed scores."""

from __future__ import annotations

import numpy as np


def pair() -> tuple[np.ndarray, np.ndarray]:
    """A0 and B0 [30 x 25]: NumPy's legacy generator with seed 0, row-major."""
    state = np.random.RandomState(0)
    return state.rand(30, 25), state.rand(30, 25)


# Candidate B0, reference A0.
SCORES = {
    "cka": 0.4893427391044152,
    "cka.angular": 1.0594603937845424,
    "cka.angular_score": 0.3255265652764166,
    "cka.debiased": 0.0235986985805570,
    "nbs": 0.7227787175993364,
    "procrustes.angle": 0.7629815799340968,
    "procrustes.angular_score": 0.5142708402616978,
    "linear_r2": 0.8634248158677452,
}
LINEAR_R2_REVERSED = 0.8639582977842288

RIDGE_LAMBDAS = (1, 10, 100, 1000)

# By lambda.
RIDGE_IN_SAMPLE = (
    0.6465756766638615,
    0.2681240306298047,
    0.0412891530669315,
    0.0043738126950245,
)

# By denominator and pooling, then by lambda: contiguous rows, five folds.
RIDGE_FIVE_FOLDS = {
    ("train_mean", "mean_of_folds"): (
        -0.3379418883424133,
        -0.0143820670562715,
        0.0007478131237449,
        0.0001119409059650,
    ),
    ("validation_mean", "mean_of_folds"): (
        -0.6293086597729878,
        -0.2355119865188967,
        -0.2170027650954953,
        -0.2177594914037060,
    ),
    ("validation_mean", "pooled"): (
        -0.4306624214720229,
        -0.0844135680054168,
        -0.0676212842291182,
        -0.0682057535139176,
    ),
}

# Scores after so many Adam steps: candidate starts at B0, reference A0.
ADAM_STEPS = (0, 1, 2, 3, 5, 10, 15, 20, 30, 50)
ADAM = {
    "cka": (
        0.4893427391044,
        0.7441784386569,
        0.8765625514604,
        0.9338387231828,
        0.9617635589453,
        0.9746820620788,
        0.9875179755119,
        0.9916471636051,
        0.9968882529340,
        0.9993832250129,
    ),
    "ridge_r2(lambda=1,folds=none)": (
        0.6465756766639,
        0.8547226651359,
        0.9275187708068,
        0.9551401526317,
        0.9745590893117,
        0.9889111423893,
        0.9937635315559,
        0.9956508747825,
        0.9973745077479,
        0.9986551483490,
    ),
    "procrustes.angular_score": (
        0.5142708402617,
        0.6770582409624,
        0.8013982879325,
        0.8794865971334,
        0.9217652329184,
        0.9430710972024,
        0.9694033734317,
        0.9814330543775,
        0.9901408870304,
        0.9963279535769,
    ),
    "cka.debiased": (
        0.0235986985806,
        0.4971031850858,
        0.7470474494715,
        0.8561316998487,
        0.9204752305070,
        0.9462852191241,
        0.9725759950779,
        0.9814974525074,
        0.9908833561926,
        0.9969100616521,
    ),
    "ridge_r2(lambda=1,folds=rows_contiguous(5))": (
        -0.3379418883424,
        0.2506859092380,
        0.4769875442141,
        0.5657763901047,
        0.6530350825092,
        0.7675459910586,
        0.8247231112378,
        0.8519216373769,
        0.8819762291319,
        0.9020477878659,
    ),
}


def brain_score_set() -> tuple[np.ndarray, np.ndarray]:
    """Set L: candidate X [120 x 40] and reference Y [120 x 10] from a 64-bit LCG."""

    def draws(seed: int, rows: int, columns: int) -> np.ndarray:
        values = np.empty(rows * columns)
        state = seed
        for index in range(values.size):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            values[index] = (state >> 11) / 2**53 - 0.5
        return values.reshape(rows, columns)

    x, e = draws(1, 120, 40), draws(2, 120, 10)
    targets = np.arange(10)
    return x, x[:, targets] + 0.5 * x[:, (targets + 1) % 40] + 0.3 * e
