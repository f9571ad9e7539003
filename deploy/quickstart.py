"""The main job on real input: score candidates, optimise, optimise jointly.

Run by deploy/quickstart, which starts the server. By default the reference is
a hidden layer of a network trained on scikit-learn's bundled images of digits.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import repscore

# One or two of every family, defined for any two arrays with matching rows;
# `repscore measures` lists all there are.
SCORED = (
    "cka",
    "cka.debiased",
    "cka.rbf",
    "dcor",
    "nbs",
    "procrustes.angular_score",
    "svcca",
    "rcca",
    "linear_r2",
    "ridge_r2",
    "rsa",
    "rsa(compare=spearman)",
    "knn.mutual",
    "gulp",
    "ensd",
)
SHOWN_COMPONENTS = 5
TRACED = ("cka", "procrustes.angular_score")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default=None, help="address of the server")
    parser.add_argument("--output", type=Path, default=Path("build/quickstart"))
    parser.add_argument("--reference", metavar="FILE[:KEY]")
    parser.add_argument(
        "--activations", metavar="NAME=FILE[:KEY]", nargs="+", action="extend"
    )
    arguments = parser.parse_args()
    if bool(arguments.reference) != bool(arguments.activations):
        parser.error("--reference and --activations go together")
    return arguments


def load(path: str) -> np.ndarray:
    """An array of an .npy file, or of an .npz file by key."""
    file, _, key = path.partition(".npz:")
    if key:
        return np.load(file + ".npz")[key]
    loaded = np.load(path)
    if isinstance(loaded, np.lib.npyio.NpzFile):
        if len(loaded.files) != 1:
            raise SystemExit(f"{path} holds {', '.join(loaded.files)}: add :KEY")
        return loaded[loaded.files[0]]
    return loaded


def hidden_layers(network, inputs: np.ndarray) -> list[np.ndarray]:
    """Responses [images x units] of every hidden layer of a ReLU network."""
    layers = []
    response = inputs
    for weights, bias in zip(network.coefs_[:-1], network.intercepts_[:-1]):
        response = np.maximum(response @ weights + bias, 0)
        layers.append(response)
    return layers


def digit_networks() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Reference, labels and candidates: networks that read handwritten digits."""
    import warnings

    from sklearn.datasets import load_digits
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    digits = load_digits()
    images = digits.data / 16.0

    def network(seed: int, layers: tuple[int, ...], trained: bool = True):
        model = MLPClassifier(layers, max_iter=30, random_state=seed)
        if not trained:
            model.learning_rate_init = 1e-9
            model.max_iter = 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(images, digits.target)

    first, second = network(0, (64, 32)), network(1, (64, 32))
    reference, deeper = hidden_layers(first, images)
    candidates = {
        "layer 2": deeper,
        "other seed": hidden_layers(second, images)[0],
        "its layer 2": hidden_layers(second, images)[1],
        "one wide layer": hidden_layers(network(2, (200,)), images)[0],
        "untrained": hidden_layers(network(3, (64, 32), trained=False), images)[0],
        "pixels": images,
    }
    accuracy = first.score(images, digits.target)
    print(f"trained on {len(images)} images of digits (accuracy {accuracy:.2f})")
    return reference, digits.target, candidates


def print_scores(table: repscore.ScoreTable) -> None:
    """One line per measure, one column per candidate."""
    names = list(table)
    measures = list(table[names[0]])
    width = max(map(len, measures))
    columns = [max(len(name), 8) for name in names]
    print(" " * width, *(f"{n:>{w}}" for n, w in zip(names, columns)), sep="  ")
    for measure in measures:
        cells = (f"{table[n][measure]:{w}.4f}" for n, w in zip(names, columns))
        print(f"{measure:<{width}}", *cells, sep="  ")
    reasons = {
        warning.message
        for scores in table.values()
        for warnings in scores.warnings.values()
        for warning in warnings
    }
    for reason in sorted(reasons):
        print("note:", reason)


def show_trace(run: repscore.Run, width: int = 40) -> repscore.RunResult:
    """Prints trace lines as they arrive, at steps that grow by half."""
    following = 0.0
    shown = -1
    for point in run:
        if point.step >= following:
            print_point(point, width)
            shown = point.step
            following = max(point.step + 1, point.step * 1.5)
    result = run.result()
    if result.trace[-1].step > shown:
        print_point(result.trace[-1], width)
    print(f"  {result.stop_reason.replace('_', ' ')} after {result.steps} steps")
    return result


def print_point(point: repscore.TracePoint, width: int) -> None:
    """One line: step, values, a bar, R2 of the leading components."""
    values = "  ".join(f"{value:.4f}" for value in point.scores.values())
    bar = "#" * round(width * min(max(point.score, 0.0), 1.0))
    components = " ".join(f"{r2:.2f}" for r2 in point.component_r2)
    print(
        f"  step {point.step:4d}  {values}  |{bar:<{width}}|  PC R2 {components}",
        flush=True,
    )


def plot(
    path: Path,
    results: dict[str, repscore.RunResult],
    joint: repscore.RunResult,
    targets: dict[str, float],
) -> None:
    """Score by step, captured components by score, and the joint path."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2 + len(results), figsize=(16, 4))
    for measure, result in results.items():
        axes[0].plot([p.score for p in result.trace], label=measure)
    axes[0].set(xlabel="Adam step", ylabel="score", title="Noise becomes similar")
    axes[0].legend()
    for axis, (measure, result) in zip(axes[1:], results.items()):
        captured = np.array([p.component_r2 for p in result.trace])
        scores = [p.score for p in result.trace]
        for index in range(captured.shape[1]):
            axis.plot(scores, captured[:, index], label=f"PC {index + 1}")
        axis.set(xlabel=measure, ylabel="R2", title="Components captured")
        axis.set_ylim(-0.05, 1.05)
        axis.legend()
    path_values = np.array([list(p.scores.values()) for p in joint.trace])
    axes[-1].plot(path_values[:, 0], path_values[:, 1], ".-", label="path")
    axes[-1].plot(*targets.values(), "x", markersize=10, label="target")
    first, second = targets
    axes[-1].set(xlabel=first, ylabel=second, title="Two goals at once")
    axes[-1].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Runs the main job and shows what came of it."""
    arguments = parse_arguments()
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    labels = None
    if arguments.reference:
        reference = load(arguments.reference)
        candidates = {}
        for item in arguments.activations:
            name, _, file = item.rpartition("=")
            candidates[name or Path(file).stem] = load(file)
    else:
        reference, digits, candidates = digit_networks()
        labels = {"digit": digits}

    with repscore.Client(arguments.server) as client:
        info = client.info()
        print(f"repscored {info.version} on {', '.join(info.devices)}")
        dataset = client.register(
            "quickstart", reference, labels=labels, description="quickstart"
        )
        print(
            f"registered {dataset.name}: {dataset.rows} rows, {dataset.features} units"
        )

        start = time.perf_counter()
        table = client.score(dataset, candidates, SCORED)
        elapsed = time.perf_counter() - start
        print(
            f"\n{len(candidates)} candidates x {len(SCORED)} measures"
            f" in {elapsed:.2f} s\n"
        )
        print_scores(table)

        results = {}
        for measure in TRACED:
            print(f"\nGaussian noise towards the reference under {measure}:")
            run = client.optimize(
                dataset, measure, stop_score=0.95, components=SHOWN_COMPONENTS
            )
            results[measure] = show_trace(run)
            results[measure].to_csv(output / f"trace-{measure}.csv")

        targets = dict(zip(TRACED, (0.8, 0.6)))
        goals = ", ".join(f"{key} = {value}" for key, value in targets.items())
        print(f"\nBoth at once, to {goals}:")
        run = client.joint_optimize(
            dataset,
            targets=targets,
            components=SHOWN_COMPONENTS,
            goal_tolerance=0.005,
            learning_rate=0.02,
        )
        joint = show_trace(run)
        joint.to_csv(output / "trace-joint.csv")

    plot(output / "quickstart.png", results, joint, targets)
    np.save(output / "optimised.npy", results[TRACED[0]].candidate)
    print("\nplot:   ", output / "quickstart.png")
    print("traces: ", ", ".join(str(p) for p in sorted(output.glob("trace-*.csv"))))
    print("data:   ", output / "optimised.npy", "(optimised with", TRACED[0] + ")")


if __name__ == "__main__":
    main()
