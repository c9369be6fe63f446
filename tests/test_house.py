"""The house: which room imports which, where vendors' words stand, how much state there is."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGE = Path(find_spec("pinning").origin).parent  # found, not imported

#: Rooms and single files from the ground up. Those on one floor do not import each other.
FLOORS = (
    {"exceptions", "signals", "breaker"},
    {"conf"},
    {"pins"},
    {"databases"},
    {"scopes", "health"},
    {"shadow"},
    {"reads", "writes", "middleware"},
    {"contrib", "router", "", "diagnosis"},  # "" is the package's own door
    {"move"},
    {"checks", "management", "verify", "testing"},
    {"apps"},
)
#: The rim knows the core, and is not known by it.
RIM = {"contrib", "move", "verify", "testing"}
#: What a command of manage.py does may lie in a room of the rim.
COMMANDS = "pinning.management.commands."
CORE = sorted(set().union(*FLOORS) - RIM)

#: Words that belong to a vendor, a driver or a pooler.
VENDORS_WORDS = re.compile(
    r"""postgres | psycopg | pgbouncer | libpq | \bpg_ | mysql | mariadb | sqlite | aurora | oracle
      | \blsn | gtid | sqlstate | pgcode | \bwal\b | \bwal_ | pgconn | sequence\ number""",
    re.IGNORECASE | re.VERBOSE,
)

#: Calls whose results are never changed, of those that stand at the top of a module.
UNCHANGING = {
    *(
        "frozenset",
        "compile",
        "TypeVar",
        "ParamSpec",
        "getLogger",
        "object",
        "tuple",
        "HttpRequest",
    ),
    *(
        "Signal",
        "Written",
        "Pins",
        "register_at_fork",
        "connect",
        "ClockPositions",
        "cache",
        "MappingProxyType",
        "Statement",
        "_dialect",
    ),
}
MOST_MUTABLE_NAMES = 8


def files() -> Iterator[Path]:
    return (path for path in sorted(PACKAGE.rglob("*.py")) if "migrations" not in path.parts)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """The modules of ours that a file imports, and the name that it takes from each."""
    known = {module_of(each) for each in files()}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pinning":
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                is_room = full in known and full.count(".") == 1
                yield (full, "") if is_room else (str(node.module), alias.name)
        elif isinstance(node, ast.Import):
            yield from (
                (each.name, "") for each in node.names if each.name.split(".")[0] == "pinning"
            )


ARROWS = [
    pytest.param(module_of(path), to, name, id=f"{module_of(path)} -> {to} {name}".strip())
    for path in files()
    for to, name in imports_of(path)
    if room_of(module_of(path)) != room_of(to)
]


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


@pytest.mark.parametrize(("module", "to", "name"), ARROWS)
def test_an_import_leads_down(module, to, name):
    assert floor_of(room_of(to)) < floor_of(room_of(module))
    is_command = module.startswith(COMMANDS)
    assert room_of(to) not in RIM or room_of(module) in RIM or is_command


@pytest.mark.parametrize(("module", "to", "name"), ARROWS)
def test_an_import_goes_through_a_room_s_door(module, to, name):
    """``pinning.reads``, not a file in it; ``pinning.pins.stores`` is a room in a room."""
    door = to.removesuffix(".stores") if to == "pinning.pins.stores" else to
    is_command = module.startswith(COMMANDS) and room_of(to) in RIM
    assert door.count(".") <= 1 or room_of(module) in RIM or is_command
    path = PACKAGE.parent / to.replace(".", "/") / "__init__.py"
    if name and path.exists():
        assert name in offered_by(path)


def offered_by(door: Path) -> set[str]:
    """What a room's ``__init__`` imports or defines; for one that is empty, the files behind it."""
    tree = ast.parse(door.read_text())
    imported = {
        alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assigned = [node.targets[0] for node in tree.body if isinstance(node, ast.Assign)]
    constants = {name.id for name in assigned if isinstance(name, ast.Name) and name.id.isupper()}
    return (imported | defined | constants) or {each.stem for each in door.parent.iterdir()}


def test_no_imports_run_in_a_circle():
    arrows: dict[str, set[str]] = {}
    for path in files():
        own = module_of(path)
        for to, name in imports_of(path):
            full = f"{to}.{name}"
            target = (
                full
                if (PACKAGE.parent / full.replace(".", "/")).with_suffix(".py").exists()
                else to
            )
            if target not in (own, "pinning") and not own.startswith(f"{target}."):
                arrows.setdefault(own, set()).add(target)
    open_, done = set[str](), set[str]()

    def walk(module: str, way: list[str]) -> None:
        assert module not in open_, " -> ".join([*way, module])
        if module not in done:
            open_.add(module)
            for to in sorted(arrows.get(module, ())):
                walk(to, [*way, module])
            open_.discard(module)
            done.add(module)

    for module in sorted(arrows):
        walk(module, [])


def test_every_room_has_a_floor():
    rooms = {room_of(module_of(path)) for path in files()}
    assert rooms == set().union(*FLOORS)


@pytest.mark.parametrize(
    "path", [path for path in files() if room_of(module_of(path)) in CORE], ids=module_of
)
def test_vendors_words_stand_in_databases_alone(path):
    if room_of(module_of(path)) != "databases":
        found = VENDORS_WORDS.findall(path.read_text())
        assert found == []


def mutable_names() -> list[str]:
    return [
        f"{module_of(path)}.{name}"
        for path in files()
        if room_of(module_of(path)) in CORE
        for name in _mutable_in(path)
    ]


def _mutable_in(path: Path) -> Iterator[str]:
    """What is bound at the top of a module to something that may change, or is bound anew."""
    tree = ast.parse(path.read_text())
    rebound = {
        name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names
    }
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            name = ast.unparse(targets[0])
            if name != "__all__" and (name in rebound or _may_change(name, node.value)):
                yield name


def _may_change(name: str, value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        called = ast.unparse(value.func).rpartition(".")[2]
        return called not in UNCHANGING
    is_container = isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp)
    is_constant = name.lstrip("_").isupper()  # a table that nobody changes, as its name says
    return is_container and not is_constant


def test_few_names_are_mutable():
    names = [*mutable_names(), "pinning.databases.vendors.VENDORS"]  # which projects may add to
    assert len(names) <= MOST_MUTABLE_NAMES, names


def test_a_connection_has_one_key():
    keys = [
        (module_of(path), line.strip())
        for path in files()
        if room_of(module_of(path)) in CORE
        for line in path.read_text().splitlines()
        if "connection.__dict__" in line
    ]
    assert {module for module, _ in keys} <= {"pinning.databases.state", "pinning.databases.hooks"}


def test_methods_of_others_are_replaced_in_one_file_for_each_kind():
    """A connection's in ``databases/hooks``, a response's in ``scopes/responses``, a cursor's in
    ``reads/rerun``."""
    owners = "response|cursor|connection"
    replacing = re.compile(rf"^\s*(?:setattr\((?:{owners})|(?:{owners})\.\w+ = )", re.MULTILINE)
    found = {
        module_of(path)
        for path in files()
        if room_of(module_of(path)) in CORE and replacing.search(path.read_text())
    }
    assert found <= {
        "pinning.databases.hooks",
        "pinning.scopes.responses",
        "pinning.reads.rerun",
        "pinning.databases.sessions",  # close_at, which is Django's to read
        "pinning.writes.standby",  # likewise
        "pinning.health.connections",  # errors_occurred, likewise
    }


def test_it_can_be_imported_before_there_are_settings():
    """As ``pinning.testing`` is, by programs that start servers."""
    environment = {name: value for name, value in os.environ.items() if "DJANGO" not in name}
    program = "import pinning, pinning.router, pinning.middleware, pinning.testing"
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=PACKAGE.parent, check=True)
