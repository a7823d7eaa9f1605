// The operations of a decoding step that tensor operations would do in many passes: attention over cells that a table
// names, the sum with a residual and its normalization, bias and activation, the best scores of a row.
//
// Sums are in f32 whatever the type. No header is included, so that the run-time compiler needs no toolkit on the machine
// that runs it. Each has its plain form beside it in Rust, and is compared with it before it is first used.

typedef unsigned int u32;

struct f16 { unsigned short bits; };
struct bf16 { unsigned short bits; };

__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ float widen(bf16 x) { return __uint_as_float((u32)x.bits << 16); }
__device__ __forceinline__ float widen(f16 x) {
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
  return wide;
}

__device__ __forceinline__ void store(float *to, float x) { *to = x; }
__device__ __forceinline__ void store(bf16 *to, float x) {
  u32 bits = __float_as_uint(x);
  // To the nearest, ties to even; a NaN stays one.
  to->bits = x != x ? 0x7fff : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}
__device__ __forceinline__ void store(f16 *to, float x) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to->bits) : "f"(x)); }

__device__ __forceinline__ float minus_infinity() { return __int_as_float(0xff800000); }

struct Sum { static __device__ float of(float a, float b) { return a + b; } };
struct Largest { static __device__ float of(float a, float b) { return fmaxf(a, b); } };

// Reduces a value over the block; every thread gets the result. `scratch` holds 32 values.
template <typename Operation> __device__ float reduce(float value, float *scratch) {
  for (int step = 16; step > 0; step /= 2) value = Operation::of(value, __shfl_xor_sync(0xffffffff, value, step));
  __syncthreads(); // what an earlier reduction left has been read
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
  __syncthreads();
  value = scratch[0];
  for (u32 warp = 1; warp < blockDim.x / 32; warp++) value = Operation::of(value, scratch[warp]);
  return value;
}

// One block a row and head: softmax(q k / sqrt(dim) + bias) v over the row's cells, keys before values in each.
// `bias` is (2 reach + 1, heads); the query stands at the row's last cell. `taps` is (tap_count, rows, longest).
// Shared memory: longest + dim + warps * dim + 32 values.
template <typename T>
__device__ void attend(const T *queries, u32 query_stride, const T *cells, const u32 *table, const u32 *lengths,
                       u32 longest, u32 dim, float scale, const float *bias, int reach, T *out, float *taps,
                       u32 tap_first, u32 tap_count) {
  extern __shared__ float shared[];
  const u32 row = blockIdx.x, head = blockIdx.y, rows = gridDim.x, heads = gridDim.y, d = heads * dim;
  const u32 warps = blockDim.x / 32, warp = threadIdx.x / 32, lane = threadIdx.x % 32, length = lengths[row];
  float *weights = shared, *query = weights + longest, *partial = query + dim, *scratch = partial + warps * dim;
  const T *own_query = queries + (size_t)row * query_stride + head * dim;
  const u32 *own_cells = table + (size_t)row * longest;

  for (u32 i = threadIdx.x; i < dim; i += blockDim.x) query[i] = widen(own_query[i]) * scale;
  __syncthreads();
  float largest = minus_infinity();
  for (u32 t = warp; t < length; t += warps) {
    const T *key = cells + (size_t)own_cells[t] * 2 * d + head * dim;
    float score = 0;
    for (u32 i = lane; i < dim; i += 32) score += query[i] * widen(key[i]);
    for (int step = 16; step > 0; step /= 2) score += __shfl_xor_sync(0xffffffff, score, step);
    if (bias) {
      int offset = (int)t + reach - (int)(length - 1);
      score += bias[(size_t)min(max(offset, 0), 2 * reach) * heads + head];
    }
    if (lane == 0) weights[t] = score;
    largest = fmaxf(largest, score);
  }
  largest = reduce<Largest>(largest, scratch);
  float total = 0;
  for (u32 t = threadIdx.x; t < length; t += blockDim.x) total += weights[t] = expf(weights[t] - largest);
  total = reduce<Sum>(total, scratch);

  for (u32 i = lane; i < dim; i += 32) {
    float sum = 0;
    for (u32 t = warp; t < length; t += warps)
      sum += weights[t] * widen(cells[((size_t)own_cells[t] * 2 + 1) * d + head * dim + i]);
    partial[warp * dim + i] = sum;
  }
  __syncthreads();
  for (u32 i = threadIdx.x; i < dim; i += blockDim.x) {
    float sum = 0;
    for (u32 other = 0; other < warps; other++) sum += partial[other * dim + i];
    store(out + (size_t)row * d + head * dim + i, sum / total);
  }
  if (head - tap_first < tap_count) // in unsigned arithmetic: heads before the first are far above
    for (u32 t = threadIdx.x; t < longest; t += blockDim.x)
      taps[((size_t)(head - tap_first) * rows + row) * longest + t] = t < length ? weights[t] / total : 0;
}

// One block a row: layer normalization of x + residual, or without `bias` that by the root mean square.
// Shared memory: columns + 32 values.
template <typename T>
__device__ void normalize(const T *x, const T *residual, const T *weight, const T *bias, u32 columns, float epsilon,
                          T *out) {
  extern __shared__ float shared[];
  float *values = shared, *scratch = values + columns;
  const size_t start = (size_t)blockIdx.x * columns;
  float sum = 0;
  for (u32 i = threadIdx.x; i < columns; i += blockDim.x) {
    float value = widen(x[start + i]);
    if (residual) value += widen(residual[start + i]);
    values[i] = value;
    sum += value;
  }
  const float mean = bias ? reduce<Sum>(sum, scratch) / columns : 0;
  float squares = 0;
  for (u32 i = threadIdx.x; i < columns; i += blockDim.x) squares += (values[i] - mean) * (values[i] - mean);
  const float scale = 1 / sqrtf(reduce<Sum>(squares, scratch) / columns + epsilon);
  for (u32 i = threadIdx.x; i < columns; i += blockDim.x)
    store(out + start + i, (values[i] - mean) * scale * widen(weight[i]) + (bias ? widen(bias[i]) : 0));
}

enum Activation { NONE, RELU, SWISH, GELU, GELU_NEW, QUICK_GELU, TANH };

__device__ float activate(float x, u32 activation) {
  switch (activation) {
  case RELU: return x > 0 ? x : 0;
  case SWISH: return x / (1 + expf(-x));
  case GELU: return 0.5f * x * (1 + erff(x * 0.70710678f));
  case GELU_NEW: return 0.5f * x * (1 + tanhf(0.79788456f * x * (1 + 0.044715f * x * x)));
  case QUICK_GELU: return x / (1 + expf(-1.702f * x));
  case TANH: return tanhf(x);
  default: return x;
  }
}

// One thread a value; blocks lie along rows (x) and columns (y).
template <typename T>
__device__ void finish(const T *x, const T *bias, u32 columns, u32 activation, T *out) {
  const u32 column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const size_t place = (size_t)blockIdx.x * columns + column;
  store(out + place, activate(widen(x[place]) + (bias ? widen(bias[column]) : 0), activation));
}

#define OF_TYPE(T)                                                                                                     \
  extern "C" __global__ void attend_##T(const T *queries, u32 query_stride, const T *cells, const u32 *table,          \
                                        const u32 *lengths, u32 longest, u32 dim, float scale, const float *bias,      \
                                        int reach, T *out, float *taps, u32 tap_first, u32 tap_count) {                \
    attend(queries, query_stride, cells, table, lengths, longest, dim, scale, bias, reach, out, taps, tap_first,       \
           tap_count);                                                                                                 \
  }                                                                                                                    \
  extern "C" __global__ void normalize_##T(const T *x, const T *residual, const T *weight, const T *bias,              \
                                           u32 columns, float epsilon, T *out) {                                       \
    normalize(x, residual, weight, bias, columns, epsilon, out);                                                       \
  }                                                                                                                    \
  extern "C" __global__ void finish_##T(const T *x, const T *bias, u32 columns, u32 activation, T *out) {              \
    finish(x, bias, columns, activation, out);                                                                         \
  }

typedef float f32;
OF_TYPE(f32)
OF_TYPE(f16)
OF_TYPE(bf16)

// True where a comes before b: the larger first, the lower place among equals.
__device__ __forceinline__ bool before(float a, u32 a_place, float b, u32 b_place) {
  return a > b || (a == b && a_place < b_place);
}

// The first of this thread's scores behind (behind, behind_place).
__device__ void next(const float *row, const float *bias, u32 columns, float behind, u32 behind_place, float *best,
                     u32 *place) {
  *best = minus_infinity();
  *place = 0xffffffff;
  for (u32 i = threadIdx.x; i < columns; i += blockDim.x) {
    float score = row[i] + (bias ? bias[i] : 0);
    if (score > *best && before(behind, behind_place, score, i)) {
      *best = score;
      *place = i;
    }
  }
}

// True where a place is among those ruled out.
__device__ bool ruled_out(u32 place, const u32 *names, u32 count) {
  for (u32 i = 0; i < count; i++)
    if (names[i] == place) return true;
  return false;
}

// One block of up to 1024 threads a row of scores: ln(sum of e^(score + bias)), the same without the places ruled out, (rows,
// names), where one of `columns` or more is none, the `count` best and their places; (rows, 2 + 2 count).
extern "C" __global__ void top(const float *scores, const float *bias, u32 columns, u32 count, const u32 *names,
                               u32 name_count, float *out) {
  __shared__ float values[32], scratch[32];
  __shared__ u32 places[32];
  const float *row = scores + (size_t)blockIdx.x * columns;
  const u32 *gone = names + (size_t)blockIdx.x * name_count;
  float *own = out + (size_t)blockIdx.x * (2 + 2 * count);

  float best;
  u32 place;
  next(row, bias, columns, __int_as_float(0x7f800000), 0, &best, &place);
  const float largest = reduce<Largest>(best, scratch);
  // One that is ruled out may be so large that beside it the others vanish: they have a largest of their own.
  float most = minus_infinity();
  for (u32 i = threadIdx.x; i < columns; i += blockDim.x)
    if (!ruled_out(i, gone, name_count)) most = fmaxf(most, row[i] + (bias ? bias[i] : 0));
  most = reduce<Largest>(most, scratch);
  float sum = 0, rest = 0;
  for (u32 i = threadIdx.x; i < columns; i += blockDim.x) {
    const float score = row[i] + (bias ? bias[i] : 0);
    sum += expf(score - largest);
    if (!ruled_out(i, gone, name_count)) rest += expf(score - most);
  }
  sum = reduce<Sum>(sum, scratch);
  rest = reduce<Sum>(rest, scratch);
  if (threadIdx.x == 0) own[0] = largest + logf(sum), own[1] = most + logf(rest);

  for (u32 k = 0; k < count; k++) {
    float value = best;
    u32 where = place;
    for (int step = 16; step > 0; step /= 2) {
      float other = __shfl_xor_sync(0xffffffff, value, step);
      u32 other_place = __shfl_xor_sync(0xffffffff, where, step);
      if (before(other, other_place, value, where)) value = other, where = other_place;
    }
    __syncthreads(); // the places of the round before have been read
    if (threadIdx.x % 32 == 0) values[threadIdx.x / 32] = value, places[threadIdx.x / 32] = where;
    __syncthreads();
    value = values[0], where = places[0];
    for (u32 warp = 1; warp < blockDim.x / 32; warp++)
      if (before(values[warp], places[warp], value, where)) value = values[warp], where = places[warp];
    if (threadIdx.x == 0) own[2 + k] = value, own[2 + count + k] = where < columns ? where : 0;
    // The thread that had it looks for its next.
    if (where == place && where < columns) next(row, bias, columns, value, where, &best, &place);
  }
}
