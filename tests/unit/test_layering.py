"""Who may import whom, and how long things may be: the house rules that a machine can check, by the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOMS = ("bot", "cogs", "storage", "playground")

#: What a file, or all of a folder, may import of ours; the longest entry that fits holds. A name allows what is beneath it.
OURS: dict[str, tuple[str, ...]] = {
    "storage": ("storage",),
    "playground": ("playground",),
    "cogs": (
        "bot.conversation",
        "bot.listening",
        "bot.catch_up",
        "bot.survey",
        "bot.errors",
        "bot.wording",
        "bot.answers",
        "bot.memories",
        "bot.panels",
        "bot.privacy",
        "bot.introduction",
        "bot.host",
        "bot.governance",
        "bot.budgets",
        "storage.records.Budget",
        "storage.records.BudgetStanding",
        "storage.records.Place",
        "storage.records.Opened",
        "bot.threads",
        "bot.ports.ModelState",
        "bot.ports.Button",
        "bot.controls",
        "bot.reply_actions",
        "bot.troubles.Trouble",
        "storage.records.DatabaseState",
        "storage.records.Extent",
        "bot.replies.nonce",
        "bot.rest",
        "storage.errors",
        "storage.StorageError",
    ),
    "cogs/memory": (
        "cogs.memory",
        "bot.memories",
        "bot.pins",
        "bot.governance",
        "bot.formats",
        "bot.prompt_report",
        "bot.links",
        "bot.panels",
        "bot.prompt.clean_name",
        "bot.errors",
        "bot.forms",
        "bot.wording",
        "bot.answers",
        "storage.records",
    ),
    "cogs/message_menu": (
        "cogs.message_menu",
        "bot.pins",
        "bot.links",
        "bot.prompt.clean_name",
        "bot.conversation",
        "bot.listening",
        "bot.catch_up",
        "bot.privacy",
        "bot.panels",
        "bot.errors",
        "bot.forms",
        "bot.wording",
        "bot.answers",
        "bot.rest",
        "storage.records",
    ),
    "cogs/usage": (
        "cogs.usage",
        "bot.usage",
        "bot.usage_figures",
        "bot.usage_chart",
        "bot.charts",
        "bot.budgets",
        "storage.records.Budget",
        "storage.records.BudgetStanding",
        "bot.errors",
        "bot.wording",
        "bot.answers",
    ),
    "cogs/governance": (
        "cogs.governance",
        "bot.governance",
        "bot.personas",
        "bot.introduction",
        "bot.memory.POLICIES",
        "bot.errors",
        "bot.forms",
        "bot.wording",
        "bot.answers",
        "bot.panels",
        "bot.rest",
        "storage.records",
    ),
    "bot": ("bot", "storage"),
    "bot/prompt.py": ("storage.records",),
    "bot/tokens.py": (),
    "bot/chart_drawing.py": (),
    "bot/prices.py": ("storage.records",),
    "bot/links.py": (),
    "bot/memory": ("bot.memory", "storage.records"),
}

#: What they may besides, for their annotations alone.
OURS_FOR_TYPES: dict[str, tuple[str, ...]] = {
    "cogs": ("bot.client",),
    "cogs/memory": ("bot.client",),
    "cogs/message_menu": ("bot.client",),
    "cogs/usage": ("bot.client",),
    "cogs/governance": ("bot.client",),
}

#: Where a library may be imported; anywhere, if it is not listed. The playground may use what it likes of these: it stands apart.
LIBRARIES: dict[str, tuple[str, ...]] = {
    "discord": (
        "bot/client.py",
        "bot/caches.py",
        "bot/speaker.py",
        "bot/controls.py",
        "bot/listening.py",  # live messages and those of a history are heard alike
        "bot/history.py",
        "bot/survey.py",
        "bot/answers.py",
        "bot/panels.py",
        "bot/forms.py",
        "bot/gateway.py",
        "bot/rest.py",
        "bot/registration.py",
        "bot/runtime.py",
        "bot/doctor.py",
        "cogs",
    ),
    "openai": ("bot/model.py",),
    "tiktoken": ("bot/tokens.py",),
    "matplotlib": ("bot/chart_drawing.py",),  # which is a process of its own: the bot never loads it
    "sqlite3": ("storage",),
    "aiosqlite": ("storage",),
}

#: What opens things. Only the composition root, the doctor, who looks at the same things, and what works on the database while no
#: bot runs may import these.
CONSTRUCTORS = ("storage.open_store", "storage.sqlite", "bot.model")
MAY_CONSTRUCT = ("bot/runtime.py", "bot/doctor.py", "bot/transfer.py", "storage")

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60


@dataclass(frozen=True)
class File:
    """One file of Python: its path in the project, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def says(self, line: int, rule: str) -> str:
        return f"{self.path}:{line}: {rule}"


@dataclass(frozen=True)
class Import:
    """One imported name, absolute: ``storage.StorageError`` for ``from storage import StorageError``."""

    name: str
    line: int
    for_types: bool
    when_loaded: bool


_HAVE_A_BODY = (ast.stmt, ast.ExceptHandler, ast.match_case)


def imports(file: File) -> Iterator[Import]:
    yield from _imports(file, file.tree.body, for_types=False, when_loaded=True)


def _imports(file: File, body: Sequence[ast.AST], *, for_types: bool, when_loaded: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, for_types, when_loaded)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(f"{_source(file, node)}.{alias.name}", node.lineno, for_types, when_loaded)
        else:
            in_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            types = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            yield from _imports(
                file,
                [child for child in ast.iter_child_nodes(node) if isinstance(child, _HAVE_A_BODY)],
                for_types=for_types or types,
                when_loaded=when_loaded and not (in_function or types),
            )


def _source(file: File, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = file.module.split(".") if file.path.endswith("__init__.py") else file.module.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def beneath(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name == entry or name.startswith((f"{entry}.", f"{entry}/")) for entry in allowed)


def keeps_to_its_room(file: File) -> Iterator[str]:
    entry = max((entry for entry in OURS if beneath(file.path, (entry,))), key=len)
    for found in imports(file):
        allowed = OURS[entry] + (OURS_FOR_TYPES.get(entry, ()) if found.for_types else ())
        if beneath(found.name, ROOMS) and not beneath(found.name, allowed):
            yield file.says(found.line, f"{entry} may not import {found.name}")


def keeps_libraries_where_they_belong(file: File) -> Iterator[str]:
    for found in imports(file):
        library = found.name.partition(".")[0]
        places = LIBRARIES.get(library)
        if places is not None and not beneath(file.path, (*places, "playground")):
            yield file.says(found.line, f"{library} may be imported only in {', '.join(places)}")


def constructs_nothing(file: File) -> Iterator[str]:
    if not beneath(file.path, MAY_CONSTRUCT):
        for found in imports(file):
            if beneath(found.name, CONSTRUCTORS) and not found.for_types:
                yield file.says(found.line, f"{found.name} opens things: only {' and '.join(MAY_CONSTRUCT[:2])} may")


def is_short(file: File) -> Iterator[str]:
    lines = len(file.text.splitlines())
    if lines > MOST_LINES:
        yield file.says(lines, f"a file has {MOST_LINES} lines at most")
    for node in ast.walk(file.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_LINES_OF_A_FUNCTION:
                yield file.says(node.lineno, f"{node.name} has {length} lines of {MOST_LINES_OF_A_FUNCTION} at most")


def catches_what_it_names(file: File) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield file.says(node.lineno, "an except clause names what it catches")


def says_what_it_is_for(file: File) -> Iterator[str]:
    if file.tree.body and ast.get_docstring(file.tree) is None:
        yield file.says(1, "a file opens with a paragraph that says what it is for")


RULES: tuple[Callable[[File], Iterator[str]], ...] = (
    keeps_to_its_room,
    keeps_libraries_where_they_belong,
    constructs_nothing,
    is_short,
    catches_what_it_names,
    says_what_it_is_for,
)


def cycle(files: list[File]) -> list[str]:
    """The modules of an import cycle, as they import each other when they are loaded; none if there is no cycle."""
    modules = {file.module for file in files}
    graph: dict[str, set[str]] = {file.module: set() for file in files}
    for file in files:
        for found in imports(file):
            if found.when_loaded:
                # A name is a module, or stands in one.
                target = found.name if found.name in modules else found.name.rpartition(".")[0]
                graph[file.module] |= {target} & modules
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


@pytest.fixture(scope="module")
def program(repo_root: Path) -> list[File]:
    files = [
        File(str(path.relative_to(repo_root)), path.read_text(encoding="utf-8"))
        for room in ROOMS
        for path in sorted((repo_root / room).rglob("*.py"))
    ]
    assert {file.path.partition("/")[0] for file in files} == set(ROOMS)
    return files


@pytest.mark.parametrize("rule", RULES)
def test_the_program_keeps_the_rules(program: list[File], rule: Callable[[File], Iterator[str]]) -> None:
    broken = [sentence for file in program for sentence in rule(file)]
    assert not broken, "\n".join(["", *broken])


def test_no_import_goes_in_a_circle(program: list[File]) -> None:
    found = cycle(program)
    assert not found, " imports ".join(found)


LONG_FUNCTION = '"""F."""\ndef long():\n' + "    x = 1\n" * 60


@pytest.mark.parametrize(
    ("path", "text", "broken"),
    [
        ("storage/a.py", '"""A."""\nfrom bot.errors import MnemoError', ":2: storage may not import bot.errors"),
        ("playground/a.py", '"""A."""\nimport storage', ":2: playground may not import storage"),
        ("bot/a.py", '"""A."""\nimport playground.model', ":2: bot may not import playground.model"),
        ("bot/a.py", '"""A."""\nfrom cogs import memory', ":2: bot may not import cogs.memory"),
        ("bot/prompt.py", '"""A."""\nfrom storage import Store', ":2: bot/prompt.py may not import storage.Store"),
        ("bot/tokens.py", '"""A."""\nfrom . import prompt', ":2: bot/tokens.py may not import bot.prompt"),
        ("bot/memory/a.py", '"""A."""\nfrom ..turn import Brain', ":2: bot/memory may not import bot.turn"),
        ("bot/memory/a.py", '"""A."""\nif x:\n    import bot.turn', ":3: bot/memory may not import bot.turn"),
        ("cogs/a.py", '"""A."""\nfrom cogs.memory import setup', ":2: cogs may not import cogs.memory"),
        ("cogs/a.py", '"""A."""\nfrom bot.client import MnemoBot', ":2: cogs may not import bot.client"),
        ("cogs/a.py", '"""A."""\nfrom storage import Store', ":2: cogs may not import storage.Store"),
        ("bot/turn.py", '"""A."""\nfrom discord import Message', ":2: discord may be imported only in bot/client.py"),
        ("bot/a.py", '"""A."""\ndef f():\n    import openai.types', ":3: openai may be imported only in bot/model.py"),
        ("cogs/a.py", '"""A."""\ntry:\n    import tiktoken\nexcept E:\n    pass', ":3: tiktoken may be imported only"),
        ("bot/a.py", '"""A."""\ntry:\n    pass\nexcept E:\n    import sqlite3', ":5: sqlite3 may be imported only"),
        ("bot/turn.py", '"""A."""\nfrom bot.model import open_model', ":2: bot.model.open_model opens things"),
        ("bot/turn.py", '"""A."""\nfrom storage import open_store', ":2: storage.open_store opens things"),
        ("bot/a.py", '"""A."""\n' + "x = 1\n" * 400, ":401: a file has 400 lines at most"),
        ("bot/a.py", LONG_FUNCTION, ":2: long has 61 lines of 60 at most"),
        ("bot/a.py", '"""A."""\ntry:\n    f()\nexcept:\n    pass', ":4: an except clause names what it catches"),
        ("bot/a.py", "import asyncio", ":1: a file opens with a paragraph"),
    ],
)
def test_a_broken_rule_is_said_with_file_and_line(path: str, text: str, broken: str) -> None:
    (sentence,) = [sentence for rule in RULES for sentence in rule(File(path, text))]
    assert sentence.startswith(f"{path}{broken}")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("bot/__init__.py", ""),
        (
            "cogs/a.py",
            '"""A."""\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bot.client import MnemoBot',
        ),
        (
            "cogs/a.py",
            '"""A."""\nimport discord\nfrom storage import StorageError\nfrom bot.errors import NotPermitted',
        ),
        ("bot/runtime.py", '"""A."""\nfrom bot.model import open_model\nfrom storage import open_store'),
        ("playground/a.py", '"""A."""\nimport sqlite3\nfrom playground import names'),
    ],
)
def test_what_is_allowed_is_not_complained_of(path: str, text: str) -> None:
    assert not [sentence for rule in RULES for sentence in rule(File(path, text))]


def test_a_cycle_is_found_unless_it_closes_later() -> None:
    one, other = File("bot/one.py", "from bot import other"), File("bot/other.py", "import bot.one")
    later = File("bot/other.py", "def f():\n    import bot.one")
    assert set(cycle([one, other])) == {"bot.one", "bot.other"}
    assert cycle([one, later]) == []
