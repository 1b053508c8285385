"""Inner rules: how the adapted parameters theta' come from theta.

`GradientDescent(num_steps)`, `optax(make_optimizer, num_steps)` and `Proximal(strength)` are given to
`mg.maml(..., inner=...)` and the others. For a rule of your own, subclass `InnerRule`, say what one `step` does, and
decorate the class with `mg.rule`.
"""

from .._base.names import listed as _listed
from ._optax_checks import clip_by_global_norm
from ._proximal import Proximal
from ._rules import GradientDescent, InnerRule, Optax, move, optax

__all__ = ["GradientDescent", "InnerRule", "Optax", "Proximal", "clip_by_global_norm", "move", "optax"]

__dir__ = _listed(__name__)
