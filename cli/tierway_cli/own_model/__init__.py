"""A policy's own model of difficulty: prompts are labelled, a small layer is fitted over the general one, and judged.

The only part of Tierway that needs numpy (the extra `calibrate`), because it runs on a person's machine and never
beside requests. What leaves it is a `tierway_proxy.contract.own_model.OwnModel`, without a word of any prompt.
"""
