"""The house rules that no linter knows. Each takes a module and yields what is wrong, with what to use instead."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 80
MAX_LINE_CHARACTERS = 160
VAGUE_NAMES = frozenset(("utils", "util", "common", "helpers", "helper", "manager", "managers", "base", "misc"))
PURE = ("libs/events/", "libs/book/", "libs/matching/")
PRODUCT = ("libs/", "services/", "cli/", "sim/", "deploy/")
RUNNING = ("libs/", "services/")
# Where time is a value that comes in; an adapter that stamps what it sends is its own clock.
CLOCKED = ("services/", "libs/read_model/", "libs/access/", *PURE)
TESTS = ("tests/",)
BENCHMARKS = ("tests/benchmarks/",)

# What must not be called, where, and what is used instead.
BANNED_CALLS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("eval", PRODUCT + TESTS, "a parser"),
    ("exec", PRODUCT + TESTS, "a function"),
    ("os.system", PRODUCT + TESTS, "subprocess with a list of arguments"),
    ("asyncio.get_event_loop", PRODUCT + TESTS, "asyncio.get_running_loop"),
    ("asyncio.iscoroutinefunction", PRODUCT + TESTS, "inspect.iscoroutinefunction"),
    ("time.time", CLOCKED, "libs.service.clock"),
    ("time.time_ns", CLOCKED, "libs.service.clock"),
    ("datetime.now", CLOCKED, "libs.service.clock"),
    ("datetime.utcnow", PRODUCT + TESTS, "a time in UTC"),
    ("datetime.today", PRODUCT + TESTS, "a time in UTC"),
    ("datetime.datetime.now", CLOCKED, "libs.service.clock"),
    ("float", PURE, "libs.events.decimals"),
)
BANNED_IMPORTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("pickle", PRODUCT, "libs.events.codec"),
    ("json", RUNNING, "msgspec.json"),
    ("decimal", PURE, "libs.events.decimals: integers inside"),
    ("unittest.mock", TESTS, "a fake that passes the contract suite of the real thing"),
    ("requests", ("libs/", "services/"), "nothing: a service talks to the log and its stores"),
)
# Split, so that this file does not hold what it forbids.
MACHINE_TEXTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\w.])/(?:ro" + r"ot|ho" + r"me/\w+|wo" + r"rk|Us" + r"ers)/",
        r"py" + r"pi\.org",
        r"python" + r"hosted\.org",
        r"repo1?\.mav" + r"en",
    )
)


@dataclass(frozen=True)
class Module:
    """A Python file: its path from the root of the repository, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def is_in(self, places: tuple[str, ...]) -> bool:
        return self.path.startswith(places)


Finding = str
Rule = Callable[[Module], Iterator[Finding]]


def name_says_what_it_is(module: Module) -> Iterator[Finding]:
    """No drawer that everything fits in."""
    for part in PurePosixPath(module.path).with_suffix("").parts:
        if part in VAGUE_NAMES:
            yield f"{part!r} says nothing: name the module by what it holds"


def has_docstring(module: Module) -> Iterator[Finding]:
    """A module says why it exists; an empty package need not."""
    if module.text.strip() and not ast.get_docstring(module.tree):
        yield "no docstring: say why the module exists and what always holds in it"


def is_short(module: Module) -> Iterator[Finding]:
    """Files, functions and lines have bounds."""
    lines = module.text.splitlines()
    if len(lines) > MAX_FILE_LINES:
        yield f"{len(lines)} lines, {MAX_FILE_LINES} at most: split it by what it does"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_CHARACTERS:
            yield f"line {number} has {len(line)} characters, {MAX_LINE_CHARACTERS} at most"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{node.name} has {length} lines, {MAX_FUNCTION_LINES} at most: name its parts"


def no_banned_calls(module: Module) -> Iterator[Finding]:
    """Calls that have a better replacement."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            for name, places, instead in BANNED_CALLS:
                if called == name and module.is_in(places):
                    yield f"line {node.lineno}: {name}() is not used here: use {instead}"


def no_banned_imports(module: Module) -> Iterator[Finding]:
    """Imports that have a better replacement."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name, places, instead in BANNED_IMPORTS:
            if name in imported and module.is_in(places):
                yield f"line {node.lineno}: {name} is not imported here: use {instead}"


def no_print(module: Module) -> Iterator[Finding]:
    """A service speaks through its log; only to standard error, before there is one, otherwise."""
    if not module.is_in(RUNNING):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            to = next((ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "file"), "")
            if to != "sys.stderr":
                yield f"line {node.lineno}: print() in a service: use the process's log"


def no_floats_in_the_core(module: Module) -> Iterator[Finding]:
    """Money is integers."""
    if not module.is_in(PURE):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"line {node.lineno}: {node.value!r} is a float: use an integer and its scale"
        if isinstance(node, ast.Div):
            yield "a / makes a float: use //"


def no_sleep_in_tests(module: Module) -> Iterator[Finding]:
    """A test waits for a condition: it may pause between two looks in a `while`, and never otherwise.

    A benchmark is no test: sending at a given rate is a matter of sleeping.
    """
    if not module.is_in(TESTS) or module.is_in(BENCHMARKS):
        return
    pauses = {id(node) for loop in ast.walk(module.tree) if isinstance(loop, ast.While) for node in ast.walk(loop)}
    for node in ast.walk(module.tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) in {"asyncio.sleep", "time.sleep"}):
            continue
        yields = len(node.args) == 1 and ast.unparse(node.args[0]) == "0"
        if id(node) not in pauses and not yields:
            yield f"line {node.lineno}: a sleep in a test: wait for a condition with a limit, or move a virtual clock"


def no_machine(module: Module) -> Iterator[Finding]:
    """Nothing of the machine it was written on, and no address of a registry."""
    for number, line in enumerate(module.text.splitlines(), 1):
        for pattern in MACHINE_TEXTS:
            if found := pattern.search(line):
                yield f"line {number}: {found.group()!r} belongs to one machine or registry"


RULES: tuple[Rule, ...] = (
    name_says_what_it_is,
    has_docstring,
    is_short,
    no_banned_calls,
    no_banned_imports,
    no_print,
    no_floats_in_the_core,
    no_sleep_in_tests,
    no_machine,
)
