"""The demo: all of Tierway on one machine, with providers that are simulated and traffic that is not all alike."""
