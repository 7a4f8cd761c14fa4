"""Reconciler: GitOps for fleets of machines.

Start reading at `reconciler.loop.reconcile`: one whole reconcile, top to bottom.
The folders are the architecture; `docs/architecture.md` says what each may know.
"""

__version__ = "0.1.0"
