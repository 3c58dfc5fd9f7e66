"""Sealing: what is sealed opens only with its key and in its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwire.vault import DECOY_HASH, Vault, VaultError, digest, hash_password, new_key, new_token

OLD, NEW = new_key(), new_key()


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_sealed_opens_again(clear: str) -> None:
    vault = Vault((OLD,))
    sealed = vault.seal(clear, "here")
    assert vault.open(sealed, "here") == clear
    assert sealed != vault.seal(clear, "here"), "each sealing has its own nonce"


def test_a_rotated_key_still_opens_and_a_dropped_one_does_not() -> None:
    sealed = Vault((OLD,)).seal("code", "here")
    rotated = Vault((NEW, OLD))
    assert rotated.open(sealed, "here") == "code"
    assert rotated.seal("x", "here").split(":")[0] != sealed.split(":")[0]
    with pytest.raises(VaultError):
        Vault((NEW,)).open(sealed, "here")


def test_damage_and_another_place_are_noticed() -> None:
    vault = Vault((OLD,))
    sealed = vault.seal("code", "here")
    with pytest.raises(VaultError):
        vault.open(sealed, "there")
    flipped = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    with pytest.raises(VaultError):
        vault.open(flipped, "here")


@pytest.mark.parametrize("keys", [(), ("c2hvcnQ=",), ("not base64",)])
def test_keys_of_another_size_are_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"key|base64"):
        Vault(keys)


def test_passwords_and_tokens() -> None:
    vault = Vault((OLD,))
    hashed = hash_password("päss")
    assert hashed.startswith("$argon2id$")
    assert vault.verify("päss", hashed)
    assert not vault.verify("pass", hashed)
    assert not vault.verify("päss", "not a hash")
    assert len(new_token()) == 43
    assert new_token() != new_token()
    assert len(digest("x")) == 32
    assert "Vault(...)" in repr(vault)


def test_the_decoy_takes_as_long_as_a_password() -> None:
    def cost(hashed: str) -> list[str]:
        return hashed.split("$")[1:4]

    assert cost(DECOY_HASH) == cost(hash_password("x"))
    assert len(DECOY_HASH) == len(hash_password("x"))


def test_no_token_looks_like_an_option() -> None:
    tokens = {new_token() for _ in range(2_000)}
    assert len(tokens) == 2_000
    assert {len(token) for token in tokens} == {43}
    assert not [token for token in tokens if token.startswith("-")]
