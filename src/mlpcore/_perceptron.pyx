# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The Perceptron's training loop: one threshold logic unit over the rows of a dense or CSR matrix.

Weights, intercept and number of epochs equal scikit-learn's, which adds the products of a row one by one in double.
That sum is slow, and mostly only its sign matters. So up to three sums are tried, each with a bound on how far it can
be from scikit-learn's; the first whose sign is certain decides, and the last one is scikit-learn's itself:

1. on 8-bit codes of a large dense X, x = grain * codes + error, which read a fourth or an eighth of the memory; the
   sum of integers is exact, so |p1 - p| <= ||w|| ||error of x|| + ||error of w|| ||grain * codes||, and 2. on top;
2. the vectorised inner product: |p2 - p| <= m u / (1 - m u) ||w|| ||x||, m = 2 * features + 8 roundings of unit u
   (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1, and Cauchy-Schwarz);
3. the slow sum, also wherever the loss itself is asked for.

Results therefore do not depend on the instruction set, nor on whether there are codes.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.float cimport DBL_EPSILON, DBL_MIN, FLT_EPSILON, FLT_MIN
from libc.math cimport INFINITY, copysign, fabs, frexp, isfinite, sqrt
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t

from time import perf_counter

import numpy as np

from mlpcore import _core

ctypedef fused real:
    float
    double

ctypedef fused index:
    int32_t
    int64_t

cdef extern from "row_kernels.h":
    const char* MLPCORE_ROW_KERNELS
    ctypedef struct mlpcore_row_kernels:
        float (*dot_f32)(const float*, const float*, int64_t) noexcept nogil
        double (*dot_f64)(const double*, const double*, int64_t) noexcept nogil
        void (*axpy_f32)(float, const float*, float*, int64_t) noexcept nogil
        void (*axpy_f64)(double, const double*, double*, int64_t) noexcept nogil

cdef extern from *:
    """
    /* The products of 8-bit codes and 16-bit weights, exactly: compilers have one instruction for it. */
    static inline int32_t dot_codes(const int8_t* x, const int16_t* w, int64_t n) {
      int32_t total = 0;
      for (int64_t i = 0; i < n; ++i) total += (int32_t)x[i] * (int32_t)w[i];
      return total;
    }

    static inline void prefetch(const void* start, int64_t bytes) {
      for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch((const char*)start + at);
    }

    /* Every class fills in the norms of the rows it meets first; they may do so side by side. */
    static inline float load_relaxed(const float* p) { float v; __atomic_load(p, &v, __ATOMIC_RELAXED); return v; }
    static inline void store_relaxed(float* p, float v) { __atomic_store(p, &v, __ATOMIC_RELAXED); }
    """
    void prefetch(const void* start, int64_t bytes) noexcept nogil
    int32_t dot_codes(const int8_t* x, const int16_t* w, int64_t n) noexcept nogil
    float load_relaxed(const float*) noexcept nogil
    void store_relaxed(float*, float) noexcept nogil

cdef const mlpcore_row_kernels* kernels = <const mlpcore_row_kernels*>PyCapsule_GetPointer(
    _core.row_kernels, MLPCORE_ROW_KERNELS
)

cdef enum:
    L1 = 1
    L2 = 2
    ELASTICNET = 3
    FEWEST_CODES = 256        # coarser weights decide too little
    AHEAD = 4                 # rows between the one at work and the one on its way to the cache
    POLL_ELEMENTS = 1 << 22   # about a millisecond of work between two looks at the signals

PENALTIES = {None: 0, "l1": L1, "l2": L2, "elasticnet": ELASTICNET}


cdef struct Grain:
    float size   # x is near size * codes, 0 where it has no codes
    float error  # upper bound of ||x - size * codes||


cdef class Rows:
    """The rows that every unit of a fit reads: X (n, d) dense or CSR, weights (n,), rows held out (n,).

    With `coded`, a dense X is also kept as 8-bit codes, for as long as this object lives.
    """

    cdef readonly Py_ssize_t n, d
    cdef readonly object dtype, held_out
    cdef object x, columns, starts, weight, row_norms, codes, grains
    cdef bint sparse, wide_index
    cdef const void* x_ptr
    cdef const void* columns_ptr
    cdef const void* starts_ptr
    cdef const void* weight_ptr
    cdef const uint8_t* held_out_ptr
    cdef int8_t* codes_ptr     # (n, d) or NULL
    cdef Grain* grains_ptr     # (n,)
    cdef float* row_norms_ptr  # (n,) upper bounds of ||x_i||, -1 where not known yet
    cdef volatile int stopped

    def __init__(self, X, sample_weight=None, held_out=None, *, bint coded=False):
        cdef bint X_is_float = X.dtype == np.float32
        cdef void* rest
        self.n, self.d = X.shape
        if max(X.shape) > np.iinfo(np.int32).max:
            raise ValueError(
                f"More than {np.iinfo(np.int32).max} samples or features not supported; got {X.shape}."
            )
        self.dtype = X.dtype
        if X.dtype not in (np.float32, np.float64):
            raise TypeError(f"X must be float32 or float64, got {X.dtype}.")
        self.sparse = hasattr(X, "indptr")
        if self.sparse:
            kind = np.int32 if X.indices.dtype == X.indptr.dtype == np.int32 else np.int64
            self.wide_index = kind is np.int64
            self.x = np.ascontiguousarray(X.data)
            self.columns = np.ascontiguousarray(X.indices, dtype=kind)
            self.starts = np.ascontiguousarray(X.indptr, dtype=kind)
            check_csr(self.n, self.d, self.x, self.columns, self.starts)
            self.columns_ptr = address(self.columns)
            self.starts_ptr = address(self.starts)
        else:
            self.x = np.ascontiguousarray(X)
            self.row_norms = np.full(self.n, -1.0, dtype=np.float32)
            self.row_norms_ptr = <float*>address(self.row_norms)
        self.x_ptr = address(self.x)
        if coded and not self.sparse and weight_codes(self.d) >= FEWEST_CODES:
            self.codes = np.empty(self.x.shape, dtype=np.int8)
            self.grains = np.empty((self.n, 2), dtype=np.float32)
            self.codes_ptr = <int8_t*>address(self.codes)
            self.grains_ptr = <Grain*>address(self.grains)
            scratch = np.empty(self.d, dtype=X.dtype)
            rest = <void*>address(scratch)
            with nogil:
                if X_is_float:
                    encode_rows(self, <const float*>self.x_ptr, <float*>rest)
                else:
                    encode_rows(self, <const double*>self.x_ptr, <double*>rest)
        if sample_weight is not None:
            self.weight = np.ascontiguousarray(sample_weight, dtype=X.dtype)
            self.weight_ptr = address(self.weight)
        if held_out is not None:
            self.held_out = np.ascontiguousarray(held_out, dtype=np.uint8)
            self.held_out_ptr = <const uint8_t*>address(self.held_out)

    def stop(self):
        """Make every unit that trains on these rows return soon."""
        self.stopped = 1


def check_csr(n, d, data, columns, starts):
    """Raise ValueError unless the arrays are a CSR matrix of shape (n, d), of which no row reads beyond them."""
    if starts.shape != (n + 1,):
        raise ValueError(f"X.indptr must have shape ({n + 1},), got {starts.shape}")
    if data.ndim != 1 or columns.shape != data.shape:
        raise ValueError(f"X.indices and X.data must be of one length, got shapes {columns.shape} and {data.shape}")
    if starts[0] != 0:
        raise ValueError(f"X.indptr must begin with 0, got {starts[0]}")
    falls = starts[1:] < starts[:n]
    if falls.any():
        row = falls.argmax()
        raise ValueError(f"X.indptr must not decrease, got {starts[row]} and then {starts[row + 1]} in row {row}")
    if starts[n] > len(data):
        raise ValueError(f"X.indptr ends with {starts[n]}, but there are only {len(data)} values")
    used = columns[: starts[n]]
    # As unsigned numbers, negative columns are too large ones.
    unsigned = used.view(np.uint64 if used.dtype == np.int64 else np.uint32)
    if len(used) and unsigned.max() >= d:
        raise ValueError(f"X.indices must hold columns in [0, {d}), got {used[(unsigned >= d).argmax()]}")


cdef const void* address(array) except? NULL:
    return <const void*><size_t>array.ctypes.data


cdef class Unit:
    """One threshold logic unit in training: scikit-learn's `plain_sgd` with the perceptron loss.

    The weights are `scale * w`. Casts to the element type stand where scikit-learn rounds to it.
    """

    cdef int penalty
    cdef double alpha, l1_ratio, eta
    cdef bint fit_intercept, wants_loss
    cdef double intercept_decay, weight_positive, weight_negative
    cdef void* q                   # (d,) truncation each weight has received so far, for L1
    cdef int16_t* w_codes          # (d,) w is near w_grain * w_codes, where the rows have codes
    cdef double w_grain, w_error   # and w_error >= ||w - w_grain * w_codes||
    cdef double w_norm             # >= ||w||
    cdef const int32_t* order
    cdef const uint8_t* positive
    cdef double intercept, scale, sq_norm, l1_norm
    cdef double truncation         # what each weight should have received so far, for L1
    cdef double loss, objective    # sums over an epoch
    cdef double reach              # |fast - slow| <= scale * reach * (upper bound of ||x||)


# ---- three sums for w.x, and their bounds ----

cdef inline double slow_dot(const real* w, const real* x, const index* columns, Py_ssize_t n) noexcept nogil:
    """sum_j w[columns[j]] * x[j], in scikit-learn's order and precision; columns NULL: all."""
    cdef double total = 0.0
    cdef Py_ssize_t j
    if columns == NULL:
        for j in range(n):
            total += w[j] * x[j]
    else:
        for j in range(n):
            total += w[columns[j]] * x[j]
    return total


cdef inline real fast_dot(const real* a, const real* b, Py_ssize_t n) noexcept nogil:
    if real is float:
        return kernels.dot_f32(a, b, n)
    else:
        return kernels.dot_f64(a, b, n)


cdef inline double relative_error(real unused, Py_ssize_t d) noexcept nogil:
    cdef double roundings = (2.0 * d + 8.0) * 0.5 * (FLT_EPSILON if sizeof(real) == 4 else DBL_EPSILON)
    return roundings / (1.0 - roundings) if roundings < 0.5 else INFINITY


cdef inline double norm_bound(const real* a, Py_ssize_t d) noexcept nogil:
    """An upper bound of ||a||; the second term outweighs whatever underflowed."""
    cdef double square = fast_dot(a, a, d)
    return sqrt(square * (1.0 + 2.0 * relative_error(a[0], d)) + d * (FLT_MIN if sizeof(real) == 4 else DBL_MIN))


cdef inline double row_norm_bound(Rows rows, Py_ssize_t i, const real* x) noexcept nogil:
    cdef float known = load_relaxed(rows.row_norms_ptr + i)
    if known < 0:
        known = <float>(norm_bound(x, rows.d) * (1.0 + 1e-6)) + FLT_MIN
        store_relaxed(rows.row_norms_ptr + i, known)
    return known


cdef inline real largest(const real* a, Py_ssize_t d) noexcept nogil:
    """max_j |a[j]|, in lanes that compilers turn into vectors."""
    cdef real[16] top
    cdef real value
    cdef Py_ssize_t i, k, full = d - d % 16
    for k in range(16):
        top[k] = 0
    for i in range(0, full, 16):
        for k in range(16):
            value = <real>fabs(a[i + k])
            top[k] = value if value > top[k] else top[k]
    for i in range(full, d):
        value = <real>fabs(a[i])
        top[0] = value if value > top[0] else top[0]
    for k in range(16):
        top[0] = top[k] if top[k] > top[0] else top[0]
    return top[0]


cdef inline int weight_codes(Py_ssize_t d) noexcept nogil:
    """The largest code of a weight with which the sum of d products stays below 2^31."""
    return <int>min(32767, 0x7FFFFFFF // (127 * d))


cdef void encode_rows(Rows rows, const real* x, real* rest) noexcept nogil:
    """Fill in codes, grains and norms; rest (d,) is scratch."""
    cdef int8_t* codes = rows.codes_ptr
    cdef real top, inverse, size, scaled
    cdef double norm
    cdef Py_ssize_t i, j
    for i in range(rows.n):
        norm = row_norm_bound(rows, i, x)
        top = largest(x, rows.d)
        size = <float>(top / 127)
        inverse = 127 / top if top > 0 else 0
        if not (isfinite(size) and isfinite(inverse) and size > FLT_MIN):
            size = inverse = 0
        for j in range(rows.d):
            scaled = x[j] * inverse
            codes[j] = <int8_t><int>(scaled + <real>copysign(0.5, scaled))
            rest[j] = x[j] - size * codes[j]
        rows.grains_ptr[i].size = <float>size
        rows.grains_ptr[i].error = <float>(norm_bound(<const real*>rest, rows.d) + norm * 1e-6) + FLT_MIN
        x += rows.d
        codes += rows.d


cdef void encode_weights(Rows rows, Unit unit, const real* w) noexcept nogil:
    cdef int most = weight_codes(rows.d)
    cdef real scaled, inverse
    cdef Py_ssize_t j
    unit.w_error = INFINITY  # nothing is certain
    if not (1e-25 < unit.w_norm < 1e25):
        return
    inverse = <real>(most / unit.w_norm)  # the norm bounds every |w[j]|, and is known already
    for j in range(rows.d):
        scaled = w[j] * inverse
        unit.w_codes[j] = <int16_t><int>(scaled + <real>copysign(0.5, scaled))
    unit.w_grain = unit.w_norm / most
    unit.w_error = unit.w_grain * sqrt(<double>rows.d) * 0.51  # rounded to the nearest, give or take


cdef void weights_changed(Rows rows, Unit unit, const real* w) noexcept nogil:
    if rows.sparse:
        return
    unit.w_norm = norm_bound(w, rows.d) * (1.0 + 1e-6)
    unit.reach = unit.w_norm * relative_error(<real>0, rows.d)
    if rows.codes_ptr != NULL:
        encode_weights(rows, unit, w)


cdef inline double coded_dot(Rows rows, Unit unit, Py_ssize_t i, double* error) noexcept nogil:
    """w.x by the codes, and how far it can be from scikit-learn's."""
    cdef Grain grain = rows.grains_ptr[i]
    cdef double norm = load_relaxed(rows.row_norms_ptr + i)
    error[0] = unit.w_norm * grain.error + unit.w_error * (norm + grain.error) + unit.reach * norm
    return unit.w_grain * grain.size * dot_codes(rows.codes_ptr + i * rows.d, unit.w_codes, rows.d)


# ---- the weight vector scale * w ----

cdef void measure(Unit unit, const real* w, Py_ssize_t d) noexcept nogil:
    """Recompute both norms of scale * w."""
    cdef double squares = 0.0, absolutes = 0.0
    cdef Py_ssize_t j
    for j in range(d):
        squares += w[j] * w[j]
        absolutes += fabs(w[j])
    unit.sq_norm = squares * (<real>unit.scale * <real>unit.scale)
    unit.l1_norm = absolutes * <real>unit.scale


cdef void reset_scale(Rows rows, Unit unit, real* w) noexcept nogil:
    cdef real scale = <real>unit.scale
    cdef Py_ssize_t j
    if scale != 1:
        for j in range(rows.d):
            w[j] *= scale
        unit.scale = 1.0
        weights_changed(rows, unit, w)


cdef inline void shrink(Rows rows, Unit unit, real* w, real factor) noexcept nogil:
    """Multiply the weights by a factor in [0, 1]."""
    unit.scale *= factor
    unit.sq_norm *= factor * factor
    unit.l1_norm *= factor
    if unit.scale < (1e-6 if sizeof(real) == 4 else 1e-9):
        reset_scale(rows, unit, w)


cdef inline bint is_power_of_two(double c) noexcept nogil:
    cdef int exponent
    return fabs(frexp(c, &exponent)) == 0.5


cdef void add_dense(Rows rows, Unit unit, real* w, const real* x, real c) noexcept nogil:
    """w += c * x / scale, rounded as scikit-learn does: the product in double, then the sum."""
    cdef real step = c / <real>unit.scale
    cdef double wide = step
    cdef Py_ssize_t j
    if unit.penalty == 0 and is_power_of_two(step):  # the product is exact, so fused or not is the same
        if real is float:
            kernels.axpy_f32(step, x, w, rows.d)
        else:
            kernels.axpy_f64(step, x, w, rows.d)
    else:
        for j in range(rows.d):
            w[j] = <real>(w[j] + x[j] * wide)
    if unit.penalty and unit.wants_loss:
        measure(unit, w, rows.d)
    weights_changed(rows, unit, w)


cdef inline double truncated(double before, double u, double q, double scale) noexcept nogil:
    """Cumulative L1 penalty of one weight (Tsuruoka, Tsujii and Ananiadou 2009), as scikit-learn rounds it."""
    cdef double down = max(0.0, before - (u + q) / scale), up = min(0.0, before + (u - q) / scale)
    return down if scale * before > 0.0 else up if scale * before < 0.0 else before


cdef void truncate_dense(Rows rows, Unit unit, real* w) noexcept nogil:
    cdef real* q = <real*>unit.q
    cdef double scale = unit.scale, u = unit.truncation, before
    cdef Py_ssize_t j
    if scale == 1.0:  # always so for pure L1: no division
        for j in range(rows.d):
            before = w[j]
            w[j] = <real>truncated(before, u, q[j], 1.0)
            q[j] = <real>(q[j] + (w[j] - before))
    else:
        for j in range(rows.d):
            before = w[j]
            w[j] = <real>truncated(before, u, q[j], scale)
            q[j] = <real>(q[j] + scale * (w[j] - before))
    weights_changed(rows, unit, w)


cdef inline void add_to_norms(Unit unit, double after, double before) noexcept nogil:
    """Let the norms follow one weight, where an objective asks for them."""
    if unit.penalty and unit.wants_loss:
        unit.sq_norm = max(0.0, unit.sq_norm + (after * after - before * before) * unit.scale * unit.scale)
        unit.l1_norm = max(0.0, unit.l1_norm + (fabs(after) - fabs(before)) * unit.scale)


cdef void add_sparse(Unit unit, real* w, const real* x, const index* columns, Py_ssize_t n, real c) noexcept nogil:
    """w[columns] += c * x / scale; the norms stay those of all weights (scikit-learn 1.9: of the touched ones)."""
    cdef real step = c / <real>unit.scale, before
    cdef double wide = step
    cdef Py_ssize_t j, k
    for j in range(n):
        k = columns[j]
        before = w[k]
        w[k] = <real>(before + x[j] * wide)
        add_to_norms(unit, w[k], before)


cdef void truncate_sparse(Unit unit, real* w, const index* columns, Py_ssize_t n) noexcept nogil:
    cdef real* q = <real*>unit.q
    cdef double scale = unit.scale, u = unit.truncation, before
    cdef Py_ssize_t j, k
    for j in range(n):
        k = columns[j]
        before = w[k]
        if before != 0:  # else nothing changes
            w[k] = <real>truncated(before, u, q[k], scale)
            q[k] = <real>(q[k] + scale * (w[k] - before))
            add_to_norms(unit, w[k], before)


# ---- the passes over the rows ----

cdef inline bint is_finite(const real* w, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(d):
        if not isfinite(w[j]):
            return False
    return True


cdef int check_signals(Rows rows) except -1 nogil:
    """Whether to stop; raises KeyboardInterrupt in the main thread."""
    with gil:
        PyErr_CheckSignals()
    return rows.stopped


cdef int epoch(Rows rows, Unit unit, real* w, const index* columns, const index* starts) except -1 nogil:
    """One pass over the rows in unit.order; returns 1 if told to stop."""
    cdef const real* x
    cdef const real* data = <const real*>rows.x_ptr
    cdef const real* weight = <const real*>rows.weight_ptr
    cdef const index* at = NULL
    cdef Py_ssize_t t, i, size = rows.d, elements = 0
    cdef double y, p, z, error, update
    cdef bint slow
    cdef double decay = max(0.0, 1.0 - (1.0 - unit.l1_ratio) * unit.eta * unit.alpha)
    cdef double half_l2 = (1.0 - unit.l1_ratio) * 0.5
    cdef double underflow = FLT_MIN if sizeof(real) == 4 else DBL_MIN  # of scikit-learn's scaled sum

    unit.loss = 0.0
    unit.objective = 0.0
    if rows.sparse and unit.penalty and unit.wants_loss:
        measure(unit, w, rows.d)  # running sums drift
    for t in range(rows.n):
        i = unit.order[t]
        if rows.held_out_ptr != NULL and rows.held_out_ptr[i]:
            continue
        y = 1.0 if unit.positive[i] else -1.0

        # p = w.x + b, at least its sign
        slow = rows.sparse
        if rows.sparse:
            x = data + starts[i]
            at = columns + starts[i]
            size = starts[i + 1] - starts[i]
        else:
            x = data + i * size
            slow = True
            if rows.codes_ptr != NULL:
                if t + AHEAD < rows.n:  # a row of codes is too short for the processor to see it coming
                    prefetch(rows.codes_ptr + unit.order[t + AHEAD] * size, size)
                p = coded_dot(rows, unit, i, &error) * unit.scale + unit.intercept
                slow = not fabs(p) > error * unit.scale * (1.0 + 1e-6) + underflow
            if slow:
                p = fast_dot(<const real*>w, x, size) * unit.scale + unit.intercept
                error = unit.reach * row_norm_bound(rows, i, x)
                slow = not fabs(p) > error * unit.scale * (1.0 + 1e-6) + underflow
        if not slow and unit.wants_loss and p * y <= 0.0:
            slow = True
        if slow:
            p = <real>(slow_dot(<const real*>w, x, at, size) * unit.scale) + unit.intercept
        z = p * y

        if unit.wants_loss:
            if z <= 0.0:
                unit.loss -= z
                unit.objective -= z
            if unit.penalty:
                unit.objective += unit.alpha * (
                    half_l2 * (<real>sqrt(unit.sq_norm)) ** 2 + unit.l1_ratio * <real>unit.l1_norm
                )

        update = 0.0
        if z <= 0.0:
            update = unit.eta * y
            update *= (<real>(unit.weight_positive if y > 0.0 else unit.weight_negative)) * (
                weight[i] if weight != NULL else <real>1.0
            )
        if unit.penalty >= L2:
            shrink(rows, unit, w, <real>decay)
        if update != 0.0:
            if rows.sparse:
                add_sparse(unit, w, x, at, size, <real>update)
            else:
                add_dense(rows, unit, w, x, <real>update)
            if unit.fit_intercept:
                unit.intercept += update * unit.intercept_decay
        if unit.penalty == L1 or unit.penalty == ELASTICNET:
            unit.truncation += unit.l1_ratio * unit.eta * unit.alpha
            if rows.sparse:
                truncate_sparse(unit, w, at, size)
            else:
                truncate_dense(rows, unit, w)

        elements += size + 16
        if elements >= POLL_ELEMENTS:
            elements = 0
            if check_signals(rows):
                return 1
    return 0


cdef void draw_permutation(int32_t* permutation, Py_ssize_t n, uint32_t seed) noexcept nogil:
    """Fisher-Yates with xorshift (13, 17, 5), as scikit-learn shuffles."""
    cdef Py_ssize_t i, j
    if seed == 0:
        seed = 1
    for i in range(n):
        permutation[i] = <int32_t>i
    for i in range(n - 1):
        seed ^= seed << 13
        seed ^= seed >> 17
        seed ^= seed << 5
        j = i + (seed & 0x7FFFFFFF) % <uint32_t>(n - i)
        permutation[i], permutation[j] = permutation[j], permutation[i]


def train(
    Rows rows,
    settings,
    real[::1] w,
    double intercept,
    const uint8_t[::1] positive,
    *,
    double weight_positive=1.0,
    double weight_negative=1.0,
    uint32_t seed=1,
    int max_iter=1,
    score=None,
):
    """Train one unit in place, at most `max_iter` epochs.

    Parameters
    ----------
    rows : Rows
    settings : object
        Has the Perceptron's parameters as attributes.
    w : (d,) array of the rows' dtype, changed in place
    intercept : float
    positive : (n,) uint8 array
        1 where the unit should fire.
    weight_positive, weight_negative : float
        Class weights.
    seed : int
        Seed of the shuffle, the same for every epoch.
    max_iter : int
    score : callable or None
        `score(w, intercept) -> float` on the rows held out; given, it decides when to stop.

    Returns
    -------
    intercept : float
    n_iter : int

    Raises
    ------
    ValueError
        Weights or intercept are no longer finite.
    """
    cdef Unit unit = Unit()
    cdef int n_iter_no_change = settings.n_iter_no_change, bad_epochs = 0, done = 0, stopped
    cdef double tol = -INFINITY if settings.tol is None else settings.tol
    cdef bint shuffle = settings.shuffle, verbose = settings.verbose > 0
    cdef double best = -INFINITY if score is not None else INFINITY, value
    cdef Py_ssize_t t, seen = 0
    cdef real* weights = &w[0]
    if w.shape[0] != rows.d or positive.shape[0] != rows.n or np.asarray(w).dtype != rows.dtype:
        raise ValueError(f"expected {rows.d} weights of {rows.dtype} and {rows.n} targets.")

    unit.penalty = PENALTIES[settings.penalty]
    unit.alpha = settings.alpha
    unit.l1_ratio = {L1: 1.0, L2: 0.0}.get(unit.penalty, settings.l1_ratio)
    unit.eta = settings.eta0
    unit.fit_intercept = settings.fit_intercept
    unit.intercept_decay = 0.01 if rows.sparse else 1.0  # as scikit-learn damps it for sparse rows
    unit.weight_positive = weight_positive
    unit.weight_negative = weight_negative
    unit.positive = &positive[0]
    unit.intercept = intercept
    unit.scale = 1.0
    # An epoch's loss is needed only where it can still end the training.
    unit.wants_loss = verbose or (
        score is None and tol > -INFINITY and max_iter > n_iter_no_change + 1
    )

    q = np.zeros(rows.d if unit.penalty in (L1, ELASTICNET) else 0, dtype=rows.dtype)
    w_codes = np.zeros(rows.d if rows.codes_ptr != NULL else 0, dtype=np.int16)
    order = np.arange(rows.n, dtype=np.int32)
    next_order = np.empty_like(order)
    permutation = np.empty(rows.n if shuffle else 0, dtype=np.int32)
    unit.q = <void*>address(q)
    unit.w_codes = <int16_t*>address(w_codes)
    cdef int32_t* order_ptr = <int32_t*>address(order)
    cdef int32_t* next_ptr = <int32_t*>address(next_order)
    cdef int32_t* permutation_ptr = <int32_t*>address(permutation)
    cdef Py_ssize_t n_train = rows.n - (0 if rows.held_out is None else int(rows.held_out.sum()))
    started = perf_counter()

    with nogil:
        if shuffle:
            draw_permutation(permutation_ptr, rows.n, seed)
        if unit.penalty:
            measure(unit, weights, rows.d)
        weights_changed(rows, unit, weights)
        while done < max_iter:
            if verbose:
                with gil:
                    print(f"-- Epoch {done + 1}")
            if shuffle:  # the same permutation again, on what the last epoch left
                for t in range(rows.n):
                    next_ptr[t] = order_ptr[permutation_ptr[t]]
                order_ptr, next_ptr = next_ptr, order_ptr
            unit.order = order_ptr
            if rows.wide_index:
                stopped = epoch(rows, unit, weights, <const int64_t*>rows.columns_ptr, <const int64_t*>rows.starts_ptr)
            else:
                stopped = epoch(rows, unit, weights, <const int32_t*>rows.columns_ptr, <const int32_t*>rows.starts_ptr)
            if stopped:
                break
            done += 1
            seen += n_train
            if not (isfinite(unit.intercept) and is_finite(weights, rows.d)):
                with gil:
                    raise ValueError(
                        f"Floating-point under-/overflow occurred at epoch #{done}. Scaling input data with "
                        "StandardScaler or MinMaxScaler might help."
                    )
            value = unit.objective / n_train
            if score is not None:
                with gil:
                    value = score(np.asarray(w), unit.intercept)
            if verbose:
                with gil:
                    report(np.asarray(w), unit, seen, n_train, value if score is not None else None)
                    print(f"Total training time: {perf_counter() - started:.2f} seconds.")
            if score is not None:
                bad_epochs = bad_epochs + 1 if tol > -INFINITY and value < best + tol else 0
                best = max(best, value)
            else:
                bad_epochs = bad_epochs + 1 if tol > -INFINITY and value > best - tol else 0
                best = min(best, value)
            if bad_epochs >= n_iter_no_change:
                if verbose:
                    with gil:
                        print(f"Convergence after {done} epochs took {perf_counter() - started:.2f} seconds")
                break
        reset_scale(rows, unit, weights)
    return unit.intercept, done


def report(w, Unit unit, seen, n_train, score):
    """Print an epoch's line as scikit-learn does."""
    line = (
        f"Norm: {unit.scale * np.linalg.norm(w):.2f}, NNZs: {np.count_nonzero(w)}, Bias: {unit.intercept:.6f}, "
        f"T: {seen}, Avg. loss: {unit.loss / n_train:f}, Objective: {unit.objective / n_train:f}"
    )
    print(line if score is None else f"{line}, Validation score: {score:f}")
