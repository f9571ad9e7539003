"""Puts what gpu-check has run together: one JSON file and one Markdown table.

    python3 gpu_report.py FOLDER

FOLDER holds steps.tsv (name, exit status, seconds and log of every step), the
GoogleTest reports and bench.json and compare.json where those ran; the results
go beside them as gpu.json and gpu.md. Exit status 1 when a step failed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def read_json(path: Path) -> Json:
    return json.loads(path.read_text()) if path.is_file() else {}


def read_steps(folder: Path) -> list[Json]:
    steps = []
    for line in (folder / "steps.tsv").read_text().splitlines():
        name, status, seconds = line.split("\t")
        step: Json = {"name": name, "status": int(status), "seconds": int(seconds)}
        report = read_json(folder / f"{name}.json")
        if "testsuites" in report:
            cases = [
                case
                for suite in report["testsuites"]
                for case in suite["testsuite"]
                if case["status"] == "RUN"
            ]
            skipped = [case for case in cases if case["result"] == "SKIPPED"]
            step["tests"] = len(cases) - len(skipped)
            step["skipped"] = len(skipped)
            step["failed"] = [
                f"{case['classname']}.{case['name']}"
                for case in cases
                if case.get("failures")
            ]
        steps.append(step)
    return steps


def verdict(step: Json) -> str:
    """A suite of which nothing ran proves nothing."""
    if step["status"] != 0:
        return f"FAILED ({step['status']})"
    return "FAILED (nothing ran)" if step.get("tests") == 0 else "passed"


def step_table(steps: list[Json]) -> list[str]:
    lines = ["| step | result | tests | skipped | seconds |", "|---|---|---|---|---|"]
    for step in steps:
        lines.append(
            f"| {step['name']} | {verdict(step)} | {step.get('tests', '')} "
            f"| {step.get('skipped', '')} | {step['seconds']} |"
        )
    for step in steps:
        lines += [f"* failed: `{name}`" for name in step.get("failed", [])]
    return lines


def disturbed(bench: Json) -> bool:
    """Whether products took another time at the end than in the beginning."""
    rates: dict[str, list[float]] = {}
    for row in bench.get("rows", []):
        if row["name"].startswith("gemm"):
            rates.setdefault(row["precision"], []).append(row["gflops"])
    return any(max(rate) > 1.1 * min(rate) for rate in rates.values())


def number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def bench_table(bench: Json, compare: Json) -> list[str]:
    torch = {
        (row["name"], row["shape"], row["precision"]): row
        for row in compare.get("rows", [])
    }
    lines = [
        "| what | shape | precision | ms | of GEMM | GB/s | waits | launches "
        "| of replays alone | PyTorch well written / ours | straightforward / ours |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in bench.get("rows", []):
        other = torch.get((row["name"], row["shape"], row.get("precision")), {})
        ours = row.get("ms")
        careful = other.get("careful_ms")
        plain = other.get("plain_ms")
        floor = row.get("floor_ms")
        lines.append(
            f"| {row['name']} | {row['shape']} | {row.get('precision', '')} "
            f"| {number(ours, 3)} | {number(row.get('of_gemm'))} "
            f"| {number(row.get('gbytes_per_second'), 1)} "
            f"| {number(row.get('waits_per_step'), 1)} "
            f"| {number(row.get('launches_per_step'), 0)} "
            f"| {number(ours / floor if ours and floor else None)} "
            f"| {number(careful / ours if careful and ours else None, 1)} "
            f"| {number(plain / ours if plain and ours else None, 1)} |"
        )
    return lines


def main() -> int:
    folder = Path(sys.argv[1])
    steps = read_steps(folder)
    bench = read_json(folder / "bench.json")
    compare = read_json(folder / "compare.json")
    machine = read_json(folder / "machine.json")
    result = {"machine": machine, "steps": steps, "bench": bench, "compare": compare}
    (folder / "gpu.json").write_text(json.dumps(result, indent=1) + "\n")
    lines = [f"# {machine.get('gpu', 'GPU')}", ""]
    lines += [f"* {key}: {value}" for key, value in machine.items()]
    if machine.get("others"):
        lines.append("* the GPU was in use by others: times mean nothing")
    if disturbed(bench):
        lines.append("* the product's rate changed: something else used the GPU")
    if "pinned_copy_gbytes_per_second" in compare:
        rate = compare["pinned_copy_gbytes_per_second"]
        lines.append(f"* page-locked memory to the device: {rate:.1f} GB/s")
    for row in bench.get("rows", []):
        if row["name"] == "gemm":
            lines.append(
                f"* product of {row['precision']}: {row['gflops'] / 1e3:.1f} TF/s"
            )
    lines += ["", *step_table(steps), ""]
    if bench:
        lines += bench_table(bench, compare)
    (folder / "gpu.md").write_text("\n".join(lines) + "\n")
    return 0 if all(verdict(step) == "passed" for step in steps) else 1


if __name__ == "__main__":
    sys.exit(main())
