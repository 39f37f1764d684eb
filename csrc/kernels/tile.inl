// The micro-kernel of every product: tiles of up to 6 x 4 vectors of  c = start + sum_d a[:, d] * b[d, :]  in registers.
//
// The sum runs over d in order, from the starting value on, so a result does not depend on how rows, columns and depth
// were cut. A Finish gives the starting value of column vector j, start(j), takes each finished vector with its place in
// c's panel, done(place, j, sum), and is told the end().

template <class T>
struct Product {
  int64_t depth;
  Rows<T> a;   // by_row: a(row, d), d running over panels; else a.at[d * a.stride + row]
  const T* b;  // one panel: b[d * width + column]; in place: b[d * stride_b + column]
  int64_t width, stride_b = 0;
  const T* sums = nullptr;  // laid out as c's panel: the sums go on from there, instead of from the Finish's start
};

// `tiles` tiles of R rows from `row` on.
template <class T, int R, int N, bool by_row, bool in_place, class Finish>
void tile(const Product<T>& given_product, int64_t row, int64_t tiles, const Finish& given) {
  const Product<T> product = given_product;  // copies, which no store can change
  constexpr int L = kLanes<T>, ldc = N * L;
  const int64_t ldb = in_place ? product.stride_b : ldc;
  Finish finish = given;
  for (; tiles > 0; --tiles, row += R) {
    Vec<T> acc[R][N];
    const auto each = [](auto f) {  // f(i, j) for every accumulator, unrolled so that they stay in registers
#pragma GCC unroll 24
      for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) f(i, j);
    };
    if (product.sums) each([&](int i, int j) { acc[i][j] = load(product.sums + (row + i) * ldc + j * L); });
    else each([&](int i, int j) { acc[i][j] = finish.start(j); });
    const T *a = product.a.at, *b = product.b;
    for (int64_t left = product.depth; left > 0; left -= kPanel<T>, a += product.a.jump) {
      const bool last = !by_row || left <= kPanel<T>;
      const int64_t lda = last ? product.a.stride_last : product.a.stride, depth = last ? left : kPanel<T>;
      const T* from = a + (by_row ? row * lda : row);
      const auto step = [&](int64_t d) {
        Vec<T> bv[N];
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) bv[j] = load(b + j * L);
        if constexpr (in_place) {  // the rows lie too far apart for the processor to foresee
#pragma GCC unroll 4
          for (int j = 0; j < N; ++j) __builtin_prefetch(b + 8 * ldb + j * L);
        }
#pragma GCC unroll 24
        for (int i = 0; i < R; ++i) {
          const Vec<T> av = splat(by_row ? from[i * lda] : from[d * lda + i]);
#pragma GCC unroll 4
          for (int j = 0; j < N; ++j) acc[i][j] += av * bv[j];
        }
        b += ldb;
        if (by_row) ++from;
      };
      int64_t d = 0;
      for (; by_row && d + 2 <= depth; d += 2) {  // by twos, b streams from the second cache at nearly full speed
        step(d);
        asm volatile("" : "+r"(b), "+r"(from));  // else the compiler mixes the two and runs out of registers
        step(d + 1);
      }
      for (; d < depth; ++d) step(d);
      if (!by_row) break;
    }
    each([&](int i, int j) { finish.done((row + i) * ldc + j * L, j, acc[i][j]); });
  }
  finish.end();
}

// Rows of the tallest tile that is `vectors` wide: about 6 x kTileVectors accumulators, whatever the shape.
constexpr int tallest(int vectors) {
  const int rows = kTileRows * kTileVectors / vectors;
  return rows < 16 ? rows : 16;
}

template <class T, class Finish>
using TileFunction = void (*)(const Product<T>&, int64_t row, int64_t tiles, const Finish&);

template <class T, int N, bool by_row, bool in_place, class Finish, int... R>
inline TileFunction<T, Finish> tile_of_height(int64_t rows, std::integer_sequence<int, R...>) {
  static constexpr TileFunction<T, Finish> table[] = {tile<T, R + 1, N, by_row, in_place, Finish>...};
  return table[rows - 1];
}

// All tiles of `rows` rows: of nearly equal height, the taller ones first.
template <class T, int N, bool by_row, bool in_place, class Finish>
inline void sweep_of_width(const Product<T>& product, Range range, const Finish& finish) {
  if (range.rows == 0) return;
  constexpr auto heights = std::make_integer_sequence<int, tallest(N)>();
  const int64_t tiles = (range.rows + tallest(N) - 1) / tallest(N), low = range.rows / tiles,
                taller = range.rows % tiles;
  if (taller) tile_of_height<T, N, by_row, in_place, Finish>(low + 1, heights)(product, range.first, taller, finish);
  tile_of_height<T, N, by_row, in_place, Finish>(low, heights)(product, range.first + taller * (low + 1),
                                                               tiles - taller, finish);
}

template <class T, bool by_row, bool in_place = false, class Finish>
inline void sweep(const Product<T>& product, Range range, const Finish& finish) {
  with_vectors<T>(product.width, [&](auto vectors) {
    sweep_of_width<T, decltype(vectors)::value, by_row, in_place>(product, range, finish);
  });
}

// The same for a deep product with many rows, block by block of b, each of which stays in the first cache for all rows.
// `before` takes the sums of all blocks but the last, and stores them where `sums` says.
template <class T, bool by_row, class Before, class Finish>
inline void sweep_deep(Product<T> product, Range range, const T* sums, const Before& before, const Finish& finish) {
  constexpr int64_t bytes = by_row ? 32 * 1024 : 16 * 1024;  // of a block; a by columns needs as much for itself
  constexpr int64_t block = bytes / int64_t(kPanel<T> * sizeof(T));
  static_assert(block % kPanel<T> == 0);
  const int64_t stride_last = product.a.stride_last;
  for (int64_t left = product.depth; left > block; left -= block) {
    product.depth = block;
    if (by_row) product.a.stride_last = product.a.stride;
    sweep<T, by_row>(product, range, before);
    product.depth = left - block;
    product.a.stride_last = stride_last;
    product.a.at += by_row ? block / kPanel<T> * product.a.jump : block * stride_last;
    product.b += block * product.width;
    product.sums = sums;
  }
  sweep<T, by_row>(product, range, finish);
}
