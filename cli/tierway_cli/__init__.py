"""The command for people: `tierway`. The only package that may import both the proxy and the operator."""
