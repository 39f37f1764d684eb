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

// What each round adds to the words: the key, advanced by Weyl sequences.
struct PhiloxKeys {
  Words round[10][2];
};
inline PhiloxKeys philox_keys(uint64_t key) {
  PhiloxKeys keys;
  uint32_t key0 = uint32_t(key), key1 = uint32_t(key >> 32);
  for (auto& round : keys.round) {
    round[0] = Words{} + uint64_t(key0);
    round[1] = Words{} + uint64_t(key1);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return keys;
}

// Words c[0..3] <- the random words of counter c; high halves of lanes are neither read nor cleared.
inline void philox(Words (&c)[4], const PhiloxKeys& keys) {
#pragma GCC unroll 10
  for (const auto& key : keys.round) {
    const Words a = multiply_low(c[0], 0xD2511F53u), b = multiply_low(c[2], 0xCD9E8D57u);
    c[0] = (b >> 32) ^ c[1] ^ key[0];
    c[1] = b;  // its low half is the word
    c[2] = (a >> 32) ^ c[3] ^ key[1];
    c[3] = a;
  }
}
