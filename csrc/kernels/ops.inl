// The general ops on plain matrices: declared, not yet computed.

template <class T>
void unary(Unary, int64_t, const T*, T*) {}
template <class T>
void unary_dx(Unary, int64_t, const T*, const T*, const T*, T*) {}
template <class T>
void binary(Binary, int64_t, int64_t, Operand<const T>, Operand<const T>, T*) {}
template <class T>
void binary_dx(Binary, int64_t, int64_t, Operand<const T>, Operand<const T>, const T*, const T*, Operand<T>,
               Operand<T>) {}
template <class T>
void where(int64_t, int64_t, Operand<const T>, Operand<const T>, Operand<const T>, T*) {}
template <class T>
void where_dx(int64_t, int64_t, Operand<const T>, const T*, Operand<T>, Operand<T>) {}
template <class T>
void view(int64_t, int64_t, const View&, const T*, T*) {}
template <class T>
void view_dx(int64_t, int64_t, const View&, const T*, T*) {}
template <class T>
void reduce(Reduction, int64_t, int64_t, int64_t, int64_t, const T*, T*) {}
template <class T>
void reduce_dx(Reduction, int64_t, int64_t, int64_t, int64_t, const T*, const T*, const T*, T*) {}
template <class T>
void copy_columns(int64_t, int64_t, const T*, int64_t, T*, int64_t, bool) {}
template <class T>
void matmul(int64_t, int64_t, int64_t, int64_t, Operand<const T>, Operand<const T>, T*) {}
template <class T>
void matmul_dx(int64_t, int64_t, int64_t, int64_t, Operand<const T>, Operand<const T>, const T*, Operand<T>,
               Operand<T>) {}
template <class T>
void take(int64_t, int64_t, int64_t, const T*, const T*, T*) {}
template <class T>
void take_dx(int64_t, int64_t, int64_t, const T*, const T*, T*) {}
template <class T>
void one_hot(int64_t, int64_t, const T*, T*) {}
template <class T>
void gaussian(const Dropout<T>&, Range, Panels<T>, Panels<T>) {}
