"""What holds for every test: none sees the settings, or touches the files, of whoever runs it."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from bot.settings import Settings
from tests.clock import Clock

_ROOT = Path(__file__).parents[1]
_IN_MEMORY = Path("/dev/shm")

#: The seed of `make test`, which does the same each time. `make torture` draws one and says which.
USUAL_SEED = 20_261_121

hypothesis.settings.register_profile("mnemo", deadline=None)  # a machine that is busy just now is no failure
hypothesis.settings.load_profile("mnemo")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--torture", action="store_true", help="run the long versions, and the tests that have only one")
    parser.addoption("--seed", type=int, help="what chance decides by; the header names the seed of a run")


@pytest.hookimpl(tryfirst=True)  # hypothesis reads its own there
def pytest_configure(config: pytest.Config) -> None:
    if config.option.seed is None:
        config.option.seed = random.randrange(2**32) if config.option.torture else USUAL_SEED
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = config.option.seed


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.option.seed} (the same again: --seed {config.option.seed})"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.option.torture:
        long = [item for item in items if item.get_closest_marker("torture")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def torture(pytestconfig: pytest.Config) -> bool:
    """Whether there is time: a test with a short and a long version asks this."""
    return bool(pytestconfig.option.torture)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """What a test draws by: the same for the same seed, whatever ran before."""
    return random.Random(f"{request.config.option.seed} {request.node.nodeid}")


@pytest.fixture
def clock() -> Clock:
    """What tells the time to what a test makes."""
    return Clock()


@pytest.fixture
def swift_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: for hundreds of databases that processes, not the power, are cut off from."""
    if not os.access(_IN_MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY, prefix="mnemo-test-") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _apart_from_the_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Unset every setting, and stand where there is no ``.env`` and no ``data/``; programs started from there find ours."""
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(_ROOT))


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The folder of the project, for tests that read its files."""
    return _ROOT
