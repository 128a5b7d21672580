"""How long a test waits for what should come: longer than any busy machine takes, so that only a hang is that long."""

HANG_SECONDS = 1200
