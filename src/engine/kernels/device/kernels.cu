// The operations of a decoding step that tensor operations would do in many passes: attention over cells that a table
// names, the sum with a residual and its normalization, bias and activation, the best scores of a row, and what greedy and
// beam search make of them.
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

// As many values as the launch asks for.
extern __shared__ float shared[];

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

__device__ __forceinline__ float biased(const float *row, const float *bias, u32 i) { return row[i] + (bias ? bias[i] : 0); }

// The first of this thread's scores behind (behind, behind_place).
__device__ void next(const float *row, const float *bias, u32 columns, float behind, u32 behind_place, float *best,
                     u32 *place) {
  *best = minus_infinity();
  *place = 0xffffffff;
  for (u32 i = threadIdx.x; i < columns; i += blockDim.x) {
    float score = biased(row, bias, i);
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
  float most = largest;
  if (name_count) {
    // One that is ruled out may be so large that beside it the others vanish: they have a largest of their own.
    most = minus_infinity();
    for (u32 i = threadIdx.x; i < columns; i += blockDim.x)
      if (!ruled_out(i, gone, name_count)) most = fmaxf(most, biased(row, bias, i));
    most = reduce<Largest>(most, scratch);
  }
  float sum = 0, rest = 0;
  for (u32 i = threadIdx.x; i < columns; i += blockDim.x) {
    const float score = biased(row, bias, i);
    sum += expf(score - largest);
    if (name_count && !ruled_out(i, gone, name_count)) rest += expf(score - most);
  }
  sum = reduce<Sum>(sum, scratch);
  rest = name_count ? reduce<Sum>(rest, scratch) : sum;
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

// What follows searches: `search.rs` says what the arrays hold, and has the plain form.
enum RowField { SLOT, LENGTH, START, SOURCE_START, SOURCE_LENGTH };
enum Field { FIRST_SLOT, FIRST_ROW, BEAMS, KEEP, COUNT, POSITION, FLAGS, FORCED, FORCED_SCORE, DIVISOR, DIVISOR_AHEAD, FIELDS };
enum Flag { GREEDY = 1, RENORMALIZE = 2, LAST = 4, STOPS_WHEN_FULL = 8 };
enum Verdict { OPEN, DONE, DAMAGED };
enum Hypothesis { TOKEN, SCORE, RAW, IS_OPEN, OPEN_WIDTH };
enum Ended { ENDED_SCORE, ENDED_RAW, ENDED_COUNT, ENDED_BEAM, ENDED_TOKEN, ENDED_WIDTH };

constexpr u32 ABSENT = 0xffffffff, MOST_BEAMS = 32;
constexpr float UNAVAILABLE = -1.0e9f;

// One block a row: its last token, the cells of its positions, those of its source; see `Laid`.
extern "C" __global__ void lay(const u32 *plan, const u32 *open, const u32 *cells, u32 capacity, u32 first_cell, u32 longest,
                               u32 source_longest, u32 *tokens, u32 *history, u32 *sources) {
  const u32 row = blockIdx.x, rows = gridDim.x, slot = plan[SLOT * rows + row], length = plan[LENGTH * rows + row];
  const u32 start = plan[SOURCE_START * rows + row], last = plan[SOURCE_LENGTH * rows + row] - 1;
  const u32 *own = cells + (size_t)slot * capacity;
  if (threadIdx.x == 0) tokens[row] = length == 1 ? plan[START * rows + row] : open[slot * OPEN_WIDTH + TOKEN];
  for (u32 t = threadIdx.x; t < longest; t += blockDim.x)
    history[(size_t)row * longest + t] = t + 1 < length ? own[t] : first_cell + row;
  for (u32 t = threadIdx.x; t < source_longest; t += blockDim.x)
    sources[(size_t)row * source_longest + t] = start + (t < last ? t : last);
}

// A number whose order is that of scores, -0 below 0.
__device__ __forceinline__ int order(float score) {
  const int bits = (int)__float_as_uint(score);
  return bits ^ (int)((u32)(bits >> 31) >> 1);
}

// True where a token ends an output.
__device__ bool ends(u32 token, const u32 *record, u32 width) {
  return (record[FLAGS] & LAST) || ruled_out(token, record + FIELDS, width - FIELDS);
}

// The continuations of a source's open hypotheses.
struct Candidates {
  float *scores, *raws;
  u32 *tokens, *ranks;
};

// Those that are kept, best first, as many as there are.
struct Kept {
  float *scores, *raws;
  u32 *beams, *tokens;
  u32 count;
};

// Fills one candidate: the `place`th of a row.
__device__ void propose(const u32 *record, u32 place, const float *given, u32 count, const u32 *forced,
                        const float *forced_scores, Candidates to, u32 i) {
  const float total = given[0];
  if (!record[FORCED]) {
    const bool greedy = record[FLAGS] & GREEDY;
    const float offset = greedy ? 0 : total, rest = !greedy && (record[FLAGS] & RENORMALIZE) ? given[1] - total : 0;
    const float score = given[2 + place] - offset;
    to.tokens[i] = (u32)given[2 + count + place], to.scores[i] = score - rest, to.raws[i] = score - (total - offset);
  } else if (place < record[FORCED]) {
    to.tokens[i] = forced[place], to.scores[i] = __uint_as_float(record[FORCED_SCORE]);
    to.raws[i] = forced_scores[place] - total;
  } else {
    // The lowest tokens that are not forced.
    u32 token = place - record[FORCED];
    for (u32 k = 0; k < record[FORCED]; k++)
      if (forced[k] <= token) token++;
    to.tokens[i] = token, to.scores[i] = to.raws[i] = minus_infinity();
  }
}

// Moves the last of `count` entries of `width` numbers to its place by the score they begin with, behind its equals.
__device__ void sink(u32 *entries, u32 count, u32 width) {
  for (u32 i = count - 1; i > 0; i--) {
    u32 *low = entries + i * width, *high = low - width;
    if (order(__uint_as_float(*low)) <= order(__uint_as_float(*high))) return;
    for (u32 k = 0; k < width; k++) {
      const u32 moved = low[k];
      low[k] = high[k], high[k] = moved;
    }
  }
}

// Lets the hypotheses that end now compete with those that ended before, and returns how the source stands. `next` gets which
// of those kept go on, (beams, 2): score, place.
__device__ u32 settle(const u32 *record, u32 width, Kept kept, u32 *ended, u32 *next, u32 *opened) {
  const u32 beams = record[BEAMS], position = record[POSITION];
  u32 last[ENDED_WIDTH * (MOST_BEAMS + 1)], going[2 * (MOST_BEAMS + 1)], count = 0;
  bool all = true;
  for (u32 k = 0; k < beams; k++) {
    u32 *own = last + k * ENDED_WIDTH;
    if (position)
      for (u32 i = 0; i < ENDED_WIDTH; i++) own[i] = ended[k * ENDED_WIDTH + i];
    else
      own[ENDED_SCORE] = __float_as_uint(UNAVAILABLE), own[ENDED_RAW] = 0, own[ENDED_COUNT] = ABSENT,
      own[ENDED_BEAM] = own[ENDED_TOKEN] = 0;
  }
  for (u32 k = 0; k < kept.count; k++) {
    const bool over = ends(kept.tokens[k], record, width);
    all = all && over;
    going[2 * count] = __float_as_uint(kept.scores[k] + (over ? UNAVAILABLE : 0)), going[2 * count + 1] = k;
    sink(going, count + 1, 2);
    if (count < beams) count++;
    if (!over || k >= beams) continue;
    u32 *own = last + beams * ENDED_WIDTH;
    own[ENDED_SCORE] = __float_as_uint(kept.scores[k] / __uint_as_float(record[DIVISOR]));
    own[ENDED_RAW] = __float_as_uint(kept.raws[k]), own[ENDED_COUNT] = position + 1;
    own[ENDED_BEAM] = kept.beams[k], own[ENDED_TOKEN] = kept.tokens[k];
    sink(last, beams + 1, ENDED_WIDTH);
  }
  for (u32 i = 0; i < beams * ENDED_WIDTH; i++) ended[i] = last[i];
  for (u32 i = 0; i < 2 * count; i++) next[i] = going[i];
  *opened = count;

  const float best = count ? __uint_as_float(going[0]) / __uint_as_float(record[DIVISOR_AHEAD]) : minus_infinity();
  const float worst = __uint_as_float(last[(beams - 1) * ENDED_WIDTH]);
  bool full = true, may_improve = false;
  for (u32 k = 0; k < beams; k++) {
    const bool there = last[k * ENDED_WIDTH + ENDED_COUNT] != ABSENT;
    full = full && there;
    may_improve = may_improve || best > (there ? worst : UNAVAILABLE);
  }
  return !may_improve || (full && (record[FLAGS] & STOPS_WHEN_FULL)) || all ? DONE : OPEN;
}

// The same where the best token is taken and nothing competes.
__device__ u32 settle_greedy(const u32 *record, u32 width, Kept kept, const u32 *open, u32 *ended, u32 *next, u32 *opened) {
  const u32 position = record[POSITION];
  ended[ENDED_SCORE] = ended[ENDED_BEAM] = *opened = 0;
  if (!kept.count) { // every token is ruled out: what there is stays the output
    ended[ENDED_RAW] = position ? open[RAW] : 0, ended[ENDED_COUNT] = position;
    ended[ENDED_TOKEN] = position ? open[TOKEN] : ABSENT;
    return DONE;
  }
  ended[ENDED_RAW] = __float_as_uint(kept.raws[0]), ended[ENDED_COUNT] = position + 1, ended[ENDED_TOKEN] = kept.tokens[0];
  next[0] = __float_as_uint(kept.scores[0]), next[1] = 0, *opened = 1;
  return ends(kept.tokens[0], record, width) ? DONE : OPEN;
}

// One block a source: its search moves on by what `top` gave its rows. Ranks are counted, so that no thread waits for another
// but at the barriers. Shared memory: 4 * (candidates + most_kept) values.
extern "C" __global__ void advance(const u32 *records, u32 width, const u32 *names, u32 name_count, const u32 *forced,
                                   const float *forced_scores, u32 forced_count, const float *best, u32 count, u32 *open,
                                   u32 *ended, u32 *trail, u32 *cells, u32 capacity, u32 first_cell, u32 candidates,
                                   u32 most_kept, u32 *verdicts) {
  __shared__ u32 next[2 * MOST_BEAMS], opened, verdict;
  const u32 *record = records + (size_t)blockIdx.x * width;
  const u32 slot = record[FIRST_SLOT], row = record[FIRST_ROW], beams = record[BEAMS], keep = record[KEEP];
  const u32 position = record[POSITION], each = record[FORCED] ? keep : record[COUNT], stride = 2 + 2 * count;
  const Candidates all = {shared, shared + candidates, (u32 *)shared + 2 * candidates, (u32 *)shared + 3 * candidates};
  float *behind = shared + 4 * candidates;
  Kept kept = {behind, behind + most_kept, (u32 *)behind + 2 * most_kept, (u32 *)behind + 3 * most_kept, 0};
  u32 *own = open + (size_t)slot * OPEN_WIDTH, hypotheses = position ? 0 : 1;
  while (position && hypotheses < beams && own[hypotheses * OPEN_WIDTH + IS_OPEN]) hypotheses++;
  const u32 total = hypotheses * each;

  for (u32 k = threadIdx.x; k < keep; k += blockDim.x) kept.beams[k] = ABSENT;
  for (u32 i = threadIdx.x; i < total; i += blockDim.x) {
    const u32 beam = i / each;
    propose(record, i % each, best + (size_t)(row + beam) * stride, count, forced + (size_t)row * forced_count,
            forced_scores + (size_t)(row + beam) * forced_count, all, i);
    if (!record[FORCED] && ruled_out(all.tokens[i], names + (size_t)row * name_count, name_count)) all.tokens[i] = ABSENT;
  }
  __syncthreads();
  // The rank of each in its row, by score and then by token.
  for (u32 i = threadIdx.x; i < total; i += blockDim.x) {
    const u32 first = i - i % each, token = all.tokens[i];
    const int own_order = order(all.scores[i]);
    u32 rank = 0;
    for (u32 j = first; j < first + each; j++) {
      const int other = order(all.scores[j]);
      const u32 other_token = all.tokens[j];
      const bool lower = other_token < token || (other_token == token && j < i);
      if (other_token != ABSENT && (other > own_order || (other == own_order && lower))) rank++;
    }
    all.ranks[i] = token != ABSENT && rank < keep ? rank : ABSENT;
  }
  __syncthreads();
  if (!(record[FLAGS] & GREEDY))
    for (u32 i = threadIdx.x; i < total; i += blockDim.x)
      all.scores[i] += position ? __uint_as_float(own[i / each * OPEN_WIDTH + SCORE]) : 0;
  __syncthreads();
  // The rank among all, by score, then by beam, then by the rank in the row.
  for (u32 i = threadIdx.x; i < total; i += blockDim.x) {
    if (all.ranks[i] == ABSENT) continue;
    const int own_order = order(all.scores[i]);
    u32 rank = 0;
    for (u32 j = 0; j < total; j++) {
      const int other = order(all.scores[j]);
      const bool lower = j / each < i / each || (j / each == i / each && all.ranks[j] < all.ranks[i]);
      if (all.ranks[j] != ABSENT && (other > own_order || (other == own_order && lower))) rank++;
    }
    if (rank >= keep) continue;
    const float before = position ? __uint_as_float(own[i / each * OPEN_WIDTH + RAW]) : 0;
    kept.beams[rank] = i / each, kept.tokens[rank] = all.tokens[i];
    kept.scores[rank] = all.scores[i], kept.raws[rank] = before + all.raws[i];
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    while (kept.count < keep && kept.beams[kept.count] != ABSENT) kept.count++;
    u32 *own_ended = ended + (size_t)slot * ENDED_WIDTH;
    bool damaged = false;
    for (u32 beam = 0; beam < hypotheses; beam++) {
      const float sum = best[(size_t)(row + beam) * stride];
      damaged = damaged || sum != sum;
    }
    if (damaged) verdict = DAMAGED;
    else if (record[FLAGS] & GREEDY) verdict = settle_greedy(record, width, kept, own, own_ended, next, &opened);
    else verdict = settle(record, width, kept, own_ended, next, &opened);
    verdicts[blockIdx.x] = verdict;
  }
  __syncthreads();
  if (verdict != OPEN) return;

  // Histories follow their hypotheses; a thread has a position of all beams.
  for (u32 t = threadIdx.x; t <= position; t += blockDim.x) {
    u32 *column = cells + (size_t)slot * capacity + t, before[MOST_BEAMS];
    for (u32 beam = 0; beam < beams; beam++)
      before[beam] = t < position ? column[(size_t)beam * capacity] : first_cell + row + beam;
    for (u32 beam = 0; beam < beams; beam++)
      column[(size_t)beam * capacity] = before[beam < opened ? kept.beams[next[2 * beam + 1]] : 0];
  }
  for (u32 beam = threadIdx.x; beam < beams; beam += blockDim.x) {
    u32 *hypothesis = own + beam * OPEN_WIDTH;
    hypothesis[IS_OPEN] = beam < opened;
    if (beam >= opened) continue;
    const u32 from = next[2 * beam + 1];
    hypothesis[TOKEN] = kept.tokens[from], hypothesis[SCORE] = next[2 * beam];
    hypothesis[RAW] = __float_as_uint(kept.raws[from]);
    trail[(size_t)(slot + beam) * capacity + position] = kept.beams[from] << 24 | kept.tokens[from];
  }
}
