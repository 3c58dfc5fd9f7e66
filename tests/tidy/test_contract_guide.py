"""The skeleton in docs/guides/contract.md works as it is printed."""

import importlib.util
import inspect
import re
import subprocess
import sys
from typing import get_args

import pytest

from orderwire.contracts.contract import Fault, Mount
from orderwire.web.request import Request
from tests.factories import make_organisation
from tests.inprocess import app_over, call
from tests.tidy import tree
from tests.tidy.test_contract_folders import (
    documented_routes,
    forbidden_imports,
    missing_files,
    missing_headings,
    served_routes,
)

GUIDE = (tree.ROOT / "docs" / "guides" / "contract.md").read_text(encoding="utf-8")
PRINTED = re.compile(r"^`([A-Za-z_.]+|tests/\S+)`:\n\n```[a-z]+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    """The folder of the skeleton, below a source tree of its own."""
    folder = tmp_path / "orderwire" / "contracts" / "fax"
    folder.mkdir(parents=True)
    for name, text in PRINTED.findall(GUIDE):
        (folder / name.rpartition("/")[2]).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def contract(folder):
    """The contract of the skeleton, imported under its name and forgotten again."""
    name = "orderwire.contracts.fax"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module.contract
    for loaded in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
        del sys.modules[loaded]


def test_its_folder_is_complete_and_imports_in_one_direction(folder):
    assert missing_files(folder) == []
    assert missing_headings(folder) == []
    assert forbidden_imports(folder.parents[2], folder) == []


def test_its_readme_lists_its_routes(folder, contract):
    assert documented_routes((folder / "README.md").read_text()) == served_routes(contract.routes)


async def test_it_serves_its_demo(book, contract):
    organisation = await make_organisation(book)
    for _ in range(2):
        await contract.demo.plant(book, organisation)
    described = contract.demo.describe()
    path = f"/fax/orders/{described['number']}"
    app = app_over(book, contract)
    answer = await call(app, "GET", path, {"x-fax-key": described["key"]})
    assert (answer.status, answer.json()) == (
        200,
        {"number": "fax-demo-1", "state": "new", "sender": "orders"},
    )
    assert (await call(app, "GET", path)).status == 401
    assert (await call(app, "GET", path, {"x-fax-key": "nobody's"})).status == 401
    assert (await call(app, "GET", "/fax/orders/no", {"x-fax-key": described["key"]})).status == 404
    assert (await call(app, "POST", path)).header("allow") == "GET"
    await book.close()


def test_every_fact_has_an_answer(book, contract):
    mount = Mount(contract=contract, book=book, options={"sender": "orders"})
    for fact in get_args(Fault):
        # Most facts keep what they are told; the others take nothing.
        told = inspect.signature(fact).parameters if "__init__" in vars(fact) else {}
        made = fact(**{name: ("GET",) if name == "allowed" else "x" for name in told})
        assert contract.render_error(mount, Request("GET", "/fax"), made).status >= 400


def test_it_is_formatted_and_typed(folder):
    for tool in (
        [sys.executable, "-m", "ruff", "check", "--config", str(tree.ROOT / "pyproject.toml"), str(folder)],
        [
            sys.executable,
            "-m",
            "ruff",
            "format",
            "--check",
            "--config",
            str(tree.ROOT / "pyproject.toml"),
            str(folder),
        ],
    ):
        done = subprocess.run(tool, cwd=tree.ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
