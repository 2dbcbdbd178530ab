"""Build hook: compiles the translation catalogues, for wheels and for editable installs alike."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def load_compiler(root: Path) -> ModuleType:
    """Return ``posdiag.text.catalogue`` without importing the package.

    A build runs in its own environment, which has Babel but none of posdiag's other dependencies.
    """
    path = root / "posdiag" / "text" / "catalogue.py"
    spec = importlib.util.spec_from_file_location("posdiag_catalogue", path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compile_translations(root: Path) -> list[Path]:
    """Compile every ``.po`` of the source tree next to itself and return the ``.mo`` files."""
    written: list[Path] = load_compiler(root).compile_all(root / "posdiag" / "text" / "locale")
    if not written:
        raise RuntimeError("no translation catalogue found below posdiag/text/locale")
    return written


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # its parameter is hatchling's own
    """Called by hatchling before each build."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name the results as artifacts since git ignores them.

        Args:
            version: ``standard`` or ``editable``; both need the catalogues.
            build_data: what hatchling passes on to the builder.
        """
        del version
        root = Path(self.root)
        build_data["artifacts"].extend(
            f"/{path.relative_to(root).as_posix()}" for path in compile_translations(root)
        )
