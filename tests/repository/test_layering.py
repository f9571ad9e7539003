"""The rules of the house, read off the sources: who may include whom."""

import json
import re
import subprocess
from pathlib import Path

import measure_table
from server_process import BIN, ROOT, ServerProcess

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.MULTILINE)
LONGEST_FILE = 500
CODE = (".cc", ".h", ".py", ".proto", ".sh", ".cmake")

# May be included by everything in core/, for small host-side problems.
HOST_ALGEBRA = "core/backend/host_algebra.h"

# Machines, mirrors and accounts have no place in the repository.
PRIVATE = re.compile(
    r"(?<![\w.$}])/(home|Users)/[a-z]"
    r"|(?<![\w./$}-])/work/"
    r"|(?<![\w./$}])/root/(?!repscore\b)"
    r"|\b(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2,3}\b"
)


def tracked_files():
    """What git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    paths = [Path(name) for name in sorted(set(listed.split("\0"))) if name]
    return [path for path in paths if (ROOT / path).is_file()]


FILES = tracked_files()


def sources(*rooms):
    return [
        path
        for path in FILES
        if path.suffix in (".cc", ".h") and str(path).startswith(rooms)
    ]


def includes(path):
    return INCLUDE.findall((ROOT / path).read_text())


def offenders(paths, forbidden):
    """Includes that a rule forbids, as "file: include"."""
    return [
        f"{path}: {include}"
        for path in paths
        for include in includes(path)
        if forbidden(path, include)
    ]


def is_rpc(include):
    return (
        include.startswith(("grpc", "google/protobuf/", "google/rpc/"))
        or include.endswith((".pb.h", ".grpc.pb.h"))
        or "grpcpp" in include
    )


def test_there_are_sources():
    assert len(sources("core/")) > 10


def test_core_knows_no_wire_no_server_and_no_client():
    assert not offenders(
        sources("core/"),
        lambda _, include: (
            is_rpc(include) or include.startswith(("server/", "client/"))
        ),
    )


def test_rooms_of_core_depend_one_way():
    order = ["base", "backend", "statistics", "measures"]
    allowed = {room: set(order[: index + 1]) for index, room in enumerate(order)}
    allowed["data"] = {"base", "data"}
    allowed["measures"] |= {"data"}
    top = {*order, "data"}
    allowed["optimize"] = {*top, "optimize", "analysis"}
    allowed["analysis"] = {*top, "analysis"}
    allowed["self_test"] = {*allowed["optimize"], "self_test"}

    def forbidden(path, include):
        if not include.startswith("core/"):
            return False
        return include.split("/")[1] not in allowed[path.parts[1]]

    inside = [path for path in sources("core/") if len(path.parts) > 2]
    assert not offenders(inside, forbidden)


def test_cuda_stays_in_its_folder():
    def forbidden(path, include):
        if str(path).startswith("core/backend/cuda/"):
            return False
        return re.match(r"(cuda|cublas|cusolver|curand|nvrtc)", include) is not None

    assert not offenders(sources("core/", "server/", "client/"), forbidden)


def test_linear_algebra_libraries_stay_in_the_cpu_backend():
    def forbidden(path, include):
        if str(path).startswith("core/backend/cpu/") or str(path) == HOST_ALGEBRA:
            return False
        return re.match(r"(Eigen/|eigen3/|cblas|openblas|lapack)", include) is not None

    assert not offenders(sources("core/", "server/", "client/"), forbidden)


def measure_files():
    """Stems of the files that hold registered measures."""
    return {
        path.stem
        for path in sources("core/measures/")
        if re.search(
            r"^std::vector<MeasureEntry> \w+Family\(\) \{",
            (ROOT / path).read_text(),
            re.MULTILINE,
        )
    }


def test_no_measure_includes_another():
    measures = measure_files()
    assert {"cka", "procrustes"} <= measures

    def forbidden(path, include):
        stem = Path(include).stem
        if not include.startswith("core/measures/") or stem not in measures:
            return False
        # Files of one family share its first word.
        return path.stem.split("_")[0] != stem.split("_")[0]

    inside = [path for path in sources("core/measures/") if path.stem != "registry"]
    assert not offenders(inside, forbidden)


def test_the_server_has_no_linear_algebra():
    assert not offenders(
        sources("server/"),
        lambda _, include: (
            include.startswith(("core/backend/c", HOST_ALGEBRA))
            and include != "core/backend/create.h"
        ),
    )


def test_scheduling_and_catalog_link_without_grpc():
    rooms = ("server/scheduling/", "server/catalog/")

    assert not offenders(sources(*rooms), lambda _, include: is_rpc(include))


def test_clients_know_the_server_by_its_wire_only():
    assert not offenders(
        sources("client/"), lambda _, include: include.startswith("server/")
    )
    assert not offenders(
        sources("server/"), lambda _, include: include.startswith("client/")
    )


def test_headers_guard_themselves_by_their_path():
    for path in sources("core/", "server/", "client/"):
        if path.suffix == ".h":
            guard = "REPSCORE_" + re.sub(r"[/.]", "_", str(path)).upper() + "_"
            assert f"#ifndef {guard}\n#define {guard}" in (ROOT / path).read_text(), (
                path
            )


def test_files_are_short():
    scripts = [path for path in FILES if path.parts[0] in ("deploy", ".ci")]
    code = [path for path in FILES if path.suffix in CODE]
    long = {
        str(path): count
        for path in {*code, *scripts}
        if (count := (ROOT / path).read_text().count("\n")) > LONGEST_FILE
    }

    assert not long


def test_no_path_or_address_of_a_machine():
    found = []
    for path in FILES:
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
        if path == Path(__file__).resolve().relative_to(ROOT):
            continue
        found += [f"{path}: {match.group()}" for match in PRIVATE.finditer(text)]

    assert not found


def test_no_unfinished_marks():
    mark = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    code = [path for path in FILES if path.suffix in (*CODE, ".md", ".txt")]

    assert not [str(path) for path in code if mark.search((ROOT / path).read_text())]


def test_the_readme_shows_the_measures_of_the_server(programs, tmp_path):
    server = ServerProcess(tmp_path / "data").start()
    try:
        reply = subprocess.run(
            [BIN / "repscore", "--server", server.address, "--json", "measures"],
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
    finally:
        server.stop()
    expected = measure_table.table(json.loads(reply)["measures"])

    readme = (ROOT / "README.md").read_text()

    assert expected in readme, "see tests/support/measure_table.py"


def test_the_image_installs_with_the_scripts_of_the_repository():
    text = (ROOT / "Dockerfile").read_text()

    for step in (
        "deploy/install-dependencies build",
        "deploy/build",
        "install-dependencies runtime",
        "USER",
        "HEALTHCHECK",
        "VOLUME /var/lib/repscore",
    ):
        assert step in text
