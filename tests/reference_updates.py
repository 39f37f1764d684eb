"""The NumPy oracle of every optimizer: one parameter's step in place, from its gradient, as Keras 3 has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Update:
    kind: str = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    rho: float = 0.9
    initial_accumulator: float = 0.1
    weight_decay: float = 0.0
    decay_bias: bool = False
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float = 0.0
    clip_value: float = 0.0
    clip_norm_each: float = 0.0
    amsgrad: bool = False
    centered: bool = False
    learning_rate_power: float = -0.5
    l1_regularization: float = 0.0
    l2_regularization: float = 0.0
    l2_shrinkage: float = 0.0
    beta: float = 0.0
    average_momentum: float = 0.0
    average_every: int = 0

    @property
    def n_slots(self):
        return n_slots(self)

    def new_slots(self, parameters):
        return new_slots(self, parameters)


def rule_slots(update):
    """How many slots a rule has, of any object with an update's attributes."""
    with_momentum = int(update.momentum != 0)
    if update.kind in {"adam", "adamw"} and getattr(update, "amsgrad", False):
        return 3  # m, v, the greatest v
    if update.kind == "rmsprop" and getattr(update, "centered", False):
        return 3  # v, the momentum, the mean gradient
    counts = {"sgd": with_momentum, "rmsprop": 1 + with_momentum, "adagrad": 1, "lion": 1}
    return counts.get(update.kind, 2)


def n_slots(update):
    """The rule's, and behind them the moving average of the weights if there is one."""
    return rule_slots(update) + (getattr(update, "average_momentum", 0) > 0)


def new_slots(update, parameters):
    """The slots before the first step, one list of arrays a slot."""
    first = update.initial_accumulator if update.kind in {"adagrad", "ftrl"} else 0
    slots = [[np.full_like(p, 0 if i else first) for p in parameters] for i in range(rule_slots(update))]
    return slots + [[p.copy() for p in parameters]] * (n_slots(update) - len(slots))


def sgd(w, slots, g, rate, u, step):
    """v = momentum v - rate g; w += momentum v - rate g (Nesterov) or v."""
    if not slots:
        w -= rate * g
        return
    (v,) = slots
    v[...] = u.momentum * v - rate * g
    w += u.momentum * v - rate * g if u.nesterov else v


def adam(w, slots, g, rate, u, step):
    """w -= lr_t m / (sqrt(v) + epsilon), lr_t = rate sqrt(1 - b2^t) / (1 - b1^t): scikit-learn's form and Keras'."""
    m, v = slots[:2]
    m[...] = u.beta_1 * m + (1 - u.beta_1) * g
    v[...] = u.beta_2 * v + (1 - u.beta_2) * (g * g)
    if len(slots) == 3:  # amsgrad
        v = np.maximum(slots[2], v, out=slots[2])
    w -= rate * np.sqrt(1 - u.beta_2**step) / (1 - u.beta_1**step) * m / (np.sqrt(v) + u.epsilon)


def nadam(w, slots, g, rate, u, step):
    """m_hat = u_{t+1} m / (1 - u_1 ... u_{t+1}) + (1 - u_t) g / (1 - u_1 ... u_t), u_t = b1 (1 - 0.96^t / 2)."""
    m, v = slots
    m[...] = u.beta_1 * m + (1 - u.beta_1) * g
    v[...] = u.beta_2 * v + (1 - u.beta_2) * (g * g)
    momenta = u.beta_1 * (1 - 0.5 * 0.96 ** np.arange(1, step + 2))
    m_hat = momenta[-1] * m / (1 - momenta.prod()) + (1 - momenta[-2]) * g / (1 - momenta[:-1].prod())
    w -= rate * m_hat / (np.sqrt(v / (1 - u.beta_2**step)) + u.epsilon)


def rmsprop(w, slots, g, rate, u, step):
    """v = rho v + (1 - rho) g^2; d = rate g / sqrt(v + epsilon); w -= d; with momentum b = momentum b + d, w -= b.

    Centered: a = rho a + (1 - rho) g; d = rate g / sqrt(max(v - a^2, 0) + epsilon).
    """
    v = slots[0]
    v[...] = u.rho * v + (1 - u.rho) * (g * g)
    spread = v
    if len(slots) == 3:
        a = slots[2]
        a[...] = u.rho * a + (1 - u.rho) * g
        spread = np.maximum(v - a * a, 0)
    d = rate * g / np.sqrt(spread + u.epsilon)
    if len(slots) >= 2:
        slots[1][...] = u.momentum * slots[1] + d
        d = slots[1]
    w -= d


def adagrad(w, slots, g, rate, u, step):
    """a += g^2; w -= rate g / sqrt(a + epsilon)."""
    (a,) = slots
    a += g * g
    w -= rate * g / np.sqrt(a + u.epsilon)


def adamax(w, slots, g, rate, u, step):
    """m as Adam's; n = max(b2 n, |g|); w -= rate / (1 - b1^t) m / (n + epsilon)."""
    m, n = slots
    m[...] = u.beta_1 * m + (1 - u.beta_1) * g
    n[...] = np.maximum(u.beta_2 * n, np.abs(g))
    w -= rate / (1 - u.beta_1**step) * m / (n + u.epsilon)


def adadelta(w, slots, g, rate, u, step):
    """v and e average g^2 and d^2 with rho; d = g sqrt(e + epsilon) / sqrt(v + epsilon), e the old one; w -= rate d."""
    v, e = slots
    v[...] = u.rho * v + (1 - u.rho) * (g * g)
    d = g * np.sqrt(e + u.epsilon) / np.sqrt(v + u.epsilon)
    e[...] = u.rho * e + (1 - u.rho) * d * d
    w -= rate * d


def lion(w, slots, g, rate, u, step):
    """w -= rate sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g."""
    (m,) = slots
    w -= rate * np.sign(u.beta_1 * m + (1 - u.beta_1) * g)
    m[...] = u.beta_2 * m + (1 - u.beta_2) * g


def ftrl(w, slots, g, rate, u, step):
    """n = a + g^2, p = -learning_rate_power; z += g + 2 l2_shrinkage w - (n^p - a^p) / rate w; a = n.

    w = (clip(z, -l1, l1) - z) / (n^p / rate + 2 (l2 + beta / (2 rate))): Keras' Ftrl.
    """
    a, z = slots
    n, p = a + g * g, -u.learning_rate_power
    z += g + 2 * u.l2_shrinkage * w - (n**p - a**p) / rate * w
    quadratic = n**p / rate + 2 * (u.l2_regularization + u.beta / (2 * rate))
    w[...] = (np.clip(z, -u.l1_regularization, u.l1_regularization) - z) / quadratic
    a[...] = n


RULES = {f.__name__: f for f in (sgd, adam, nadam, rmsprop, adagrad, adamax, adadelta, lion, ftrl)} | {"adamw": adam}


def apply(update, rate, step, parameters, slots, gradients):
    """One whole step: clipping, decoupled decay, the rule, the moving average; everything in place."""
    if update.clip_value:
        gradients = [np.clip(g, -update.clip_value, update.clip_value) for g in gradients]
    if update.clip_norm:
        norm = np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in gradients))
        gradients = [g * (update.clip_norm / max(norm, update.clip_norm)) for g in gradients]
    if each := getattr(update, "clip_norm_each", 0):
        gradients = [g * (each / max(np.linalg.norm(g), each)) for g in gradients]
    for i, (w, g) in enumerate(zip(parameters, gradients, strict=True)):
        if w.ndim == 2 or update.decay_bias:
            w -= rate * update.weight_decay * w
        own = [slot[i] for slot in slots]
        RULES[update.kind](w, own[: rule_slots(update)], g.astype(w.dtype), rate, update, step)
        for average in own[rule_slots(update) :]:  # begins with the first weights, as in Keras 3
            keep = update.average_momentum if step > 1 else 0
            average[...] = keep * average + (1 - keep) * w
            if update.average_every and step % update.average_every == 0:
                w[...] = average
