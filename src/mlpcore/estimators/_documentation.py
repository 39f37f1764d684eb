"""The parts of the docstrings that MLPClassifier and MLPRegressor share, written once."""

from __future__ import annotations

import re
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)


def with_shared_parts(cls: _Class) -> _Class:
    """Replace each line ``{name}`` of the class's docstring by the part of that name."""
    if cls.__doc__ is not None:  # it is None under python -OO
        cls.__doc__ = re.sub(r"^ *\{(\w+)\}\n", lambda line: _PARTS[line[1]], cls.__doc__, flags=re.MULTILINE)
    return cls


_PARTS = {
    "scikit_learns_parameters": """\
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer, first to last.
    activation : str or list of str, default='relu'
        Activation of the hidden layers, one for all or one for each: 'identity', 'logistic', 'tanh', 'relu' as in
        scikit-learn, 'leaky_relu' (slope 0.01), 'elu', 'selu', 'gelu', 'silu', 'mish', 'softplus', 'hard_sigmoid',
        'softsign'. 'heaviside' predicts with weights set by hand; it has no gradient to train by.
    solver : {'lbfgs', 'sgd', 'adam', 'adamw', 'nadam', 'rmsprop', 'adagrad'}, default='adam'
        'sgd' is gradient descent with momentum, 'adam' the method of Kingma and Ba, 'adamw' the same with
        `weight_decay`, 'nadam' with Nesterov's momentum by Dozat's schedule; 'rmsprop' and 'adagrad' divide by the root
        of the mean or the sum of squared gradients, a sum that begins at 0.1, as in Keras. These are the stochastic
        solvers, which go through the rows in mini-batches. 'lbfgs' is SciPy's L-BFGS-B on all rows at once.
    alpha : float >= 0, default=1e-4
        L2 penalty of the kernels: ``0.5 * alpha * sum(W**2) / S`` is added to a batch's loss, S being
        its rows or the sum of their weights.
    batch_size : int >= 1 or 'auto', default='auto'
        Rows of a mini-batch; 'auto' is ``min(200, n_samples)``.
    learning_rate : str, default='constant'
        Rule for the learning rate. 'invscaling' and 'adaptive' leave 'adam' constant, as in scikit-learn.

        - 'constant': always `learning_rate_init`.
        - 'invscaling': ``learning_rate_init / (t_ + 1) ** power_t`` after each epoch.
        - 'adaptive': divided by 5 whenever the training would stop, until it is at most 1e-6.
        - 'reduce_on_plateau': the same for every solver, until it is at most `learning_rate_final`.
        - 'cosine', 'exponential': batch by batch from `learning_rate_init` at first to `learning_rate_final`
          after `max_iter` epochs, along half a cosine or a geometric sequence.
        - 'one_cycle': from a 25th up to `learning_rate_init` in the first 30 % of `max_iter`, then down to
          `learning_rate_final`, both along half a cosine.
    learning_rate_init : float > 0, default=1e-3
        First (with 'one_cycle', largest) learning rate of the stochastic solvers.
    power_t : float >= 0, default=0.5
        Exponent of 'invscaling'.
    max_iter : int >= 1, default=200
        Most epochs of a stochastic solver, or iterations of 'lbfgs'.
    shuffle : bool, default=True
        Whether to go through the rows in a new order each epoch.
    random_state : int, RandomState instance or None, default=None
        Draws the first weights, the validation split and the orders of rows. The same number gives
        scikit-learn's trajectory.
    tol : float >= 0, default=1e-4
        An epoch that does not improve the loss (or the validation score) by this much is a bad one.
    verbose : bool or int, default=False
        Whether to tell of each epoch: by a progress bar in a terminal or a notebook if tqdm is installed, else by
        scikit-learn's lines. 2 or more asks for the lines everywhere.
    warm_start : bool, default=False
        Whether `fit` starts from the present weights; other hidden_layer_sizes than theirs raise ValueError.
    momentum : float in [0, 1], default=0.9
        Of 'sgd'.
    nesterovs_momentum : bool, default=True
        Whether the momentum of 'sgd' is Nesterov's.
    early_stopping : bool, default=False
        Whether to stop by the score on validation rows and to end with the weights of the best score. These rows
        are `fit`'s X_val, or a part of X that is kept back.
    validation_fraction : float in [0, 1), default=0.1
        Part of the rows that `early_stopping` keeps back, stratified if there are two classes.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Of 'adam', 'adamw' and 'nadam': decay of the first and second moment.
    epsilon : float > 0, default=1e-8
        Of these: added to the root that a step is divided by. Of 'rmsprop' and 'adagrad': added under the root.
    n_iter_no_change : int >= 1 or inf, default=10
        Training stops after more than this many bad epochs in a row; while the learning rate rises, in a warm-up or
        under 'one_cycle', none is bad.
    max_fun : int >= 1, default=15000
        Most evaluations of the loss by 'lbfgs'.
""",
    "further_parameters": """\
    n_threads : int >= 1 or None, default=None
        Threads to train and predict with; the results do not depend on it. None takes what the
        process may use: its affinity, ``OMP_NUM_THREADS``, threadpoolctl's limit.
    dtype : {'float32', 'float64'} or None, default=None
        Type to train in and of the weights. None takes X's, float64 unless that is float32.
    kernel_initializer : str or None, default=None
        'glorot_uniform', 'glorot_normal', 'he_uniform', 'he_normal', 'lecun_uniform' or 'lecun_normal', with biases
        of 0. None draws kernels and biases as scikit-learn does.
    learning_rate_final : float > 0, default=1e-6
        Where the rules 'cosine', 'exponential', 'one_cycle' and 'reduce_on_plateau' end.
    n_iter_warmup : float >= 0, default=0
        Epochs in which the learning rate, under any rule, first grows from 0, batch by batch.
    scoring : str, callable or None, default=None
        Score for `early_stopping`: a name or a scorer of scikit-learn's, or 'loss' for the negative validation
        loss. None is the accuracy or R^2. A callable is called as ``scoring(estimator, X, y)``, with
        ``sample_weight=`` where the validation rows have weights.
    max_time : float > 0 or None, default=None
        Seconds after which no further epoch or iteration begins; a ConvergenceWarning says so.
    divergence : {'raise', 'stop'}, default='raise'
        What follows when loss and weights are no longer finite: a ValueError, or the end of the training with a
        ConvergenceWarning and the weights of the epoch of smallest loss. With `early_stopping` it is always
        the latter, with the weights of the best score.
    resume : bool, default=False
        Whether `partial_fit` and warm starts go on exactly where the last call ended: with its random numbers,
        order of rows, validation rows, optimizer state and learning rate. Then k calls of `partial_fit` on the
        same rows are k epochs of `fit`. With `early_stopping` it goes on from the weights of the best score, which
        the last call ended with. False begins the random numbers anew in each call and, in
        warm starts, the optimizer, as scikit-learn does.
    pickle_optimizer : bool, default=True
        Whether pickles and copies hold the optimizer's state too, one or two further numbers for each
        weight. Without it `partial_fit` begins a new one.
    dropout : float in [0, 1) or list of float, default=0.0
        Share of a hidden layer's outputs that are 0 in training, at random, the others being enlarged to make up
        for it; one for all hidden layers or one for each.
    l1 : float >= 0, default=0.0
        L1 penalty of the kernels: ``l1 * sum(abs(W)) / S`` is added to a batch's loss.
    clip_norm : float > 0 or None, default=None
        Largest Euclidean norm of a batch's whole gradient; a larger one is scaled down to it.
    weight_decay : float >= 0, default=0.01
        Of 'adamw': each step first takes ``learning_rate * weight_decay * W`` off the kernels.
    rho : float in [0, 1), default=0.9
        Of 'rmsprop': decay of the mean of squared gradients.
    mixed_precision : {'bfloat16'} or None, default=None
        'bfloat16' rounds the operands of the products in training to 8 bits of mantissa; sums, weights, biases and the
        optimizer stay float32, and so does prediction. X is taken as float32. Larger batches of wide layers train
        several times as fast on processors with AMX; layers of up to 4 outputs and sparse rows stay float32. `fit`
        raises ValueError where the processor has no AVX512_BF16, for ``dtype='float64'`` and for 'lbfgs'.
""",
    "attributes": """\
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Kernel of each layer. May be replaced or edited; `predict` uses what is there.
    intercepts_ : list of ndarray of shape (fan_out,)
        Bias of each layer.
    loss_ : float
        Loss of the last epoch, penalty included.
    loss_curve_ : list of float
        Loss of each epoch; 'lbfgs' has none.
    best_loss_ : float or None
        Smallest loss so far; None with `early_stopping`.
    validation_scores_ : list of float or None
        Score on the validation rows after each epoch, if there are any.
    validation_loss_curve_ : list of float or None
        Loss on the validation rows after each epoch, without penalty, if there are any.
    best_validation_score_ : float or None
        Largest score on the validation rows.
    n_iter_ : int
        Epochs or iterations of the last fit.
    t_ : int
        Rows trained on so far.
    n_layers_, n_outputs_ : int
        Layers, input and output included, and width of the output.
    out_activation_ : str
        Activation of the output.
    n_features_in_ : int
        Width of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of X's columns, where all are strings.
""",
}
