// Philox4x32-10: four random 32-bit numbers from a counter of four and a key of two (Salmon, Moraes, Dror, Shaw 2011,
// "Parallel random numbers: as easy as 1, 2, 3"). A number depends on its counter alone, so any thread can make it.

// Vectors of 64-bit lanes, each holding a 32-bit word: the form in which processors multiply 32 x 32 -> 64 bits.
typedef uint64_t Words __attribute__((vector_size(kVectorBytes)));
constexpr int kWords = kVectorBytes / 8;

// The product of each lane's low 32 bits and m.
inline Words multiply_low(Words a, uint32_t m) {
#if defined(__AVX512F__)
  return Words(_mm512_mul_epu32(__m512i(a), _mm512_set1_epi64(m)));
#elif defined(__AVX2__)
  return Words(_mm256_mul_epu32(__m256i(a), _mm256_set1_epi64x(m)));
#elif defined(__SSE2__)
  return Words(_mm_mul_epu32(__m128i(a), _mm_set1_epi64x(m)));
#else
  return (a & 0xffffffffu) * uint64_t(m);
#endif
}

// Words c[0..3] <- the random words of counter c and of the key; the high halves of the lanes of c are ignored.
inline void philox(Words (&c)[4], uint64_t key) {
  uint32_t key0 = uint32_t(key), key1 = uint32_t(key >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9u, key1 += 0xBB67AE85u) {
    const Words a = multiply_low(c[0], 0xD2511F53u), b = multiply_low(c[2], 0xCD9E8D57u);
    c[0] = (b >> 32) ^ c[1] ^ key0;
    c[1] = b;  // its low half is the word
    c[2] = (a >> 32) ^ c[3] ^ key1;
    c[3] = a;
  }
  for (Words& word : c) word &= 0xffffffffu;
}
