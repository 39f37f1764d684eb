// The micro-kernel of every product: up to 6 x 4 vectors of  c = init + sum_d a[:, d] * b[d, :]  in registers.
//
// The sum runs over d in order, from the initial value on, so a result does not depend on how rows and columns
// were cut into tiles.

template <class T>
struct TileCall {
  int64_t depth;
  const T* a;  // by_row: a[i * lda + d], else a[d * lda + i]
  int64_t lda;
  const T* b;  // b[d * ldb + column]
  int64_t ldb;
  const T* bias;  // initial value of every row; null: 0
  bool accumulate;  // initial value c instead
  bool relu;        // c = max(0, sum)
  const T* mask;    // laid out as c; c = mask > 0 ? sum : 0
  T* c;
  int64_t ldc;
};

template <class T, int R, int N, bool by_row>
void tile(const TileCall<T>& call) {
  constexpr int L = kLanes<T>;
  Vec<T> acc[R][N];
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < N; ++j)
      acc[i][j] = call.bias ? load(call.bias + j * L) : call.accumulate ? load(call.c + i * call.ldc + j * L) : Vec<T>{};
  const T *a = call.a, *b = call.b;
  const int64_t lda = call.lda, ldb = call.ldb, depth = call.depth;
  for (int64_t d = 0; d < depth; ++d, b += ldb) {
    Vec<T> bv[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) bv[j] = load(b + j * L);
#pragma GCC unroll 24
    for (int i = 0; i < R; ++i) {
      const Vec<T> av = splat(by_row ? a[i * lda + d] : a[d * lda + i]);
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) acc[i][j] += av * bv[j];
    }
  }
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < N; ++j) {
      Vec<T> v = acc[i][j];
      if (call.relu) v = v > Vec<T>{} ? v : Vec<T>{};
      if (call.mask) v = load(call.mask + i * call.ldc + j * L) > Vec<T>{} ? v : Vec<T>{};
      store(call.c + i * call.ldc + j * L, v);
    }
}

// Rows of the tallest tile that is `vectors` wide: about 6 x kTileVectors accumulators, whatever the shape.
constexpr int tallest(int vectors) {
  const int rows = kTileRows * kTileVectors / vectors;
  return rows < 16 ? rows : 16;
}

template <class T>
using TileFn = void (*)(const TileCall<T>&);

template <class T, int N, bool by_row, int... R>
constexpr TileFn<T> tile_of_height(int rows, std::integer_sequence<int, R...>) {
  constexpr TileFn<T> table[] = {tile<T, R + 1, N, by_row>...};
  return table[rows - 1];
}

template <class T, bool by_row>
inline TileFn<T> tile_function(int rows, int vectors) {
  static_assert(kTileVectors == 2 || kTileVectors == 4);
  switch (vectors) {
    case 1: return tile_of_height<T, 1, by_row>(rows, std::make_integer_sequence<int, tallest(1)>());
    case 2: return tile_of_height<T, 2, by_row>(rows, std::make_integer_sequence<int, tallest(2)>());
#if defined(__AVX512F__) || defined(__aarch64__)
    case 3: return tile_of_height<T, 3, by_row>(rows, std::make_integer_sequence<int, tallest(3)>());
    default: return tile_of_height<T, 4, by_row>(rows, std::make_integer_sequence<int, tallest(4)>());
#else
    default: __builtin_unreachable();
#endif
  }
}

// How `rows` are cut into tiles of nearly equal height: heights differ by at most one.
struct Cut {
  int64_t tiles, rows;
  Cut(int64_t rows, int vectors) : tiles((rows + tallest(vectors) - 1) / tallest(vectors)), rows(rows) {}
  int64_t start(int64_t t) const { return t * (rows / tiles) + (t < rows % tiles ? t : rows % tiles); }
};
