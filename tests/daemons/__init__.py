"""Several daemons in processes of their own, on one PostgreSQL, with hosts that keep their own logs."""
