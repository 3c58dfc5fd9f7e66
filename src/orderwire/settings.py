"""Every setting in one table, and where each value comes from: option, environment, file or default.

A leaf: the contracts' options are handed to `load` by the caller, as settings made by `contract_settings`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .setting_values import (
    OptionLike,
    hide_password,
    list_tuple,
    one_of,
    read_database,
    read_flag,
    read_hosts,
    read_keys,
    seconds,
    whole,
)

PREFIX = "ORDERWIRE_"
CONFIG_VARIABLE = "ORDERWIRE_CONFIG"
CONFIG_NAME = "orderwire.toml"
MAX_CONFIG_BYTES = 1_048_576
HIDDEN = "(hidden)"


class SettingsError(Exception):
    """A setting that can't be used: the message names it, where it stands and what it may be."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `read` makes the value of a text and raises ValueError(what it must be);
    `show` gives the value as it may be printed."""

    name: str
    default: Any
    help: str
    read: Callable[[str], Any] = str
    limit: str = ""
    secret: bool = False
    show: Callable[[Any], Any] = list_tuple

    @property
    def variable(self) -> str:
        """The environment variable of this setting."""
        return PREFIX + self.name.upper().replace(".", "_").replace("-", "_")


@dataclass(frozen=True, slots=True)
class Value:
    """A resolved setting and its source, such as `environment ORDERWIRE_PORT`."""

    setting: Setting
    value: Any
    source: str

    def __repr__(self) -> str:
        return f"Value({self.setting.name}={self.shown!r}, {self.source!r})"

    @property
    def shown(self) -> Any:
        """The value as it may be printed: a secret that is given is hidden."""
        if self.setting.secret and self.value:
            return HIDDEN
        return self.setting.show(self.value)


class Settings:
    """Every setting with its value: `settings["port"]`, `settings["plum.later_types"]`."""

    def __init__(self, values: Sequence[Value], config_path: Path | None) -> None:
        self._values = {value.setting.name: value for value in values}
        self.config_path = config_path

    def __getitem__(self, name: str) -> Any:
        return self._values[name].value

    def __iter__(self) -> Iterator[Value]:
        return iter(self._values.values())

    def __repr__(self) -> str:
        return f"Settings({len(self._values)} values)"

    def source(self, name: str) -> str:
        """Where the value of `name` comes from."""
        return self._values[name].source

    @property
    def folder(self) -> Path:
        """The folder of what stands beside the book."""
        if self["data_folder"]:
            return Path(self["data_folder"])
        if self["database"].startswith("sqlite:///"):
            return self.database_path.parent
        return Path()

    @property
    def database_path(self) -> Path:
        """The SQLite file that holds the book, where it is one."""
        return Path(str(self["database"]).removeprefix("sqlite:///"))

    @property
    def shown_database(self) -> str:
        """Where the book is kept, as it may be printed."""
        return hide_password(str(self["database"]).removeprefix("sqlite:///"))

    @property
    def key_file(self) -> Path:
        """The file that holds the vault's keys when `vault_keys` names none: beside the book."""
        is_file = self["database"].startswith("sqlite:///")
        return self.folder / f"{self.database_path.name if is_file else 'orderwire'}.key"

    @property
    def mail_folder(self) -> Path:
        """The folder of the file mailbox: `mail` beside the book when none is set."""
        return Path(self["mail_folder"]) if self["mail_folder"] else self.folder / "mail"

    @property
    def import_folder(self) -> Path:
        """The folder of uploaded files: `imports` beside the book when none is set."""
        given = self["import_folder"]
        return Path(given) if given else self.folder / "imports"


LEVELS = ("debug", "info", "warning", "error")

TABLE: tuple[Setting, ...] = (
    Setting(
        "database",
        "sqlite:///orderwire.db",
        "where the book is kept: a path, sqlite:///path or postgresql://user:password@host:port/database",
        read_database,
        show=hide_password,
    ),
    Setting(
        "database_connections",
        10,
        "how many connections to PostgreSQL a process may have",
        whole(2, 200),
        "2 to 200",
    ),
    Setting(
        "store_seconds",
        5.0,
        "how long a read or write is tried on PostgreSQL before a request is given up, in seconds",
        seconds(0.1, 60),
        "0.1 to 60",
    ),
    Setting(
        "data_folder",
        "",
        "the folder of the key, the mails and the imports; empty: the one the book's file is in, or on"
        " PostgreSQL the one that the process runs in",
    ),
    Setting("host", "127.0.0.1", "the address to listen on"),
    Setting(
        "workers", 1, "how many processes serve; more than one needs PostgreSQL", whole(1, 256), "1 to 256"
    ),
    Setting("port", 8080, "the port to listen on", whole(1, 65_535), "1 to 65535"),
    Setting(
        "body_bytes",
        1_048_576,
        "largest request body, in bytes",
        whole(1_024, 67_108_864),
        "1024 to 67108864",
    ),
    Setting("url_bytes", 8_192, "longest request target, in bytes", whole(256, 65_536), "256 to 65536"),
    Setting(
        "header_bytes",
        32_768,
        "largest header fields of a request together, in bytes",
        whole(1_024, 262_144),
        "1024 to 262144",
    ),
    Setting("header_count", 64, "most header fields of a request", whole(8, 100), "8 to 100"),
    Setting(
        "request_seconds",
        30.0,
        "how long a request may take, its body included, in seconds",
        seconds(0.05, 3_600),
        "0.05 to 3600",
    ),
    Setting(
        "upload_bytes",
        67_108_864,
        "largest uploaded file with the form round it, in bytes",
        whole(1_024, 4_294_967_296),
        "1024 to 4294967296",
    ),
    Setting(
        "transfer_seconds",
        600.0,
        "how long an upload or a download may take, in seconds",
        seconds(0.05, 86_400),
        "0.05 to 86400",
    ),
    Setting("import_folder", "", "the folder for uploaded files and what became of them"),
    Setting(
        "import_files_days",
        30,
        "how long the files of an import that has ended are kept, in days",
        whole(1, 3_650),
        "1 to 3650",
    ),
    Setting("imports_at_once", 1, "how many uploaded files are imported at a time", whole(1, 16), "1 to 16"),
    Setting(
        "credential_cache_ms",
        1_000,
        "how long a checked credential is remembered, in milliseconds: a revocation is noticed after at"
        " most this long; 0 remembers none",
        whole(0, 60_000),
        "0 to 60000",
    ),
    Setting(
        "login_failures",
        10,
        "how many wrong passwords for one name from one address are taken in login_window_seconds; 0: any",
        whole(0, 1_000),
        "0 to 1000",
    ),
    Setting(
        "login_window_seconds",
        300,
        "how long wrong passwords are counted, from the first one, in seconds",
        whole(1, 86_400),
        "1 to 86400",
    ),
    Setting(
        "kept_answers_bytes",
        16_777_216,
        "how much memory answers to reads of orders may take that are kept until the order changes, in"
        " bytes; 0 keeps none",
        whole(0, 4_294_967_296),
        "0 to 4294967296",
    ),
    Setting(
        "vault_keys",
        (),
        "keys that seal voucher codes, each base64 of 32 bytes: the first seals, all open; with none, a key"
        " is made and kept in <database>.key",
        read_keys,
        secret=True,
    ),
    Setting(
        "as_of_header",
        True,
        "whether a read with the header Orderwire-As-Of shows orders as they stood then",
        read_flag,
    ),
    Setting("mail_folder", "", "the folder that mails are written to while smtp_host is empty"),
    Setting("smtp_host", "", "the server that mails are sent through; empty writes them to mail_folder"),
    Setting("smtp_port", 587, "the port of smtp_host", whole(1, 65_535), "1 to 65535"),
    Setting("smtp_username", "", "the name to sign in with at smtp_host; empty does not sign in"),
    Setting("smtp_password", "", "the password that goes with smtp_username", secret=True),
    Setting("smtp_starttls", True, "whether mails are sent only after STARTTLS", read_flag),
    Setting(
        "smtp_timeout_seconds",
        10.0,
        "how long smtp_host may take for one mail, in seconds",
        seconds(0.05, 300),
        "0.05 to 300",
    ),
    Setting("mail_from", "orders@localhost", "the sender of mails"),
    Setting("log_level", "info", "the least severe log line that is written", one_of(*LEVELS)),
    Setting("log_json", False, "whether log lines are JSON objects", read_flag),
)


def contract_settings(name: str, options: Iterable[OptionLike]) -> tuple[Setting, ...]:
    """The settings of one contract: its bindings, then its options, named `<contract>.<option>`."""
    bindings = (
        Setting(f"{name}.enabled", True, f"whether {name} is served", read_flag),
        Setting(
            f"{name}.hosts",
            {},
            f"the host names that {name} answers on, each with =organisation if it is that one's; none: all",
            read_hosts,
        ),
        Setting(f"{name}.organisation", "", f"the organisation that {name} is bound to; empty: none"),
    )
    own = (Setting(f"{name}.{one.name}", one.default, one.help, one.read) for one in options)
    return (*bindings, *own)


def load(
    environ: Mapping[str, str],
    config_path: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    extra: Iterable[Setting] = (),
) -> Settings:
    """Resolve every setting: `overrides` (options) over the environment over the file over the default.

    The file is `config_path`, or what ORDERWIRE_CONFIG names, or `orderwire.toml` in the working folder
    if it is there. An empty environment variable counts as not set; an override of None as not given.
    Raises SettingsError, also for a name that is no setting, in the file or the environment.
    """
    table = (*TABLE, *extra)
    known = {setting.name: setting for setting in table}
    path = _config_path(environ, config_path)
    given: dict[str, tuple[str, str]] = {}
    if path is not None:
        given.update({name: (text, f"file {path}") for name, text in _read_file(path, known).items()})
    for variable, text in _read_environment(environ, table).items():
        given[variable] = (text, f"environment {known[variable].variable}")
    for name, value in (overrides or {}).items():
        if name not in known:
            raise SettingsError(f"no setting {name!r}{_nearest(name, known)}")
        if value is not None:
            given[name] = (_text(name, value, "option"), f"option --{name.replace('_', '-')}")
    return Settings([_resolve(setting, given.get(setting.name)) for setting in table], path)


def _resolve(setting: Setting, given: tuple[str, str] | None) -> Value:
    if given is None:
        return Value(setting, setting.default, "default")
    text, source = given
    try:
        return Value(setting, setting.read(text), source)
    except ValueError as error:
        # What a person mistypes may hold a password, as a database URL does.
        said = "" if setting.secret or "@" in text else f", not {text!r}"
        raise SettingsError(f"{setting.name} ({source}): {error}{said}") from error


def _config_path(environ: Mapping[str, str], config_path: str | Path | None) -> Path | None:
    named = config_path or environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    usual = Path(CONFIG_NAME)
    return usual if usual.is_file() else None


def _read_environment(environ: Mapping[str, str], table: Iterable[Setting]) -> dict[str, str]:
    names = {setting.variable: setting.name for setting in table}
    found = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE:
            continue
        if variable not in names:
            raise SettingsError(
                f"the environment variable {variable} is no setting{_nearest(variable, names)}"
            )
        if text:
            found[names[variable]] = text
    return found


def _read_file(path: Path, known: Mapping[str, Setting]) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CONFIG_BYTES + 1)
        if len(raw) > MAX_CONFIG_BYTES:
            raise SettingsError(f"{path}: larger than {MAX_CONFIG_BYTES} bytes")
        content = tomllib.loads(raw.decode())
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
    found: dict[str, str] = {}
    for key, value in content.items():
        items = {key: value}
        if isinstance(value, dict):
            items = {f"{key}.{name}": item for name, item in value.items()}
        for name, item in items.items():
            if name not in known:
                raise SettingsError(f"{path}: no setting {name!r}{_nearest(name, known)}")
            found[name] = _text(name, item, str(path))
    return found


def _text(name: str, value: Any, where: str) -> str:
    """A TOML value as the text that an environment variable would hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | Path):
        if "\0" in str(value):
            raise SettingsError(f"{name} ({where}): holds a NUL character")
        return str(value)
    if isinstance(value, list | tuple):
        return ",".join(_text(name, item, where) for item in value)
    if isinstance(value, dict):
        return ",".join(f"{key}={_text(name, item, where)}" for key, item in value.items())
    raise SettingsError(f"{name} ({where}): must be a text, a number, true, false or a list")


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
