"""Reads the source tree as text and syntax: what the tidy tests look at. Imports nothing of the package."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON_FOLDERS = ("src", "tests", "bench", "tools")


@dataclass(frozen=True)
class Import:
    """One import statement's target, as seen from the module that holds it."""

    importer: str
    imported: str
    line: int


def python_files(root: Path, *folders: str) -> list[Path]:
    """Every Python file under the folders of the tree, sorted; folders that are not there hold none."""
    return sorted(
        path
        for folder in folders or PYTHON_FOLDERS
        for path in (root / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    )


def tracked_files(root: Path) -> list[Path]:
    """What git tracks; in an unpacked archive, everything that is neither hidden nor made by the tests."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    if not any(names):
        names = [path.relative_to(root).as_posix() for path in root.rglob("*") if is_ours(root, path)]
    return sorted(root / name for name in names if name and (root / name).is_file())


def is_ours(root: Path, path: Path) -> bool:
    parts = path.relative_to(root).parts
    return "__pycache__" not in parts and (not parts[0].startswith(".") or parts[0] == ".ci")


def where(root: Path, path: Path, line: int | None = None) -> str:
    place = path.relative_to(root).as_posix()
    return place if line is None else f"{place}:{line}"


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_name(src: Path, path: Path) -> str:
    parts = path.relative_to(src).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(src: Path) -> dict[str, Path]:
    """Module name to file, for every module under src."""
    return {module_name(src, path): path for path in python_files(src, ".")}


def imports_of(name: str, path: Path, known: dict[str, Path]) -> Iterator[Import]:
    """Every import of one module. `from a import b` means a.b where that is a module of ours, else a."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = absolute_base(node, package)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(name, inner if inner in known else base, node.lineno)


def absolute_base(node: ast.ImportFrom, package: str) -> str:
    if node.level == 0:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *(node.module or "").split(".")]).rstrip(".")


def contract_folders(root: Path) -> list[Path]:
    """The folders under contracts/, each a published API; whatever is there, without a list to keep."""
    contracts = root / "src" / "orderwire" / "contracts"
    if not contracts.is_dir():
        return []
    return sorted(
        path
        for path in contracts.iterdir()
        if path.is_dir() and any(path.glob("*.*")) and path.name[0].isalpha()
    )


def markdown_tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The tables of a Markdown text: header cells, rows of cells. Backticks round a cell are dropped."""
    header: list[str] | None = None
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if not line.lstrip().startswith("|"):
            if header is not None:
                yield header, rows
            header, rows = None, []
            continue
        cells = [plain(cell) for cell in line.strip().strip("|").replace(r"\|", "\0").split("|")]
        if header is None:
            header = [cell.lower() for cell in cells]
        elif any(set(cell) - set("-: ") for cell in cells):
            rows.append(cells)


def plain(cell: str) -> str:
    return cell.replace("\0", "|").strip().strip("`").strip()


def markdown_section(text: str, heading: str) -> str | None:
    """The text under a heading, up to the next heading of its level; None where there is no such one."""
    lines = text.splitlines()
    if heading not in lines:
        return None
    start = lines.index(heading) + 1
    level = heading.split(" ")[0] + " "
    ends = (number for number, line in enumerate(lines[start:], start) if line.startswith(level))
    return "\n".join(lines[start : next(ends, len(lines))])
