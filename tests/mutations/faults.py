"""Forty faults of a line each in the kernels, the engine and the training loops, and which tests are to catch them.

Each is (file, a piece of it that occurs once, the right expression in that piece, the wrong one, tests).
"""

OPS, TAPES, FUZZ = "tests/test_kernels_ops.py", "tests/test_engine_tapes.py", "tests/test_fuzz_tapes.py"
UPDATES, LOSSES, SPARSE = "tests/test_updates.py", "tests/test_losses.py", "tests/test_sparse.py"
REFERENCE, DROPOUT = "tests/test_reference.py", "tests/test_dropout.py"
KERAS, FIT, STOPPING = "tests/test_optimizers.py", "tests/test_training_fit.py", "tests/test_mlp_stopping.py"
TRAJECTORY, PREDICT = "tests/test_mlp_trajectory.py", "tests/test_predictor.py"

CORE = [
    ("csrc/kernels/update.inl", "s.momentum * v - s.learning_rate * g : v));", "s.momentum * v", "v", (UPDATES,)),
    (
        "csrc/kernels/update.inl",
        "w * this->keep - over_root<T>(s.learning_rate * m, most, s.epsilon));",
        "m, most",
        "m, v",
        (UPDATES, KERAS),
    ),
    ("csrc/kernels/update.inl", "const Vec<T> spread = v - a * a;", "a * a", "a", (UPDATES, KERAS)),
    ("csrc/kernels/update.inl", "u = faded > size ? faded : size;", "faded > size", "faded < size", (UPDATES, KERAS)),
    (
        "csrc/kernels/update.inl",
        "this->average(this->at.slot1 + i, s.beta_2, s.one_minus_beta_2, d * d);",
        "d * d",
        "g * g",
        (UPDATES, KERAS),
    ),
    ("csrc/kernels/update.inl", "v += s.l1 * sign<T>(x) + s.l2 * x;", "s.l2 * x", "s.l1 * x", (UPDATES, TAPES)),
    ("csrc/kernels/update.inl", "load(g + i) * scale);", "load(g + i) * scale", "load(g + i) + T(0)", (TAPES, UPDATES)),
    (
        "csrc/kernels/loss.inl",
        "dz.at[true_class] = (p.at[true_class] - T(1)) * s;",
        "(p.at[true_class] - T(1))",
        "(p.at[true_class] - T(0.999))",
        (LOSSES, TAPES),
    ),
    ("csrc/kernels/loss.inl", "return {factor, gamma * factor / o};", "gamma * factor / o", "factor / o", (LOSSES,)),
    (
        "csrc/kernels/loss.inl",
        "loss[r0 + r] = -double(l[r]);",
        "-double(l[r])",
        "-double(l[0])",
        (LOSSES, TAPES),
    ),
    (
        "csrc/kernels/reduce.inl",
        "return sum_dx<T>(groups, n, inner, T(1) / T(n), dy, dx);",
        "T(1) / T(n)",
        "T(1)",
        (OPS,),
    ),
    (
        "csrc/kernels/reduce.inl",
        "const Vec<T> share = load(dy + c, left) / ties;",
        "load(dy + c, left) / ties",
        "load(dy + c, left) / (ties * ties)",
        (OPS,),
    ),
    (
        "csrc/kernels/reduce.inl",
        "if (zeros > 1) continue;",
        "zeros > 1",
        "zeros > 0",
        (OPS,),
    ),
    ("csrc/kernels/functions.inl", "return r > x ? r - T(1) : r;", "r - T(1)", "r", (OPS,)),
    (
        "csrc/kernels/sparse.inl",
        "if (touched_only && begin == end) continue;",
        "touched_only && begin == end",
        "begin == end",
        (SPARSE,),
    ),
    (
        "csrc/kernels/dropout.inl",
        "const T scale = T(1) / (T(1) - with.rate);",
        "(T(1) - with.rate)",
        "T(1)",
        (DROPOUT,),
    ),
    (
        "csrc/kernels/dropout.inl",
        "random(uint64_t(top / 4), uint64_t(p * kPanel<T> + c), words);",
        "uint64_t(top / 4)",
        "uint64_t(top % 4)",
        (DROPOUT,),
    ),
    ("csrc/kernels/matmul.inl", "c + r * n + first, n, add || d > 0);", "add || d > 0", "add", (OPS,)),
    ("csrc/kernels/elementwise.inl", "to.at[r * to.row] += T(total);", "T(total)", "T(part[0])", (OPS, TAPES)),
    ("csrc/kernels/loss.inl", "dz.at[own] -= s;", "-= s", "-= 1", ("tests/test_losses.py",)),
    ("csrc/kernels/loss.inl", "if (!of.paired) d = (p < of.clip)", "!of.paired", "false", ("tests/test_losses.py",)),
    ("csrc/kernels/loss.inl", "if (!of.paired) t = (q < of.clip)", "!of.paired", "false", ("tests/test_losses.py",)),
    ("csrc/kernels/dense.inl", "const Range part{i, left", "{i,", "{0,", ("tests/test_kernels_dense.py",)),
    (
        "csrc/kernels/thin.inl",
        "for (; r < rows; ++r) add(r, 0);",
        "r < rows",
        "r < rows - 1",
        ("tests/test_kernels_dense.py",),
    ),
    (
        "csrc/kernels/thin.inl",
        "for (; i < rows; ++i) multiply",
        "i < rows",
        "i < rows - 1",
        ("tests/test_kernels_dense.py",),
    ),
    ("csrc/passes.cpp", "if (!back) clear_padding(", "!back", "false", (TAPES,)),
    ("csrc/passes.cpp", "if (back && !node.adds[i]) clear_padding(", "!node.adds[i]", "false", (TAPES,)),
    ("csrc/passes.cpp", "if (dv) dv[r] += of.scale[r];", "of.scale[r]", "of.scale[0]", (TAPES, FUZZ)),
    ("csrc/passes.cpp", "if (node.spare >= 0) add(dx, rows, in.gradient);", "node.spare >= 0", "false", (TAPES, FUZZ)),
    (
        "csrc/row_work.cpp",
        "(next != last || next == Sharing::columns)",
        "next == Sharing::columns",
        "false",
        (TAPES,),
    ),
    (
        "csrc/row_work.cpp",
        "j >= 0 ? batch.weight(j, batch.start + r) : 1;",
        "batch.start + r",
        "r",
        (TAPES, FUZZ),
    ),
    ("csrc/unit_work.cpp", "if (i > 0) k_.axpy(", "i > 0", "i > 1", (TAPES, FUZZ)),
    ("csrc/engine.cpp", "const bool begins = t == 1 ||", "t == 1", "t == 2", (TAPES, KERAS, UPDATES)),
    (
        "csrc/engine.cpp",
        "t % update.average_every == 0",
        "t % update.average_every",
        "(t + 1) % update.average_every",
        (TAPES,),
    ),
    ("csrc/engine.cpp", "const Noise noise{p.seed, ++t};", "++t", "(++t, int64_t(1))", (DROPOUT,)),
    (
        "csrc/link.cpp",
        "of_.gradient(v) && !of_.gradient(op.input);",
        "!of_.gradient(op.input)",
        "false",
        ("tests/test_fuzz_bindings.py",),
    ),
    ("csrc/predictor.cpp", "std::min(block, end - r)}", "end - r", "end - r - (end - r > 5)", (PREDICT,)),
]
PYTHON = [
    (
        "src/mlpcore/estimators/_stopping.py",
        "if value > self.best - self.tol else 0",
        "value >",
        "value >=",
        ("tests/test_fuzz_estimators.py",),
    ),
    (
        "src/mlpcore/estimators/_training.py",
        "self.order = self.order[permutation]",
        "self.order[permutation]",
        "permutation",
        (TRAJECTORY,),
    ),
    (
        "src/mlpcore/estimators/_training.py",
        "(sums.loss / self.loss_divisor + sums.penalty) / len(rows)",
        "+ sums.penalty",
        "- sums.penalty",
        (TRAJECTORY,),
    ),
    ("src/mlpcore/training/passes.py", "self.optimizer.rates(engine.step, count)", "engine.step", "0", (FIT, KERAS)),
    (
        "src/mlpcore/training/running.py",
        "self._loss += math.fsum(sums.loss + sums.penalty",
        "+ sums.penalty",
        "",
        (FIT,),
    ),
    (
        "src/mlpcore/training/session.py",
        "engine.set_slots([], int(optimizer.iterations))",
        "[]",
        "engine.slots()",
        ("tests/test_faults.py",),
    ),
]
