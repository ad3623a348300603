"""The demo: the real thing, run for a minute, with what it does said aloud. `make demo`, `make demo-kubernetes`."""
