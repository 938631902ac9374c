"""What holds for every test: none sees the settings, or touches the files, of whoever runs it."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from bot.settings import Settings

_ROOT = Path(__file__).parents[1]

hypothesis.settings.register_profile("mnemo", deadline=None)  # a machine that is busy just now is no failure
hypothesis.settings.load_profile("mnemo")


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
