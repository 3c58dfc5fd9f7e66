"""Who may import whom: the contracts in pyproject.toml, and what import-linter does not look at."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.tidy import tree

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
REQUIRED = [
    "__main__",
    "app",
    "book",
    "cli",
    "contracts",
    "courier",
    "exporter",
    "importer",
    "migrating",
    "opening",
    "server",
    "setting_values",
    "settings",
    "store",
    "vault",
    "web",
    "workers",
]
BOOK_MAY_IMPORT = {"msgspec", "orderwire"}  # and the standard library


def lint_imports(root: Path) -> tuple[int, str]:
    """import-linter's exit code and report, for the tree at root under this tree's contracts."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            LINT_IMPORTS,
            "--no-logo",
            "--no-cache",
            "--config",
            str(tree.ROOT / "pyproject.toml"),
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def local_imports(root: Path) -> list[str]:
    """Imports inside functions: they hide what a module needs, and the cycles they were written for."""
    found = []
    for path in tree.python_files(root, "src"):
        if path.is_relative_to(root / "src" / "orderwire" / "cli"):
            continue  # a command loads only what it runs, so that --help is quick
        for function in ast.walk(tree.parse(path)):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                found += [
                    tree.where(root, path, node.lineno)
                    for node in ast.walk(function)
                    if isinstance(node, ast.Import | ast.ImportFrom)
                ]
    return sorted(set(found))


def import_graph(src: Path) -> dict[str, set[str]]:
    known = tree.modules(src)
    return {
        name: {found.imported for found in tree.imports_of(name, path, known) if found.imported in known}
        for name, path in known.items()
    }


def cycles(graph: dict[str, set[str]]) -> list[str]:
    """What is left when modules that import nothing left, or are imported by nothing left, are taken away."""
    left = {name: targets - {name} for name, targets in graph.items()}
    while True:
        imported = set().union(*left.values())
        loose = {name for name, targets in left.items() if not targets or name not in imported}
        if not loose:
            return sorted(left)
        left = {name: targets - loose for name, targets in left.items() if name not in loose}


def foreign_imports_of_book(root: Path) -> list[str]:
    known = tree.modules(root / "src")
    allowed = BOOK_MAY_IMPORT | sys.stdlib_module_names
    return [
        f"{tree.where(root, path, found.line)}: {found.imported}"
        for name, path in known.items()
        if f"{name}.".startswith("orderwire.book.")
        for found in tree.imports_of(name, path, known)
        if found.imported.partition(".")[0] not in allowed
    ]


def test_import_contracts_are_kept():
    code, report = lint_imports(tree.ROOT)
    assert code == 0, report


def test_no_imports_inside_functions():
    assert local_imports(tree.ROOT) == []


def test_no_import_cycles():
    assert cycles(import_graph(tree.ROOT / "src")) == []


def test_the_book_imports_nothing_foreign():
    assert foreign_imports_of_book(tree.ROOT) == []


def make_tree(root: Path, files: dict[str, str]) -> None:
    """A small tree with every required part, in which each contract of pyproject.toml is kept."""
    parts = {f"{name}.py": "" for name in REQUIRED if name != "contracts"}
    parts |= {"__init__.py": "", "contracts/__init__.py": "", "contracts/contract.py": ""}
    for folder in ("plum", "native"):
        own = f"orderwire.contracts.{folder}"
        parts |= {
            f"contracts/{folder}/__init__.py": f"from {own} import errors, routes",
            f"contracts/{folder}/routes.py": f"from {own} import auth, wire",
            f"contracts/{folder}/auth.py": f"from {own} import wire",
            f"contracts/{folder}/errors.py": f"from {own} import wire",
            f"contracts/{folder}/wire.py": "from orderwire.contracts import contract",
        }
    for name, text in (parts | files).items():
        path = root / "src" / "orderwire" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def test_the_small_tree_keeps_every_contract(tmp_path):
    make_tree(
        tmp_path, {"app.py": "import orderwire.store, orderwire.web", "book.py": "import orderwire.vault"}
    )
    code, report = lint_imports(tmp_path)
    assert code == 0, report


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("contracts/plum/routes.py", "orderwire.store", "layers"),
        ("courier.py", "orderwire.contracts.contract", "layers"),
        ("store.py", "orderwire.importer", "layers"),
        ("vault.py", "orderwire.settings", "layers"),
        ("web.py", "orderwire.book", "layers"),
        ("book.py", "orderwire.web", "book-side"),
        ("importer.py", "orderwire.web", "book-side"),
        ("contracts/native/auth.py", "orderwire.vault", "faces"),
        ("book.py", "sqlalchemy", "book-third-party"),
        ("contracts/native/wire.py", "sqlite3", "faces-third-party"),
        ("contracts/native/wire.py", "orderwire.contracts.plum.wire", "contracts-apart"),
        ("contracts/contract.py", "orderwire.contracts.plum.wire", "acyclic"),
        ("contracts/native/wire.py", "orderwire.contracts.native.auth", "contract-inside"),
        ("contracts/native/errors.py", "orderwire.contracts.native.routes", "contract-inside"),
        ("cli.py", "orderwire.__main__", "layers"),
        ("stray.py", "orderwire.book", "layers"),
    ],
)
def test_the_import_contracts_bite(tmp_path, module, imported, contract):
    make_tree(tmp_path, {module: f"import {imported}"})
    contracts = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    name = next(entry["name"] for entry in contracts if entry["id"] == contract)
    code, report = lint_imports(tmp_path)
    assert code == 1, report
    assert f"{name} BROKEN" in " ".join(report.split()), report


def test_local_imports_are_found(tmp_path):
    text = "import os\ndef f():\n    if os:\n        from a import b\n"
    text += "class A:\n    async def g(self):\n        import c"
    make_tree(tmp_path, {"web.py": text, "cli/serve.py": text})
    assert local_imports(tmp_path) == ["src/orderwire/web.py:4", "src/orderwire/web.py:7"]


def test_cycles_are_found(tmp_path):
    make_tree(tmp_path, {"app.py": "from .web import x", "web.py": "from orderwire import vault"})
    assert cycles(import_graph(tmp_path / "src")) == []
    make_tree(tmp_path, {"web.py": "from orderwire import vault", "vault.py": "from . import web"})
    assert cycles(import_graph(tmp_path / "src")) == ["orderwire.vault", "orderwire.web"]


def test_foreign_imports_of_the_book_are_found(tmp_path):
    text = "import json, msgspec\nfrom orderwire import vault\nimport attrs.converters"
    make_tree(tmp_path, {"book/rules.py": text, "web.py": text})
    assert foreign_imports_of_book(tmp_path) == ["src/orderwire/book/rules.py:3: attrs.converters"]
