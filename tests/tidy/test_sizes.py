"""Files and functions stay small enough to be read at one sitting."""

import ast
from pathlib import Path

from tests.tidy import tree

FILE_LINES_MAX = 400  # what one sitting reads
FUNCTION_LINES_MAX = 60  # one screen, from def to end


def long_files(root: Path) -> list[str]:
    counted = ((path, len(path.read_text(encoding="utf-8").splitlines())) for path in tree.python_files(root))
    return [
        f"{tree.where(root, path)}: {lines} lines, at most {FILE_LINES_MAX}"
        for path, lines in counted
        if lines > FILE_LINES_MAX
    ]


def long_functions(root: Path) -> list[str]:
    found = []
    for path in tree.python_files(root):
        for node in ast.walk(tree.parse(path)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                place = tree.where(root, path, node.lineno)
                found.append(f"{place}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}")
    return found


def test_files_are_short():
    assert long_files(tree.ROOT) == []


def test_functions_are_short():
    assert long_functions(tree.ROOT) == []


def test_the_limits_bite(tmp_path):
    body = "    pass\n"
    for folder, functions in {"src": 60, "tests": 59}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "long.py").write_text("def f():\n" + body * functions + "\n" * 339)
    (tmp_path / "src" / "method.py").write_text("class A:\n  @staticmethod\n  async def g():\n" + body * 60)
    assert long_files(tmp_path) == []
    assert long_functions(tmp_path) == [
        "src/long.py:1: f has 61 lines, at most 60",
        "src/method.py:3: g has 61 lines, at most 60",
    ]
    (tmp_path / "src" / "longer.py").write_text("\n" * 401)
    assert long_files(tmp_path) == ["src/longer.py: 401 lines, at most 400"]
