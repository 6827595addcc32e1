// Random numbers with the streams of the CPU: Philox 4x32, ten rounds, a counter value for each
// group of elements, so that the words that make an element depend on its position only.
//
// `key`, `low` and `high` are the place in the stream: see kernels/cpu/philox.h.
#include "cuda/element.h"

struct Words {
  uint32 w[4];
};

__device__ inline Words words_at(uint64 key, uint64 low, uint64 high, uint64 ahead) {
  const uint64 l = low + ahead, h = high + (l < low ? 1 : 0);
  uint32 c0 = static_cast<uint32>(l), c1 = static_cast<uint32>(l >> 32);
  uint32 c2 = static_cast<uint32>(h), c3 = static_cast<uint32>(h >> 32);
  uint32 k0 = static_cast<uint32>(key), k1 = static_cast<uint32>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64 a = 0xD2511F53ull * c0, b = 0xCD9E8D57ull * c2;
    c0 = static_cast<uint32>(b >> 32) ^ c1 ^ k0;
    c2 = static_cast<uint32>(a >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32>(b);
    c3 = static_cast<uint32>(a);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

__device__ inline float unit(uint32 word) {
  return __uint_as_float((word & 0x7fffffu) | 0x3f800000u) - 1.0f;
}
__device__ inline double unit(uint32 first, uint32 second) {
  const uint64 bits = (1023ull << 52) | (static_cast<uint64>(first & 0xfffffu) << 32) | second;
  return __longlong_as_double(static_cast<int64>(bits)) - 1.0;
}

__device__ inline void normal_pair(uint32 a, uint32 b, float* out) {
  const float radius = sqrtf(-2.0f * logf(fmaxf(unit(a), 1.0e-7f)));
  const float angle = 6.2831853071795864f * unit(b);
  out[0] = sinf(angle) * radius;
  out[1] = cosf(angle) * radius;
}
__device__ inline void normal_pair(uint32 a, uint32 b, uint32 c, uint32 d, double* out) {
  const double radius = sqrt(-2.0 * log(fmax(unit(a, b), 1.0e-7)));
  const double angle = 6.283185307179586476925286766559 * unit(c, d);
  out[0] = sin(angle) * radius;
  out[1] = cos(angle) * radius;
}

// How many elements one counter value gives, and which.
template <class E>
struct Draw {
  static const int kOutputs = 4;
  __device__ static void uniform(const Words& words, E* out);
  __device__ static void normal(const Words& words, E* out) {
    float z[4];
    normal_pair(words.w[0], words.w[1], z);
    normal_pair(words.w[2], words.w[3], z + 2);
    for (int i = 0; i < 4; ++i) store(out[i], z[i]);
  }
};
template <>
__device__ inline void Draw<float>::uniform(const Words& words, float* out) {
  for (int i = 0; i < 4; ++i) out[i] = unit(words.w[i]);
}
template <>
__device__ inline void Draw<float16>::uniform(const Words& words, float16* out) {
  for (int i = 0; i < 4; ++i) {
    const float16 one_to_two = {static_cast<unsigned short>((words.w[i] & 0x3ffu) | 0x3c00u)};
    store(out[i], load(one_to_two) - 1.0f);
  }
}
template <>
__device__ inline void Draw<bfloat16>::uniform(const Words& words, bfloat16* out) {
  for (int i = 0; i < 4; ++i) {
    const bfloat16 one_to_two = {static_cast<unsigned short>((words.w[i] & 0x7fu) | 0x3f80u)};
    store(out[i], load(one_to_two) - 1.0f);
  }
}
template <>
struct Draw<double> {
  static const int kOutputs = 2;
  __device__ static void uniform(const Words& words, double* out) {
    out[0] = unit(words.w[0], words.w[1]);
    out[1] = unit(words.w[2], words.w[3]);
  }
  __device__ static void normal(const Words& words, double* out) {
    normal_pair(words.w[0], words.w[1], words.w[2], words.w[3], out);
  }
};

template <int kOutputs, class E>
__device__ inline void put_group(E* out, int64 n, int64 group, const E* made) {
  for (int i = 0; i < kOutputs && group * kOutputs + i < n; ++i) {
    out[group * kOutputs + i] = made[i];
  }
}

extern "C" __global__ void random_uniform(T* out, int64 n, uint64 key, uint64 low, uint64 high) {
  const int size = Draw<T>::kOutputs;
  for (int64 g = first_item(); g * size < n; g += items_at_once()) {
    T made[size];
    Draw<T>::uniform(words_at(key, low, high, static_cast<uint64>(g)), made);
    put_group<size>(out, n, g, made);
  }
}

extern "C" __global__ void random_normal(T* out, int64 n, uint64 key, uint64 low, uint64 high) {
  const int size = Draw<T>::kOutputs;
  for (int64 g = first_item(); g * size < n; g += items_at_once()) {
    T made[size];
    Draw<T>::normal(words_at(key, low, high, static_cast<uint64>(g)), made);
    put_group<size>(out, n, g, made);
  }
}

// Words of a stream one after the other.
struct Reader {
  uint64 key, low, high, counter;
  Words words;
  int used;
  __device__ uint32 next() {
    if (used == 4) {
      words = words_at(key, low, high, counter++);
      used = 0;
    }
    return words.w[used++];
  }
};

__device__ inline void draw_pair(Reader& reader, float* z) {
  const uint32 a = reader.next(), b = reader.next();
  normal_pair(a, b, z);
}
__device__ inline void draw_pair(Reader& reader, double* z) {
  const uint32 a = reader.next(), b = reader.next(), c = reader.next(), d = reader.next();
  normal_pair(a, b, c, d, z);
}

// Normals in (-2, 2): a group draws from a part of the stream of its own until it is full.
extern "C" __global__ void random_truncated_normal(T* out, int64 n, uint64 key, uint64 low,
                                                   uint64 high) {
  const int size = Draw<T>::kOutputs;
  const uint64 counters_per_group = 64ull * size;
  for (int64 g = first_item(); g * size < n; g += items_at_once()) {
    Reader reader = {key, low, high, static_cast<uint64>(g) * counters_per_group, {}, 4};
    T made[size];
    for (int kept = 0; kept < size;) {
      A z[2];
      draw_pair(reader, z);
      for (int i = 0; i < 2 && kept < size; ++i) {
        if (z[i] < A(2) && z[i] > A(-2)) store(made[kept++], z[i]);
      }
    }
    put_group<size>(out, n, g, made);
  }
}

// from + [0, range)
extern "C" __global__ void random_int32(int* out, int64 n, uint64 key, uint64 low, uint64 high,
                                        int64 from, uint64 range) {
  for (int64 g = first_item(); g * 4 < n; g += items_at_once()) {
    const Words words = words_at(key, low, high, static_cast<uint64>(g));
    int made[4];
    for (int i = 0; i < 4; ++i) {
      made[i] =
          static_cast<int>(static_cast<uint32>(from) + words.w[i] % static_cast<uint32>(range));
    }
    put_group<4>(out, n, g, made);
  }
}

extern "C" __global__ void random_int64(int64* out, int64 n, uint64 key, uint64 low, uint64 high,
                                        int64 from, uint64 range) {
  for (int64 g = first_item(); g * 2 < n; g += items_at_once()) {
    const Words words = words_at(key, low, high, static_cast<uint64>(g));
    int64 made[2];
    for (int i = 0; i < 2; ++i) {
      const uint64 bits = words.w[2 * i] | static_cast<uint64>(words.w[2 * i + 1]) << 32;
      made[i] = static_cast<int64>(static_cast<uint64>(from) + bits % range);
    }
    put_group<2>(out, n, g, made);
  }
}
