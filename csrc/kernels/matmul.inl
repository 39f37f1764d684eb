// Products of plain matrices, one for each row of a batch: the micro-kernel on b packed block by block.

constexpr int64_t kPackedDepth = 64;  // rows of a block of b, a multiple of kPanel, which stays in the first cache
constexpr int64_t kBlockOfRows = 48;  // of c, whose sums go there too: whole tiles of any width

// A plain matrix, transposed or not: element (i, j) is at[i * row + j * column], and one of the two strides is 1.
template <class T>
struct Plain {
  const T* at;
  int64_t row, column;
};

// packed (depth, width) <- b (depth, used), 0 in the columns beyond
template <class T>
inline void pack_plain(int64_t depth, int64_t used, int64_t width, Plain<T> b, T* packed) {
  constexpr int64_t L = kLanes<T>;
  if (b.column == 1) {
    for (int64_t d = 0; d < depth; ++d)
      for (int64_t i = 0; i < width; i += L) store(packed + d * width + i, load(b.at + d * b.row + i, used - i));
    return;
  }
  for (int64_t i = 0; i < used; i += L)
    for (int64_t d = 0; d < depth; d += L) {
      const int64_t rows = depth - d < L ? depth - d : L;
      alignas(64) T square[L * L];
      for (int64_t j = 0; j < L; ++j)
        store(square + j * L, i + j < used ? load(b.at + (i + j) * b.column + d, rows) : Vec<T>{});
      alignas(64) T turned[L * L];
      transpose_square<T>(L, square, L, turned, L);
      for (int64_t k = 0; k < rows; ++k) store(packed + (d + k) * width + i, load(turned + k * L));
    }
}

// c (m, n) = a (m, k) @ b (k, n), or += where `add`
template <class T>
void product(int64_t m, int64_t k, int64_t n, Plain<T> a, Plain<T> b, bool add, T* c) {
  alignas(64) T packed[kPackedDepth * kPanel<T>], sums[kBlockOfRows * kPanel<T>];
  for (int64_t first = 0; first < n; first += kPanel<T>) {
    const int64_t used = n - first < kPanel<T> ? n - first : kPanel<T>;
    const int64_t width = (used + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
    for (int64_t d = 0; d < k; d += kPackedDepth) {
      const int64_t depth = k - d < kPackedDepth ? k - d : kPackedDepth;
      pack_plain<T>(depth, used, width, {b.at + d * b.row + first * b.column, b.row, b.column}, packed);
      for (int64_t r = 0; r < m; r += kBlockOfRows) {
        const Range rows{0, m - r < kBlockOfRows ? m - r : kBlockOfRows};
        const T* from = a.at + r * a.row + d * a.column;
        if (a.column == 1)
          sweep<T, true>({depth, {from, kPanel<T>, a.row, a.row, false}, packed, width}, rows,
                         FinishDx<T, false>{nullptr, sums});
        else
          sweep<T, false>({depth, {from, 0, a.column, a.column, false}, packed, width}, rows, StoreGradient<T>{sums});
        copy_columns(rows.rows, used, sums, width, c + r * n + first, n, add || d > 0);
      }
    }
  }
}

template <class T>
void matmul(int64_t rows, int64_t m, int64_t k, int64_t n, Operand<const T> a, Operand<const T> b, T* y) {
  if (b.row == 0 && a.row == m * k) m *= rows, rows = rows > 0;  // one tall product
  for (int64_t r = 0; r < rows; ++r)
    product<T>(m, k, n, {a.at + r * a.row, k, 1}, {b.at + r * b.row, n, 1}, false, y + r * m * n);
}

template <class T>
void matmul_dx(int64_t rows, int64_t m, int64_t k, int64_t n, Operand<const T> a, Operand<const T> b, const T* dy,
               Operand<T> da, Operand<T> db) {
  if (b.row == 0 && a.row == m * k && (!da.at || da.row == m * k) && (!db.at || db.row == 0))
    m *= rows, rows = rows > 0;
  for (int64_t r = 0; r < rows; ++r) {
    const T* d = dy + r * m * n;
    if (da.at) product<T>(m, n, k, {d, n, 1}, {b.at + r * b.row, 1, n}, true, da.at + r * da.row);
    if (db.at) product<T>(k, m, n, {a.at + r * a.row, 1, k}, {d, n, 1}, true, db.at + r * db.row);
  }
}
