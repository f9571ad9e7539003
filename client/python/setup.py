"""Generates the wire protocol's code, then builds the package.

In a checkout the code is generated from ../../proto into src/repscore/v1 at
every build. A source distribution carries the generated code instead.
"""

import re
import shutil
import sys
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"
PACKAGE = HERE / "src" / "repscore" / "v1"
HEADER = '"""Generated code of the wire protocol repscore.v1."""\n'


def generate() -> None:
    """Writes messages, stubs and their types for every repscore.v1 proto."""
    import grpc_tools
    from grpc_tools import protoc

    # protoc looks its plugins up on PATH; build environments may not be on it.
    plugins = []
    for plugin in ("protoc-gen-mypy", "protoc-gen-mypy_grpc"):
        path = shutil.which(plugin) or shutil.which(
            plugin, path=str(Path(sys.executable).parent)
        )
        if path is None:
            raise SystemExit(f"{plugin} not found: install mypy-protobuf")
        plugins.append(f"--plugin={plugin}={path}")
    PACKAGE.mkdir(exist_ok=True)
    output = PACKAGE.parent.parent
    arguments = [
        "protoc",
        f"-I{PROTO}",
        f"-I{Path(grpc_tools.__file__).parent / '_proto'}",
        *plugins,
        f"--python_out={output}",
        f"--grpc_python_out={output}",
        f"--mypy_out=quiet:{output}",
        f"--mypy_grpc_out=quiet:{output}",
        *sorted(str(path) for path in (PROTO / "repscore" / "v1").glob("*.proto")),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("cannot generate the wire protocol's code")
    (PACKAGE / "__init__.py").write_text(HEADER)


def dependencies() -> list:
    """What the generated code and the client need at run time.

    Newer generators write checks for their own versions into the code; then
    these are the floors.
    """
    floors = {"grpcio": "1.51.1", "protobuf": "3.20.3"}
    messages = (PACKAGE / "types_pb2.py").read_text()
    if "ValidateProtobufRuntimeVersion" in messages:
        match = re.search(r"# Protobuf Python Version: (\S+)", messages)
        floors["protobuf"] = match.group(1) if match else floors["protobuf"]
    stubs = (PACKAGE / "scoring_pb2_grpc.py").read_text()
    match = re.search(r"GRPC_GENERATED_VERSION = '([^']+)'", stubs)
    if match:
        floors["grpcio"] = match.group(1)
    return [
        *(f"{name}>={floor}" for name, floor in floors.items()),
        "googleapis-common-protos>=1.56",
        "numpy>=1.22",
    ]


if (PROTO / "repscore" / "v1").is_dir():
    generate()
setup(install_requires=dependencies())
