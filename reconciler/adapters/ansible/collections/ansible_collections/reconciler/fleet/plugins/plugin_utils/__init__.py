"""What the action plugin is made of. Runs in Ansible's worker processes, on the controller."""
