"""The carrier against real parts: Ansible, sshd, sudo."""
