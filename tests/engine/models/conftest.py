"""Hypothesis profile of the kernels: the first call of each may compile, so no deadline."""

from hypothesis import settings

settings.register_profile("kernels", deadline=None, max_examples=60)
settings.load_profile("kernels")
