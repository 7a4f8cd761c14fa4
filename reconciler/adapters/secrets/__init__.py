"""Opening secrets, for whoever applies: SOPS with age, ansible-vault, the operator's files and environment."""

from reconciler.adapters.secrets.keyfile import KeyFile
from reconciler.adapters.secrets.keyring import Keyring
from reconciler.adapters.secrets.settings import SecretsSettings, taken_out

__all__ = ["KeyFile", "Keyring", "SecretsSettings", "taken_out"]
