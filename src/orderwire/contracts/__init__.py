"""The faces for programs: one folder a contract, named once here."""

from __future__ import annotations

from . import hostway, native, planocore, plum, valomnia
from .contract import Contract

ALL: tuple[Contract, ...] = (
    planocore.contract,
    valomnia.contract,
    hostway.contract,
    plum.contract,
    native.contract,
)
