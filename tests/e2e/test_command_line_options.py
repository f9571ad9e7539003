"""Every option of the repscore command, given to a real server.

Each line runs in order and must end well; a last test holds them to the
commands' own help.
"""

import re
import shlex

import numpy as np
import pytest
from server_process import run_cli

TIMES, CONDITIONS, FEATURES = 3, 24, 6
ROWS = TIMES * CONDITIONS

REGISTER = """
datasets register options {reference} --axes time,condition,neuron \
  --label side={side} --label session={session} --group day={day} --title T \
  --description D --citation C --attribute k=v --time-coordinates {times} \
  --time-unit ms --row-ids {ids}
datasets register background {reference} --label side={side} --calibrate cka \
  --calibration-restarts 1 --calibration-seed 3 --calibration-max-steps 3 \
  --calibration-components 2
datasets list
datasets show options
"""

CONTEXT = """
--ceiling-splits 2 --seed 3
--ceiling 0.9 --normalization r/c --clip
--bootstrap 20 --confidence 0.9 --bootstrap-group day
--permutations 20 --baseline --companion --calibration
"""

STEPPING = """
--max-steps 4 --seed 2 --features 4
--max-steps 4 --start surrogate --lr 0.05 --beta1 0.8 --beta2 0.99 --epsilon 1e-7
--max-steps 4 --start {candidate} --schedule cosine(steps=4,final=0.1) --warmup 1
--max-steps 4 --lbfgs --lbfgs-memory 3 --lbfgs-step 0.5 --lbfgs-trials 9
--max-steps 4 --max-time 60 --plateau-patience 3 --plateau-delta 1e-4 --every 2
--max-steps 4 --track nbs --components 2 --decode side --decode-folds 3 \
  --decode-seed 1 --decode-c 0.5 --decode-pool-time-bins --decode-every 2
--max-steps 4 --decode side --decode-folds-of session --thresholds
--max-steps 4 --decode-all --precision float64 --device cpu
--max-steps 4 --precision mixed_bfloat16
--max-steps 4 --detach
--max-steps 4 --trace {out}.csv --output {out}.npy
"""

RUNS = """
runs list --limit 2
runs show {run}
runs watch {run} --after 1 --trace {out}.json --output {out}.npy --thresholds
runs cancel {run}
runs array {run}/members/0/candidate --out {out}.npy
"""

OTHERS = """
measures
measures describe rsa
estimate options --shape 72x9 --dtype float64 -m cka --device cpu
score options {candidate} -m cka --row-ids {ids} --device cpu
score options {candidate} -m ridge_r2(folds=explicit) --folds {folds}
estimate options --shape 72x9 -m ridge_r2(folds=explicit) --folds {folds}
compare {candidate} {reference} -m cka --device cpu
compare {candidate} {reference} -m ridge_r2(folds=explicit) --folds {folds}
pairwise a={candidate} b={reference} c=datasets/options -m procrustes.angle --csv
pairwise a={candidate} b={reference} -m cka --known {pairs} --device cpu
pairwise a={candidate} b={reference} --folds {folds} \
  -m bidirectional(measure=ridge_r2(folds=explicit))
embed {pairs} -m procrustes.angle --dimensions 1 --method metric --clusters 2 \
  --neighbors 1
mean a={candidate} b={reference} --out {out}.npy --unit-norm --tolerance 1e-6 \
  --max-iterations 50
aggregate {scores} --missing ignore
decode options {candidate} --label side --folds 3 --seed 1 --c 0.5 --bins \
  --components 2 --repeats 2 --device cpu
decode options --label side --folds-of session --pool-time-bins
baselines options -m cka --kind noise --draws 2 --seed 1 --device cpu
baselines options -m ridge_r2(folds=explicit) --folds {folds} --kind noise
perturb options -m cka --components 2 --draws 2 --seed 1 --device cpu
perturb options -m ridge_r2(folds=explicit) --folds {folds} --components 1
calibrate options -m cka --restarts 1 --seed 2 --max-steps 3 --components 2 \
  --decode side --decode-folds 3 --decode-seed 1 --decode-c 0.5 \
  --decode-pool-time-bins --wait
calibrate options -m ridge_r2(folds=explicit) --folds {folds} --restarts 1 \
  --max-steps 2 --decode side --decode-folds-of session --wait
calibration options -m cka --all --thresholds
calibration options -m ridge_r2(folds=explicit) --folds {folds}
info
self-test --device cpu
datasets delete background
"""

GOALS = """
--maximize cka --floor nbs=0.1 --weight cka=2 --goal-tolerance 0.1
--target cka=0.4 --target-loss squared --both
--target cka --target nbs --grid 2 --boundary --grid-lowest 0.2 --grid-highest 0.8
--target-list {targets}
--maximize ridge_r2(folds=explicit) --folds {folds}
"""


def lines(text):
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


COMMANDS = [
    *lines(REGISTER),
    *(f"score options {{candidate}} -m cka {flags}" for flags in lines(CONTEXT)),
    *(f"estimate options --shape 72x9 -m cka {flags}" for flags in lines(CONTEXT)),
    "compare {candidate} {reference} -m cka --ceiling 0.9 --normalization r/c --clip",
    "compare {candidate} {reference} -m cka --bootstrap 20 --confidence 0.9 --seed 1",
    "compare {candidate} {reference} -m cka --permutations 20 --baseline --companion",
    *(f"optimize options -m cka {flags}" for flags in lines(STEPPING)),
    "optimize options -m cka --restarts 2 --stop-score 0.5 --snapshot 0.2",
    "optimize options -m ridge_r2(folds=explicit) --folds {folds} --max-steps 3",
    *(f"joint-optimize options --maximize cka {flags}" for flags in lines(STEPPING)),
    *(f"joint-optimize options --max-steps 4 {flags}" for flags in lines(GOALS)),
    *lines(RUNS),
    *lines(OTHERS),
]


@pytest.fixture(scope="module")
def words(server, tmp_path_factory):
    """What the braces stand for."""
    folder = tmp_path_factory.mktemp("options")
    random = np.random.default_rng(12)
    arrays = {
        "reference": random.normal(size=(TIMES, CONDITIONS, FEATURES)),
        "candidate": random.normal(size=(TIMES, CONDITIONS, FEATURES)),
        "times": np.array([0.0, 10.0, 20.0]),
        "folds": np.arange(ROWS) % 3,
    }
    arrays["reference"][:, ::2, 0] += 3
    found = {"out": str(folder / "out")}
    for name, array in arrays.items():
        found[name] = str(folder / f"{name}.npy")
        np.save(found[name], array)
    texts = {
        "side": "\n".join("ab"[i % 2] for i in range(CONDITIONS)),
        "session": "\n".join("xy"[i // 12] for i in range(CONDITIONS)),
        "day": "\n".join(str(i % 12) for i in range(CONDITIONS)),
        "ids": "\n".join(f"c{i}" for i in range(CONDITIONS)),
        "scores": "system,cka,nbs\none,0.1,0.2\ntwo,0.3,\n",
        "targets": "cka,nbs\n0.2,0.4\n0.3,0.5\n",
    }
    for name, text in texts.items():
        suffix = ".csv" if name in ("scores", "targets") else ".txt"
        path = folder / f"{name}{suffix}"
        path.write_text(text if text.endswith("\n") else text + "\n")
        found[name] = str(path)
    pairs = run_cli(
        server,
        *("pairwise", f"a={found['candidate']}", f"b={found['reference']}"),
        *("-m", "procrustes.angle", "-m", "cka", "--json"),
    )
    (folder / "pairs.json").write_text(pairs.stdout)
    found["pairs"] = str(folder / "pairs.json")
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_ends_well(server, client, words, command):
    if "{run}" in command:
        words = {**words, "run": next(iter(client.runs())).name.removeprefix("runs/")}
    arguments = [word.format(**words) for word in shlex.split(command)]

    done = run_cli(server, *arguments, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() or done.stderr.strip()


def flags_of(server, *command):
    """Long options of a command's help."""
    text = run_cli(server, *command, "--help").stdout
    options = re.findall(r"^  (?:-\w,)?--([\w-]+)", text, re.MULTILINE)
    return set(options) - {"help", "version"}


def test_the_lines_give_every_option(server):
    given = {}
    for command in COMMANDS:
        parts = shlex.split(command)
        names = 2 if parts[0] in ("datasets", "runs") else 1
        key = tuple(parts[:names])
        options = {part[2:] for part in parts if part.startswith("--")}
        if "-m" in parts:
            options.add("measure")
        given.setdefault(key, set()).update(options)

    missing = {
        " ".join(command): sorted(flags_of(server, *command) - options)
        for command, options in given.items()
    }

    assert {name: flags for name, flags in missing.items() if flags} == {}
