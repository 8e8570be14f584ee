"""Damage, hostility, kills and full disks: what fnet's data and checkpoints are put through."""
