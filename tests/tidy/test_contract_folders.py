"""Every contract is one folder with the same files, and its README tells the routes that it serves."""

import importlib
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tidy import tree

FILES = ("README.md", "__init__.py", "routes.py", "auth.py", "wire.py", "errors.py", "demo.py")
HEADINGS = ("## Routes", "## Errors", "## Deviations and readings")
ROUTES_HEADER = ["method", "path", "operation", "auth"]
# What each kind of file may import of its own folder. A wire.py grown long may be cut into wire_orders.py,
# wire_parts.py ...: they are of the same kind.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "__init__": ("demo", "openapi", "routes", "errors", "auth", "wire"),
    "demo": ("demo", "routes", "errors", "auth", "wire"),
    # The description of a contract that has one.
    "openapi": ("openapi", "routes", "wire"),
    "routes": ("routes", "auth", "wire"),
    "errors": ("errors", "wire"),
    "auth": ("auth", "wire"),
    "wire": ("wire",),
}

FOLDERS = [path.name for path in tree.contract_folders(tree.ROOT)]


def missing_files(folder: Path) -> list[str]:
    return [name for name in FILES if not (folder / name).is_file()]


def missing_headings(folder: Path) -> list[str]:
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    return [heading for heading in HEADINGS if heading not in lines]


def unlisted(root: Path, name: str) -> list[str]:
    """Where the contract should stand besides its folder, and doesn't."""
    target = f"src/orderwire/contracts/{name}/README.md"
    rows = [
        row
        for _, rows in tree.markdown_tables((root / "README.md").read_text(encoding="utf-8"))
        for row in rows
    ]
    found = []
    if not any(f"]({target})" in cell for row in rows for cell in row):
        found.append("README.md: a row of a table")
    if f"](../{target})" not in (root / "docs" / "README.md").read_text(encoding="utf-8"):
        found.append("docs/README.md: a link")
    if not any((root / "tests" / "contracts" / name / "golden").glob("*.http")):
        found.append(f"tests/contracts/{name}/golden/*.http")
    return found


def kind_of(parts: Iterable[str]) -> str:
    """routes.py, routes_group.py and routes/group.py are all of the kind `routes`."""
    first = next(iter(parts), "__init__")
    return first if first == "__init__" else first.split("_")[0]


def forbidden_imports(src: Path, folder: Path) -> list[str]:
    """Imports within one contract folder that its layout does not allow, and files of no known kind."""
    package = tree.module_name(src, folder / "__init__.py")
    known = tree.modules(src)
    found = []
    for path in sorted(folder.rglob("*.py")):
        kind = kind_of(path.relative_to(folder).with_suffix("").parts)
        if kind not in MAY_IMPORT:
            found.append(f"{tree.where(src, path)}: no such kind of file")
            continue
        for one in tree.imports_of(tree.module_name(src, path), path, known):
            if one.imported == package or one.imported.startswith(f"{package}."):
                target = kind_of(one.imported.removeprefix(package).split(".")[1:])
                if target not in MAY_IMPORT[kind]:
                    found.append(f"{tree.where(src, path, one.line)}: {one.imported}")
    return found


def documented_routes(readme: str) -> list[tuple[str, ...]]:
    """Method, path and operation of every row of the route tables under `## Routes`."""
    tables = tree.markdown_tables(tree.markdown_section(readme, "## Routes") or "")
    return sorted(tuple(row[:3]) for header, rows in tables if header == ROUTES_HEADER for row in rows)


def served_routes(routes: Iterable[object]) -> list[tuple[str, ...]]:
    return sorted((route.method, route.path, route.operation) for route in routes)  # type: ignore[attr-defined]


def test_every_contract_is_mounted_under_its_folder_name():
    assert FOLDERS
    mounted = importlib.import_module("orderwire.contracts").ALL
    assert sorted(contract.name for contract in mounted) == FOLDERS


@pytest.mark.parametrize("name", FOLDERS)
def test_folder_is_complete(name):
    folder = tree.ROOT / "src" / "orderwire" / "contracts" / name
    assert missing_files(folder) == []
    assert missing_headings(folder) == []


@pytest.mark.parametrize("name", FOLDERS)
def test_contract_is_listed_and_has_goldens(name):
    assert unlisted(tree.ROOT, name) == []


@pytest.mark.parametrize("name", FOLDERS)
def test_folder_imports_in_one_direction(name):
    assert forbidden_imports(tree.ROOT / "src", tree.ROOT / "src" / "orderwire" / "contracts" / name) == []


@pytest.mark.parametrize("name", FOLDERS)
def test_readme_lists_the_routes_that_are_served(name):
    contract = importlib.import_module(f"orderwire.contracts.{name}").contract
    readme = (tree.ROOT / "src" / "orderwire" / "contracts" / name / "README.md").read_text(encoding="utf-8")
    assert documented_routes(readme) == served_routes(contract.routes)


def test_incomplete_folders_are_found(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text("# A contract\n\n## Routes\n\n### Errors\n## Deviations and readings\n")
    assert missing_files(tmp_path) == []
    assert missing_headings(tmp_path) == ["## Errors"]
    (tmp_path / "demo.py").unlink()
    assert missing_files(tmp_path) == ["demo.py"]


def test_unlisted_contracts_are_found(tmp_path):
    golden = tmp_path / "tests" / "contracts" / "plum" / "golden"
    golden.mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("[plum](src/orderwire/contracts/plum/README.md)\n")
    (tmp_path / "docs" / "README.md").write_text("- Plum\n")
    assert len(unlisted(tmp_path, "plum")) == 3
    (golden / "one.http").write_text("# From: a document\n")
    (tmp_path / "README.md").write_text("| a |\n|---|\n| [plum](src/orderwire/contracts/plum/README.md) |\n")
    (tmp_path / "docs" / "README.md").write_text("- [Plum](../src/orderwire/contracts/plum/README.md)\n")
    assert unlisted(tmp_path, "plum") == []


def test_forbidden_imports_are_found(tmp_path):
    folder = tmp_path / "orderwire" / "contracts" / "plum"
    folder.mkdir(parents=True)
    own = "orderwire.contracts.plum"
    for name, text in {
        "__init__.py": f"from {own} import routes, errors",
        "routes.py": f"import orderwire.book\nfrom {own} import auth, wire\nfrom {own} import errors",
        "errors.py": f"from {own}.wire_parts import x\nfrom {own} import auth",
        "auth.py": f"from {own} import wire",
        "wire.py": f"from {own} import wire_parts\nfrom {own} import contract",
        "wire_parts.py": "import msgspec",
        "helpers.py": "",
    }.items():
        (folder / name).write_text(text)
    assert forbidden_imports(tmp_path, folder) == [
        "orderwire/contracts/plum/errors.py:2: orderwire.contracts.plum.auth",
        "orderwire/contracts/plum/helpers.py: no such kind of file",
        "orderwire/contracts/plum/routes.py:3: orderwire.contracts.plum.errors",
        "orderwire/contracts/plum/wire.py:2: orderwire.contracts.plum",
    ]


def test_undocumented_routes_are_found():
    served = served_routes(
        [
            SimpleNamespace(method="GET", path="/order/{id}", operation="get_order"),
            SimpleNamespace(method="GET", path="/orders", operation="list_orders"),
        ]
    )
    row = "| `GET` | `/orders` | `list_orders` | token |\n"
    other = "| GET | /order/{id} | get_order | token |\n"
    readme = "# Plum\n\n## Routes\n\n| method | path | operation | auth |\n|---|---|---|---|\n" + row
    assert (
        documented_routes(readme + other + "\n## Errors\n\n| method | a |\n|---|---|\n| b | c |\n") == served
    )
    assert documented_routes(readme) == served[1:]
    assert documented_routes(readme + other + other) != served
    assert documented_routes(readme.replace("## Routes", "## Paths")) == []
