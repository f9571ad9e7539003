"""Steps of Adam in PyTorch on the GPU, for the figures of gpu_bench.

Every objective twice: as it is written down (autograd through n x n kernels, a
solve per fold) and as somebody who knows would write it (feature space, what is
fixed computed once, folds batched, a polar factor in place of the derivative of
an SVD, a fused optimiser). TF32 is off in both. Exit status 3 without a GPU or
without PyTorch.

    python3 gpu_compare.py [--quick] [--seconds 1] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import torch
except ImportError:
    torch = None

NO_DEVICE = 3
SHAPES = [(300, 100, 100), (2000, 200, 200), (5000, 500, 500), (3200, 4096, 168)]
QUICK = SHAPES[:2]
RESTARTS = 64
# Shapes whose restarts are taken side by side.
MOST_RESTARTED_ROWS = 2000
FOLDS = 5
LAMBDA = 100.0
MOST_REPETITIONS = 50
# An n x n autograd graph of the largest shapes is left out beyond this.
LARGEST_KERNEL = 6000


def median_ms(call: Callable[[], object], seconds: float) -> float:
    """Median milliseconds of a call with what it has enqueued."""

    def once() -> float:
        before = time.perf_counter()
        call()
        torch.cuda.synchronize()
        return time.perf_counter() - before

    for _ in range(3):
        once()
    times: list[float] = []
    while len(times) < 3 or (sum(times) < seconds and len(times) < MOST_REPETITIONS):
        times.append(once())
    return 1000 * statistics.median(times)


def centred(a: Any) -> Any:
    return a - a.mean(dim=-2, keepdim=True)


class NuclearNorm:
    """The nuclear norm with its polar factor as the derivative."""

    @staticmethod
    def function() -> Any:
        class Function(torch.autograd.Function):
            @staticmethod
            def forward(context: Any, a: Any) -> Any:
                u, s, vh = torch.linalg.svd(a, full_matrices=False)
                context.save_for_backward(u @ vh)
                return s.sum(dim=-1)

            @staticmethod
            def backward(context: Any, gradient: Any) -> Any:
                (polar,) = context.saved_tensors
                return gradient[..., None, None] * polar

        return Function.apply


class Plain:
    """Objectives as they are written down."""

    def __init__(self, y: Any) -> None:
        self.y = y
        n = y.shape[0]
        self.h = (
            torch.eye(n, device=y.device, dtype=y.dtype) - torch.ones_like(y[:, :1]) / n
        )

    def cka(self, x: Any) -> Any:
        k = self.h @ (x @ x.T) @ self.h
        other = self.h @ (self.y @ self.y.T) @ self.h
        return (k * other).sum() / (k.norm() * other.norm())

    def nbs(self, x: Any) -> Any:
        x, y = centred(x), centred(self.y)
        return torch.linalg.svdvals(x.T @ y).sum() / (x.norm() * y.norm())

    def ridge(self, x: Any) -> Any:
        scores = []
        rows = torch.arange(x.shape[0], device=x.device)
        for test in torch.tensor_split(rows, FOLDS):
            train = torch.ones_like(rows, dtype=torch.bool)
            train[test] = False
            a, b = x[train], self.y[train]
            mean_a, mean_b = a.mean(dim=0), b.mean(dim=0)
            a, b = a - mean_a, b - mean_b
            gram = a.T @ a + LAMBDA * torch.eye(
                a.shape[1], device=x.device, dtype=x.dtype
            )
            weights = torch.linalg.solve(gram, a.T @ b)
            rest = self.y[test] - mean_b
            error = rest - (x[test] - mean_a) @ weights
            scores.append(1 - (error**2).sum() / (rest**2).sum())
        return torch.stack(scores).mean()


class Careful:
    """The same numbers with the work that is not needed left out.

    Of one candidate [n x p], or of many at once [restarts x n x p].
    """

    def __init__(self, y: Any) -> None:
        self.y = centred(y)
        self.raw = y
        self.norm = self.y.norm()
        self.gram_norm = (self.y.T @ self.y).norm()
        self.nuclear_norm = NuclearNorm.function()
        rows = torch.arange(y.shape[0], device=y.device)
        self.tests = torch.tensor_split(rows, FOLDS)

    def cka(self, x: Any) -> Any:
        x = centred(x)
        cross = x.mT @ self.y
        norms = torch.linalg.matrix_norm(x.mT @ x) * self.gram_norm
        return (cross * cross).sum(dim=(-2, -1)) / norms

    def nbs(self, x: Any) -> Any:
        x = centred(x)
        norms = torch.linalg.matrix_norm(x) * self.norm
        return self.nuclear_norm(x.mT @ self.y) / norms

    def ridge(self, x: Any) -> Any:
        # Training moments are those of all rows less those of the fold.
        x = centred(x)
        n, p = x.shape[-2:]
        parts = [(x[..., test, :], self.y[test]) for test in self.tests]
        gram = torch.stack([a.mT @ a for a, _ in parts], dim=-3)
        cross = torch.stack([a.mT @ b for a, b in parts], dim=-3)
        sizes = torch.tensor(
            [n - len(b) for _, b in parts], device=x.device, dtype=x.dtype
        )
        mu = torch.stack([-a.sum(dim=-2) for a, _ in parts], dim=-2) / sizes[:, None]
        nu = torch.stack([-b.sum(dim=0) for _, b in parts]) / sizes[:, None]
        scale = sizes[:, None, None]
        total = gram.sum(dim=-3, keepdim=True)
        train = total - gram - scale * mu[..., :, None] * mu[..., None, :]
        total = cross.sum(dim=-3, keepdim=True)
        joint = total - cross - scale * mu[..., :, None] * nu[..., None, :]
        factor = torch.linalg.cholesky(
            train + LAMBDA * torch.eye(p, device=x.device, dtype=x.dtype)
        )
        weights = torch.cholesky_solve(joint, factor)
        scores = []
        for f, (a, b) in enumerate(parts):
            rest = b - nu[f]
            error = rest - (a - mu[..., f, None, :]) @ weights[..., f, :, :]
            scores.append(1 - (error**2).sum(dim=(-2, -1)) / (rest**2).sum())
        return torch.stack(scores).mean(dim=0)


def joint(side: Any) -> Callable[[Any], Any]:
    return lambda x: side.cka(x) + side.nbs(x) + side.ridge(x)


def time_step(
    objective: Callable[[Any], Any], x0: Any, fused: bool, seconds: float
) -> float:
    x = x0.clone().requires_grad_()
    adam = torch.optim.Adam([x], lr=0.1, maximize=True, fused=fused)

    def step() -> None:
        adam.zero_grad(set_to_none=True)
        objective(x).sum().backward()
        adam.step()

    return median_ms(step, seconds)


def compare(
    shape: tuple[int, int, int], dtype: Any, seconds: float
) -> list[dict[str, Any]]:
    n, p, q = shape
    generator = torch.Generator(device="cuda").manual_seed(1)
    x0 = torch.randn(n, p, device="cuda", dtype=dtype, generator=generator)
    fall = torch.arange(1, q + 1, device="cuda", dtype=dtype)
    y = torch.randn(n, q, device="cuda", dtype=dtype, generator=generator) / fall
    plain, careful = Plain(y), Careful(y)
    objectives = {
        "cka": (plain.cka, careful.cka),
        "nbs": (plain.nbs, careful.nbs),
        "ridge 5-fold": (plain.ridge, careful.ridge),
        "joint": (joint(plain), joint(careful)),
    }
    rows = []
    for name, (written_down, well_written) in objectives.items():
        with torch.no_grad():
            values = [float(written_down(x0)), float(well_written(x0))]
        row: dict[str, Any] = {
            "name": f"Adam step, {name}",
            "shape": f"{n}x{p}x{q}",
            "precision": str(dtype).removeprefix("torch."),
            "values": values,
            "careful_ms": time_step(well_written, x0, True, seconds),
        }
        if n <= LARGEST_KERNEL:
            row["plain_ms"] = time_step(written_down, x0, False, seconds)
        print(json.dumps(row), flush=True)
        rows.append(row)
    if n <= MOST_RESTARTED_ROWS:
        rows += compare_restarts(shape, careful, dtype, seconds)
    return rows


def compare_restarts(
    shape: tuple[int, int, int], careful: Careful, dtype: Any, seconds: float
) -> list[dict[str, Any]]:
    """One step of every restart, all of them in the same batched products."""
    n, p, q = shape
    generator = torch.Generator(device=careful.y.device).manual_seed(2)
    x0 = torch.randn(
        RESTARTS, n, p, device=careful.y.device, dtype=dtype, generator=generator
    )
    objectives = {
        "cka": careful.cka,
        "nbs": careful.nbs,
        "ridge 5-fold": careful.ridge,
    }
    rows = []
    for name, objective in objectives.items():
        row = {
            "name": f"{RESTARTS} restarts, {name}",
            "shape": f"{n}x{p}x{q}",
            "precision": str(dtype).removeprefix("torch."),
            "careful_ms": time_step(objective, x0, True, seconds),
        }
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


def copy_rate(seconds: float) -> float:
    """Gigabytes per second from page-locked memory to the device."""
    host = torch.ones(1 << 27, dtype=torch.float64).pin_memory()
    device = torch.empty(1 << 27, dtype=torch.float64, device="cuda")
    ms = median_ms(lambda: device.copy_(host, non_blocking=True), seconds)
    return float(host.numel() * 8 / ms / 1e6)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the small shapes only")
    parser.add_argument("--seconds", type=float, default=1.0, help="of every figure")
    parser.add_argument("--json", type=Path, help="where the figures go")
    arguments = parser.parse_args()
    if torch is None or not torch.cuda.is_available():
        print("no PyTorch with a GPU here", file=sys.stderr)
        return NO_DEVICE
    torch.backends.cuda.matmul.allow_tf32 = False
    rows = []
    for shape in QUICK if arguments.quick else SHAPES:
        for dtype in (torch.float32, torch.float64):
            rows += compare(shape, dtype, arguments.seconds)
    result = {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(),
        "pinned_copy_gbytes_per_second": copy_rate(arguments.seconds),
        "rows": rows,
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
