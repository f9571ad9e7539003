"""Two types of one name in one namespace: the linker keeps either's functions."""

import re
from collections import defaultdict

from server_process import ROOT

OPENS = re.compile(r"namespace(?: ([\w:]+))? \{")
CLOSES = re.compile(r"\}  // namespace")
DEFINES = re.compile(
    r"(?:struct|class|enum|enum class) (\w+)(?: final)?(?: \{| : .*|)$"
)


def defined_types(text):
    """Types with external linkage that a file defines, with their namespaces."""
    found = []
    inside = []
    for line in text.splitlines():
        if opened := OPENS.match(line):
            inside.append(opened[1] or "")
        elif CLOSES.match(line):
            inside.pop()
        elif (defined := DEFINES.match(line)) and all(inside):
            found.append("::".join([*inside, defined[1]]))
    return found


def test_the_parser_sees_what_counts():
    text = """namespace a::b {
struct Forward;
namespace {
class Hidden final {
};
}  // namespace
class Seen : public Base {
};
class Seen::Inner {
};
enum class Kind { kOne };
enum class Rule {
};
}  // namespace a::b
"""

    assert defined_types(text) == ["a::b::Seen", "a::b::Rule"]


def test_every_type_is_defined_once():
    places = defaultdict(list)
    rooms = ("core", "server", "client")
    sources = [path for room in rooms for path in (ROOT / room).rglob("*.[hc]*")]
    for path in sources:
        if path.suffix not in (".h", ".cc"):
            continue
        for name in defined_types(path.read_text()):
            places[name].append(str(path.relative_to(ROOT)))

    assert not {name: files for name, files in places.items() if len(files) > 1}
