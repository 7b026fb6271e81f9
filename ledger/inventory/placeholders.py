"""What stands in an inventory in place of a value: of it nothing can be looked for."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(
    r"""
    # References of 1Password, vals, Vault, Doppler, AWS, Google Cloud, Azure
      op://\S+ | ref\+\w+://\S+ | (?:vault|bws|doppler):\S+
    | arn:aws[\w-]*:(?:secretsmanager|ssm):\S+ | projects/[\w-]+/secrets/\S+
    | @Microsoft\.KeyVault\(.*
    # of shells, Compose and templates, of tags of YAML
    | \$\{.*\} | \$\(.*\) | \$[A-Za-z_][A-Za-z0-9_]* | \{\{.*\}\}
    | %\(\w+\)s | ![A-Za-z]\S*(?:\s.*)?
    # Masks
    | [*\u2022\u25cf]{3,} | (?i:x{4,})
    | [<(\[]{1,2}(?i:sensitive|sensitive\ value|redacted|masked|filtered|hidden)[>)\]]{1,2}
    # Ciphertext of SOPS, dotenvx, Ansible
    | ENC\[.* | encrypted:\S+ | \$ANSIBLE_VAULT;.*
    """,
    re.VERBOSE | re.DOTALL,
)


def is_placeholder(value: str) -> bool:
    """Whether it is a reference, a mask or ciphertext, as far as its form tells."""
    return _PLACEHOLDER.fullmatch(value.strip()) is not None
