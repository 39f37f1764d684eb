"""JAX: a whole epoch compiled into one `lax.scan`, parameters donated, nothing else to pay."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
from jax import numpy as jnp

import wide_deep
from equal import loss, output_loss, start
from peers import Work
from problems import Problem


def versions() -> str:
    return f"jax {jax.__version__}"


def scores(parameters: list[jax.Array], x: jax.Array) -> jax.Array:
    """Return the network's outputs before their activation, (rows, outputs)."""
    for kernel, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        x = jax.nn.relu(x @ kernel + bias)
    return x @ parameters[-2] + parameters[-1]


def mean_loss(problem: Problem, parameters: list[jax.Array], x: jax.Array, y: jax.Array):
    """Return the mean loss and the penalty, as scikit-learn defines them."""
    if problem.kind == "wide_deep":
        main, side = wide_deep.outputs(parameters, x[:, : wide_deep.WIDE], x[:, 2:], jnp)
        return 0.9 * jnp.mean((main - y) ** 2) + 0.1 * jnp.mean((side - y) ** 2)
    raw = scores(parameters, x)
    if problem.output == "softmax":
        value = -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(raw), y[:, None], axis=1))
    elif problem.output == "identity":
        value = 0.5 * jnp.mean((raw - y) ** 2)
    else:
        value = jnp.mean(jnp.sum(jax.nn.softplus(raw) - y * raw, axis=1))
    if not problem.alpha:
        return value
    squares = sum(jnp.sum(kernel**2) for kernel in parameters[::2])
    return value + 0.5 * problem.alpha * squares / len(x)


def step(problem: Problem, x: jax.Array, y: jax.Array, state, batch: jax.Array):
    """Make one step on the rows x[batch]; state is (parameters, m, v, t)."""
    parameters, m, v, t = state
    value, gradient = jax.value_and_grad(partial(mean_loss, problem))(parameters, x[batch], y[batch])
    rate, t = problem.learning_rate, t + 1
    if problem.solver == "sgd":
        return ([p - rate * g for p, g in zip(parameters, gradient, strict=True)], m, v, t), value
    m = [0.9 * a + 0.1 * g for a, g in zip(m, gradient, strict=True)]
    v = [0.999 * a + (1 - 0.999) * g * g for a, g in zip(v, gradient, strict=True)]
    rate *= jnp.sqrt(-jnp.expm1(t * np.log(0.999))) / -jnp.expm1(t * np.log(0.9))
    moved = zip(parameters, m, v, strict=True)
    return ([p - rate * a / (jnp.sqrt(b) + 1e-8) for p, a, b in moved], m, v, t), value


def target(problem: Problem, y: np.ndarray) -> jax.Array:
    """Return class indices (rows,) or values (rows, outputs)."""
    if problem.output == "softmax":
        return jnp.asarray(y, dtype=jnp.int32)
    return jnp.asarray(y.reshape(len(y), -1), dtype=problem.dtype)


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray, threads: int) -> Work:
    makers = {"train": prepare_training, "lbfgs": prepare_lbfgs, "predict": prepare_prediction}
    makers["wide_deep"] = prepare_training
    return makers[problem.kind](problem, x, y)


def prepare_training(problem: Problem, x: np.ndarray, y: np.ndarray) -> Work:
    initial, orders = start(problem, problem.epochs)
    if problem.kind == "wide_deep":
        initial = wide_deep.start()
    whole = problem.rows - problem.rows % problem.batch
    device_x, device_y = jnp.asarray(x), target(problem, y)
    orders = [jnp.asarray(order, dtype=jnp.int32) for order in orders]
    parameters = None

    @partial(jax.jit, donate_argnums=0)
    def epoch(state, x, y, order):
        one = partial(step, problem, x, y)
        state, losses = jax.lax.scan(one, state, order[:whole].reshape(-1, problem.batch))
        if whole < problem.rows:
            state, last = one(state, order[whole:])
            losses = jnp.append(losses, last)
        return state, losses.mean()

    def fit() -> None:
        nonlocal parameters
        zeros = [np.zeros_like(p) for p in initial] if problem.solver == "adam" else []
        state = jax.device_put((initial, zeros, list(zeros), np.float32(0)), may_alias=False)
        curve = []
        for order in orders:
            state, value = epoch(state, device_x, device_y, order)
            curve.append(value)
        parameters = jax.block_until_ready(state)[0]

    def final_loss() -> float:
        arrays = [np.asarray(p) for p in parameters]
        return wide_deep.loss(arrays, x, y) if problem.kind == "wide_deep" else loss(problem, arrays, x, y)

    return Work(fit, final_loss)


def prepare_lbfgs(problem: Problem, x: np.ndarray, y: np.ndarray) -> Work:
    """Give SciPy the compiled loss and gradient, as scikit-learn gives it its own."""
    from scipy.optimize import minimize

    jax.config.update("jax_enable_x64", True)
    initial, _ = start(problem, 0)
    device_x, device_y = jnp.asarray(x), target(problem, y)
    cuts = np.cumsum([p.size for p in initial])[:-1]
    shapes = [p.shape for p in initial]
    parameters = None

    def unpack(theta):
        return [p.reshape(s) for p, s in zip(jnp.split(theta, cuts), shapes, strict=True)]

    @jax.jit
    def value_and_gradient(theta):
        return jax.value_and_grad(lambda t: mean_loss(problem, unpack(t), device_x, device_y))(theta)

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = value_and_gradient(theta)
        return float(value), np.asarray(gradient)

    def fit() -> None:
        nonlocal parameters
        theta = np.concatenate([p.ravel() for p in initial])
        options = {"maxiter": problem.epochs, "maxfun": 15000, "gtol": 0.0}
        found = minimize(objective, theta, jac=True, method="L-BFGS-B", options=options)
        parameters = unpack(found.x)

    return Work(fit, lambda: loss(problem, [np.asarray(p) for p in parameters], x, y))


def prepare_prediction(problem: Problem, x: np.ndarray, y: np.ndarray) -> Work:
    initial, _ = start(problem, 0)
    parameters = [jnp.asarray(p) for p in initial]
    activation = jax.nn.softmax if problem.output == "softmax" else (lambda outputs: outputs)
    outputs = jax.jit(lambda parameters, x: activation(scores(parameters, x)))

    def predict() -> np.ndarray:
        return np.asarray(outputs(parameters, x))

    return Work(predict, lambda: output_loss(problem, predict(), y))
