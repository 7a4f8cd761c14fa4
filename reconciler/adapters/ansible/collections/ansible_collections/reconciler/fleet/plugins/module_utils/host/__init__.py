"""What runs on a managed host: Python 3.8 or newer, standard library only.

It is sent to the host as it is and must not import Ansible or anything of Reconciler's controller side.
"""
