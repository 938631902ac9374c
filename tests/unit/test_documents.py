"""What must not drift: the settings and what the documents say of them, the commands they name, and the lock file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from annotated_types import Ge, Le
from dotenv import dotenv_values
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic.fields import FieldInfo

from bot.settings import DEFAULT_PERSONA, Settings

SETTINGS = {name.upper(): field for name, field in Settings.model_fields.items()}


def default(field: FieldInfo) -> str:
    """A setting's default as one would type it; nothing for none."""
    value = field.get_default()
    return "" if value is None or field.is_required() else f"{value:.9g}" if isinstance(value, float) else str(value)


def stated_as(field: FieldInfo) -> str:
    """A setting's default as a table states it, on one line."""
    expected = default(field).replace("\n", r"\n")
    return f"`{expected}`" if expected else "none"


def bounds(field: FieldInfo) -> str | None:
    """What a setting takes, as the documents say it; None where its type does not tell."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    least = [bound.ge for bound in field.metadata if isinstance(bound, Ge)]
    most = [bound.le for bound in field.metadata if isinstance(bound, Le)]
    return f"{least[0]:,.9g} to {most[0]:,.9g}" if least and most else None


def section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def table(text: str) -> dict[str, list[str]]:
    """The rows of the tables in *text* whose first cell is a variable: the other cells, by its name."""
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:2] == "| "]
    named = [(row[0].strip("`"), row[1:]) for row in rows if re.fullmatch(r"`[A-Z_]+`", row[0])]
    assert len(dict(named)) == len(named), "a setting stands in two rows"
    return dict(named)


@pytest.fixture(scope="module")
def configuration(repo_root: Path) -> dict[str, list[str]]:
    return table((repo_root / "docs/configuration.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def readme(repo_root: Path) -> str:
    return (repo_root / "README.md").read_text(encoding="utf-8")


def test_the_example_lists_every_setting_with_its_default(repo_root: Path, tmp_path: Path) -> None:
    example = (repo_root / ".env.example").read_text(encoding="utf-8")
    everything = tmp_path / "everything.env"
    everything.write_text(re.sub(r"^#(?=[A-Z_]+=)", "", example, flags=re.MULTILINE), encoding="utf-8")
    assert dotenv_values(everything) == {name: default(field) for name, field in SETTINGS.items()}


def test_the_example_changes_nothing_as_it_is(repo_root: Path) -> None:
    assert not any(dotenv_values(repo_root / ".env.example").values())


def test_the_configuration_page_names_every_setting_and_nothing_else(configuration: dict[str, list[str]]) -> None:
    assert configuration.keys() == SETTINGS.keys()


@pytest.mark.parametrize("name", SETTINGS)
def test_the_configuration_page_says_defaults_and_bounds(configuration: dict[str, list[str]], name: str) -> None:
    _, stated_default, takes = configuration[name]
    assert stated_default == stated_as(SETTINGS[name])
    assert takes == (bounds(SETTINGS[name]) or takes)


def test_the_configuration_page_quotes_the_persona(repo_root: Path) -> None:
    page = (repo_root / "docs/configuration.md").read_text(encoding="utf-8")
    quoted = " ".join(line.removeprefix("> ") for line in page.splitlines() if line.startswith("> "))
    assert quoted == DEFAULT_PERSONA


def test_the_readme_names_every_setting_with_its_default(readme: str) -> None:
    rows = table(section(readme, "Settings"))
    assert rows.keys() == SETTINGS.keys()
    for name, (_, stated) in rows.items():
        assert stated == stated_as(SETTINGS[name]), name


def test_every_make_target_that_a_document_names_exists(repo_root: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (repo_root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set()
    for document in [*repo_root.glob("*.md"), *repo_root.glob("docs/*.md")]:
        for code in re.findall(r"```.*?```|`[^`\n]+`", document.read_text(encoding="utf-8"), re.DOTALL):
            named |= {(document.name, target) for target in re.findall(r"\bmake ([a-z]+)", code)}
    assert {("README.md", target) for target in ("play", "run", "test", "doctor")} <= named
    assert {(document, target) for document, target in named if target not in targets} == set()


def requirements(pyproject: Path, groups: tuple[str, ...]) -> Iterator[Requirement]:
    declared = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    for listed in (declared["project"]["dependencies"], *(declared["dependency-groups"][group] for group in groups)):
        yield from map(Requirement, listed)


LOCKS = [("requirements.lock", ("play", "dev")), ("bench/requirements.lock", ("bench",))]


@pytest.mark.parametrize(("file", "groups"), LOCKS)
def test_a_lock_file_pins_every_dependency_with_hashes_and_names_no_host(
    repo_root: Path, file: str, groups: tuple[str, ...]
) -> None:
    lock = (repo_root / file).read_text(encoding="utf-8")
    assert "://" not in lock
    pinned: dict[str, str] = {}
    for entry in re.split(r"\n(?=\w)", re.sub(r"^ *#.*\n", "", lock, flags=re.MULTILINE)):
        pin = re.match(r"([\w.-]+)(?:\[[\w,]+\])?==([\w.!+]+)", entry)
        assert pin is not None, f"not pinned: {entry.splitlines()[0]}"
        assert "--hash=sha256:" in entry, f"without a hash: {pin[1]}"
        pinned[canonicalize_name(pin[1])] = pin[2]
    for requirement in requirements(repo_root / "pyproject.toml", groups):
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} is not in the lock file: make lock"
        assert requirement.specifier.contains(pinned[name]), f"{name} is outside of pyproject.toml's bounds: make lock"
