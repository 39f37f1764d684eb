// The micro-kernel of every product: up to 6 x 4 vectors of  c = init + sum_d a[:, d] * b[d, :]  in registers.
//
// The sum runs over d in order, from the initial value on, so a result does not depend on how rows and columns
// were cut into tiles.

template <class T>
struct TileCall {
  int64_t depth;
  Rows<T> a;        // by_row: a(row + i, d), d running over panels; else a.at[d * a.stride + i]
  int64_t row;
  const T* b;       // b[d * ldb + column]
  int64_t ldb;
  const T* bias;    // initial value of every row; null: 0
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
  const auto each = [](auto f) {  // f(i, j) for every accumulator, unrolled so that they stay in registers
#pragma GCC unroll 24
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) f(i, j);
  };
  if (call.bias) each([&](int i, int j) { acc[i][j] = load(call.bias + j * L); });
  else if (call.accumulate) each([&](int i, int j) { acc[i][j] = load(call.c + i * call.ldc + j * L); });
  else each([&](int i, int j) { acc[i][j] = Vec<T>{}; });

  const T *a = call.a.at, *b = call.b;
  const int64_t ldb = call.ldb;
  for (int64_t left = call.depth; left > 0; left -= kPanel<T>, a += call.a.jump) {
    const int64_t lda = left > kPanel<T> ? call.a.stride : call.a.stride_last;
    const int64_t depth = by_row && left > kPanel<T> ? kPanel<T> : left;
    const T* from = by_row ? a + call.row * lda : a;
    for (int64_t d = 0; d < depth; ++d, b += ldb) {
      Vec<T> bv[N];
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) bv[j] = load(b + j * L);
#pragma GCC unroll 24
      for (int i = 0; i < R; ++i) {
        const Vec<T> av = splat(by_row ? from[i * lda + d] : from[d * lda + i]);
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) acc[i][j] += av * bv[j];
      }
    }
    if (!by_row) break;
  }
  const Vec<T> zero{};
  T* c = call.c;
  int64_t ldc = call.ldc;
  asm("" : "+r"(ldc));  // else the compiler computes and spills every address before the loop
  if (call.relu) {
    each([&](int i, int j) { store(c + i * ldc + j * L, acc[i][j] < zero ? zero : acc[i][j]); });
  } else if (const T* mask = call.mask) {
    each([&](int i, int j) { store(c + i * ldc + j * L, load(mask + i * ldc + j * L) > zero ? acc[i][j] : zero); });
  } else {
    each([&](int i, int j) { store(c + i * ldc + j * L, acc[i][j]); });
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
