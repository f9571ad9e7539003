"""Datasets from registration to deletion."""

import numpy as np
import pytest

import repscore

X = np.arange(24.0).reshape(2, 4, 3) ** 2


def test_what_was_registered_comes_back(client):
    dataset = client.register(
        "full",
        X,
        time_ms=[-50.0, 0.0],
        labels={"target": range(4)},
        groups={"session": list("aabb")},
        display_name="A recording",
        description="Two times, four conditions",
        citation="Someone 2020",
        metadata={"area": "M1"},
    )

    assert client.dataset("full") == dataset
    assert dataset.name == "datasets/full/versions/1"
    assert (dataset.rows, dataset.features) == (8, 3)
    assert dataset.shape == (2, 4, 3)
    assert dataset.axes[0] == repscore.Axis("time", 2, (-50.0, 0.0), "ms")
    assert [axis.kind for axis in dataset.axes] == ["time", "condition", "feature"]
    assert dataset.labels == {"target": ("0", "1", "2", "3")}
    assert dataset.groups == {"session": ("a", "a", "b", "b")}
    assert dataset.display_name == "A recording"
    assert dataset.citation == "Someone 2020"
    assert dataset.metadata == {"area": "M1"}
    assert len(dataset.digest) == 64
    assert dataset.create_time is not None


def test_the_same_content_is_found_again_and_other_content_is_a_new_version(client):
    first = client.register("versions", X)
    again = client.register("versions", X)
    other = client.register("versions", X + 1)

    assert again.already_registered
    assert again.name == first.name
    assert other.name == "datasets/versions/versions/2"
    assert other.digest != first.digest
    assert client.dataset("versions").version == 2
    assert client.dataset(first).version == 1
    candidate = np.random.default_rng(0).normal(size=(8, 2))
    old = client.score(first, candidate)
    new = client.score("versions", candidate)
    assert old.provenance.dataset_version.endswith("/1")
    assert new.provenance.dataset_version.endswith("/2")


def test_delete_one_version_or_all(client):
    first = client.register("gone", X)
    client.register("gone", X + 1)

    client.delete(first)
    with pytest.raises(repscore.NotFound):
        client.dataset(first)
    assert client.dataset("gone").version == 2
    client.delete("gone")
    with pytest.raises(repscore.NotFound):
        client.dataset("gone")
    with pytest.raises(repscore.NotFound):
        client.delete("gone")
    assert "gone" not in [dataset.id for dataset in client.datasets()]


def test_lists_have_pages(client):
    for index in range(7):
        client.register(f"page-{index}", X + index)

    names = [dataset.id for dataset in client.datasets()]

    assert [name for name in names if name.startswith("page-")] == [
        f"page-{index}" for index in range(7)
    ]
    assert names == sorted(names)


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
)
def test_every_element_type_is_stored(client, dtype):
    array = (np.arange(40).reshape(8, 5) % 7 > np.arange(5)).astype(dtype)
    candidate = np.random.default_rng(0).normal(size=(8, 3))

    dataset = client.register(f"dtype-{np.dtype(dtype).name}", array)
    client.register("as-float64", array.astype(np.float64))

    assert dataset.dtype == np.dtype(dtype).name
    assert client.score(dataset, candidate)["cka"] == pytest.approx(
        client.score("as-float64", candidate)["cka"], abs=1e-12
    )


def test_one_dimension_is_one_unit(client):
    dataset = client.register("vector", np.arange(8.0))

    assert (dataset.rows, dataset.features) == (8, 1)
    assert client.score("vector", np.arange(8.0))["cka"] == pytest.approx(1)


def test_a_dataset_larger_than_one_message(client):
    array = np.random.default_rng(0).normal(size=(3000, 500))

    dataset = client.register("large", array)
    scores = client.score("large", array, "cka")

    assert dataset.rows == 3000
    assert scores["cka"] == pytest.approx(1, abs=1e-12)


def test_the_server_describes_itself(client):
    info = client.info()
    measures = {measure.id: measure for measure in client.measures()}

    assert info.version
    assert info.lanes >= 1
    assert info.max_message_bytes >= 1 << 20
    assert {"cka", "cka.angular", "cka.angular_score", "cka.debiased"} <= set(measures)
    assert {"nbs", "procrustes.angle", "procrustes.angular_score"} <= set(measures)
    assert {"linear_r2", "ridge_r2"} <= set(measures)
    assert measures["cka.angular"].orientation == "distance"
    assert measures["cka.angular"].metric
    assert measures["ridge_r2"].lowest == -np.inf
    assert {"lambda", "folds"} <= {p.name for p in measures["ridge_r2"].parameters}
    assert all(measure.source for measure in measures.values())
