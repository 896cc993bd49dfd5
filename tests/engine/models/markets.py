"""Model markets: the reference's, and ranges of others that a desk could meet."""

from hypothesis import strategies as st

from engine.models.glft import GlftModel


def calm(bound: int = 10, *, gamma: float = 0.01, drift: float = 0.0) -> GlftModel:
    """The figures of Guéant, Lehalle & Fernandez-Tapia: a = 0.02."""
    return GlftModel(0.9, 0.3, 0.3, gamma, bound, drift=drift)


def steep(bound: int = 30, *, drift: float = 0.0) -> GlftModel:
    """Each fill moves the quotes by half of 1/k: a = 0.49."""
    return GlftModel(0.2, 0.3, 1.0, 0.1, bound, drift=drift)


def brisk(bound: int = 15) -> GlftModel:
    """Busy and volatile: a = 0.08."""
    return GlftModel(1.2, 0.25, 1.5, 0.01, bound)


any_model = st.builds(
    GlftModel,
    A_per_s=st.floats(0.05, 20),
    k_per_tick=st.floats(0.02, 2),
    sigma_ticks=st.floats(0.05, 20),
    gamma=st.floats(1e-6, 1),
    bound=st.integers(1, 40),
    delta=st.floats(0.5, 3),
)

gentle_model = st.builds(
    GlftModel,
    A_per_s=st.floats(0.05, 5),
    k_per_tick=st.floats(0.05, 1),
    sigma_ticks=st.floats(0.05, 3),
    gamma=st.floats(1e-4, 0.1),
    bound=st.integers(1, 12),
    delta=st.floats(0.5, 2),
)
"""Of which a path of minutes can be computed in milliseconds."""
