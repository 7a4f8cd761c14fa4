"""What is said on pull requests: GitHub and GitLab, each over its REST API, and what CI tells of where we are.

Must not know what is said, nor when. Tokens come from whoever opens a forge, and leave here in requests only.
"""

from reconciler.adapters.forge.open import ForgeSettings, open_forge
from reconciler.adapters.forge.surroundings import Surroundings, surroundings

__all__ = ["ForgeSettings", "Surroundings", "open_forge", "surroundings"]
