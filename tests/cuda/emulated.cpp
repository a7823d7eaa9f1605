// Runs the CUDA kernels on the CPU, a thread for each of theirs, and compares them with loops that do the obvious.
//
// The kernels of searches are compared with the plain forms in Rust, whose steps come in a file.
// It proves their arithmetic, their indices and their barriers, not their speed and not the compiler's work. `kernels.inc`
// is `kernels.cu` with three instructions of the GPU put in words of C++; `tests/cuda_kernels.rs` writes it.
#include <barrier>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

struct Place { unsigned x = 0, y = 0, z = 0; };
static Place blockIdx, blockDim, gridDim;
static thread_local Place threadIdx;

static float shared[1 << 14];
static std::unique_ptr<std::barrier<>> block_barrier;
static std::vector<std::unique_ptr<std::barrier<>>> warp_barriers;
static std::uint32_t exchanged[1024];

static void __syncthreads() { block_barrier->arrive_and_wait(); }

template <typename T> static T __shfl_xor_sync(unsigned, T value, int step) {
  auto &warp = *warp_barriers[threadIdx.x / 32];
  exchanged[threadIdx.x] = std::bit_cast<std::uint32_t>(value);
  warp.arrive_and_wait();
  T other = std::bit_cast<T>(exchanged[threadIdx.x ^ step]);
  warp.arrive_and_wait();
  return other;
}

static float __uint_as_float(std::uint32_t x) { return std::bit_cast<float>(x); }
static std::uint32_t __float_as_uint(float x) { return std::bit_cast<std::uint32_t>(x); }
static float __int_as_float(std::uint32_t x) { return std::bit_cast<float>(x); }
static int min(int a, int b) { return a < b ? a : b; }
static int max(int a, int b) { return a > b ? a : b; }
static float half_to_float(std::uint16_t x) { return (float)std::bit_cast<_Float16>(x); }
static std::uint16_t float_to_half(float x) { return std::bit_cast<std::uint16_t>((_Float16)x); }

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#include "kernels.inc"

static const unsigned THREADS = 64;

static void launch(unsigned rows, unsigned columns, const std::function<void()> &kernel) {
  gridDim = {rows, columns, 1}, blockDim = {THREADS, 1, 1};
  for (unsigned row = 0; row < rows; row++)
    for (unsigned column = 0; column < columns; column++) {
      blockIdx = {row, column, 0};
      block_barrier = std::make_unique<std::barrier<>>(THREADS);
      warp_barriers.clear();
      for (unsigned warp = 0; warp < THREADS / 32; warp++) warp_barriers.push_back(std::make_unique<std::barrier<>>(32));
      std::vector<std::thread> threads;
      for (unsigned thread = 0; thread < THREADS; thread++)
        threads.emplace_back([&, thread] {
          threadIdx = {thread, 0, 0};
          kernel();
          block_barrier->arrive_and_drop();
        });
      for (auto &thread : threads) thread.join();
    }
}

static float random_value() {
  static std::uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return (state >> 8) / (float)(1 << 23) - 1;
}

// Values of a type, and what they are in f32.
template <typename T> struct Values {
  std::vector<T> narrow;
  std::vector<float> wide;
  explicit Values(size_t count, bool random = true) : narrow(count), wide(count) {
    for (size_t i = 0; i < count; i++) store(&narrow[i], random ? random_value() : 0);
    read();
  }
  void read() {
    for (size_t i = 0; i < narrow.size(); i++) wide[i] = widen(narrow[i]);
  }
};

static void expect(const char *what, double got, double want, double tolerance) {
  if (std::abs(got - want) <= tolerance * (1 + std::abs(want))) return;
  std::printf("%s: %g, not %g\n", what, got, want);
  std::exit(1);
}

template <typename T> static void try_attend(double tolerance) {
  const unsigned rows = 3, heads = 2, dim = 40, d = heads * dim, cells = 20, longest = 13, stride = 3 * d;
  const int reach = 4;
  Values<T> queries(rows * stride), memory(cells * 2 * d), out(rows * d, false);
  std::vector<float> bias((2 * reach + 1) * heads), taps(heads * rows * longest, -1);
  for (auto &value : bias) value = random_value();
  std::vector<u32> lengths = {1, 13, 6}, table(rows * longest);
  for (size_t i = 0; i < table.size(); i++) table[i] = i * 7 % cells;
  for (bool biased : {false, true})
    for (u32 first : {0u, 1u}) {
      const u32 kept = heads - first;
      launch(rows, heads, [&] {
        attend(queries.narrow.data(), stride, memory.narrow.data(), table.data(), lengths.data(), longest, dim, 0.2f,
               biased ? bias.data() : nullptr, reach, out.narrow.data(), taps.data(), first, kept);
      });
      out.read();
      for (unsigned row = 0; row < rows; row++)
        for (unsigned head = 0; head < heads; head++) {
          std::vector<double> weights(lengths[row]);
          double total = 0;
          for (unsigned t = 0; t < lengths[row]; t++) {
            double score = 0;
            for (unsigned i = 0; i < dim; i++)
              score += (double)queries.wide[row * stride + head * dim + i] *
                       memory.wide[table[row * longest + t] * 2 * d + head * dim + i];
            score *= 0.2;
            int distance = (int)t - (int)(lengths[row] - 1);
            if (biased) score += bias[(std::max(distance, -reach) + reach) * heads + head];
            total += weights[t] = std::exp(score);
          }
          for (unsigned i = 0; i < dim; i++) {
            double want = 0;
            for (unsigned t = 0; t < lengths[row]; t++)
              want += weights[t] / total * memory.wide[(table[row * longest + t] * 2 + 1) * d + head * dim + i];
            expect("attend", out.wide[row * d + head * dim + i], want, tolerance);
          }
          for (unsigned t = 0; t < longest && head >= first; t++)
            expect("attend, weights", taps[((head - first) * rows + row) * longest + t],
                   t < lengths[row] ? weights[t] / total : 0, 1e-5);
        }
    }
}

template <typename T> static void try_normalize(double tolerance) {
  const unsigned rows = 3, columns = 150;
  Values<T> x(rows * columns), residual(rows * columns), weight(columns), bias(columns), out(rows * columns, false);
  for (bool summed : {false, true})
    for (bool centred : {false, true}) {
      launch(rows, 1, [&] {
        normalize(x.narrow.data(), summed ? residual.narrow.data() : nullptr, weight.narrow.data(),
                  centred ? bias.narrow.data() : nullptr, columns, 1e-5f, out.narrow.data());
      });
      out.read();
      for (unsigned row = 0; row < rows; row++) {
        std::vector<double> values(columns);
        double mean = 0, variance = 0;
        for (unsigned i = 0; i < columns; i++) {
          values[i] = x.wide[row * columns + i] + (summed ? residual.wide[row * columns + i] : 0);
          mean += values[i] / columns;
        }
        if (!centred) mean = 0;
        for (double value : values) variance += (value - mean) * (value - mean) / columns;
        for (unsigned i = 0; i < columns; i++)
          expect("normalize", out.wide[row * columns + i],
                 (values[i] - mean) / std::sqrt(variance + 1e-5) * weight.wide[i] + (centred ? bias.wide[i] : 0),
                 tolerance);
      }
    }
}

template <typename T> static void try_finish(double tolerance) {
  const unsigned rows = 3, columns = 150;
  Values<T> x(rows * columns), bias(columns), out(rows * columns, false);
  for (u32 activation = NONE; activation <= TANH; activation++)
    for (bool biased : {false, true}) {
      launch(rows, (columns + THREADS - 1) / THREADS, [&] {
        finish(x.narrow.data(), biased ? bias.narrow.data() : nullptr, columns, activation, out.narrow.data());
      });
      out.read();
      for (unsigned i = 0; i < rows * columns; i++) {
        double v = x.wide[i] + (biased ? bias.wide[i % columns] : 0);
        double want[] = {v, v > 0 ? v : 0, v / (1 + std::exp(-v)), v * 0.5 * (1 + std::erf(v / std::sqrt(2.0))),
                         0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))),
                         v / (1 + std::exp(-1.702 * v)), std::tanh(v)};
        expect("finish", out.wide[i], want[activation], tolerance);
      }
    }
}

static void try_top() {
  const unsigned rows = 3, columns = 300, names = 2;
  std::vector<float> scores(rows * columns), bias(columns);
  for (auto &score : scores) score = std::round(random_value() * 20); // many are equal
  for (auto &value : bias) value = std::round(random_value() * 2);
  for (unsigned i = 0; i < columns; i++) scores[2 * columns + i] = i < 295 ? -INFINITY : (float)i;
  scores[columns + 7] = 200; // beside it all others vanish
  std::vector<u32> gone = {7, columns, 0, 7, 298, 297}; // `columns` is none
  for (u32 count : {1u, 9u}) {
    const unsigned width = 2 + 2 * count;
    std::vector<float> out(rows * width);
    launch(rows, 1, [&] { top(scores.data(), bias.data(), columns, count, gone.data(), names, out.data()); });
    for (unsigned row = 0; row < rows; row++) {
      const float *own = &out[row * width];
      std::vector<double> values(columns);
      double total = 0, remaining = 0;
      for (unsigned i = 0; i < columns; i++) {
        total += std::exp(values[i] = scores[row * columns + i] + bias[i]);
        if (i != gone[row * names] && i != gone[row * names + 1]) remaining += std::exp(values[i]);
      }
      expect("top, total", own[0], std::log(total), 1e-5);
      expect("top, total of those not ruled out", own[1], std::log(remaining), 1e-5);
      for (u32 k = 0; k < count && (row < 2 || k < 5); k++) {
        unsigned best = 0;
        for (unsigned i = 0; i < columns; i++)
          if (values[i] > values[best]) best = i;
        expect("top, score", own[2 + k], values[best], 0);
        expect("top, token", own[2 + count + k], best, 0);
        values[best] = -INFINITY;
      }
    }
  }
  std::vector<float> nothing(columns, NAN), out(4);
  launch(1, 1, [&] { top(nothing.data(), nullptr, columns, 1, nullptr, 0, out.data()); });
  if (!std::isnan(out[0])) expect("top, total of scores that are no numbers", out[0], NAN, 0);
}

// Steps that the plain forms in Rust have gone through, each number in 32 bits, each list behind its length.
struct Steps {
  std::vector<u32> numbers;
  size_t place = 0;
  explicit Steps(const char *path) {
    std::FILE *file = std::fopen(path, "rb");
    u32 number;
    while (file && std::fread(&number, sizeof number, 1, file) == 1) numbers.push_back(number);
    if (file) std::fclose(file);
  }
  bool more() const { return place < numbers.size(); }
  std::vector<u32> list() {
    const size_t first = place + 1, end = first + numbers.at(place);
    place = end;
    return {numbers.begin() + first, numbers.begin() + end};
  }
};

static void same(const char *what, const std::vector<u32> &got, const std::vector<u32> &want, unsigned step) {
  if (got == want) return;
  std::printf("%s of step %u is not that of the plain form\n", what, step);
  std::exit(1);
}

static void try_search(const char *path) {
  Steps steps(path);
  unsigned step = 0;
  for (; steps.more(); step++) {
    const auto sizes = steps.list();
    const u32 rows = sizes[0], sources = sizes[1], names = sizes[2], forced = sizes[3], width = sizes[4], count = sizes[5];
    const u32 capacity = sizes[6], first_cell = sizes[7], candidates = sizes[8], most_kept = sizes[9];
    const auto plan = steps.list();
    auto open = steps.list(), ended = steps.list(), trail = steps.list(), cells = steps.list();
    const auto best = steps.list(), forced_scores = steps.list();
    const auto tokens = steps.list(), history = steps.list(), source_cells = steps.list();
    std::vector<u32> got(tokens.size()), got_history(history.size()), got_sources(source_cells.size());
    const u32 longest = history.size() / rows, source_longest = source_cells.size() / rows;
    launch(rows, 1, [&] {
      lay(plan.data(), open.data(), cells.data(), capacity, first_cell, longest, source_longest, got.data(),
          got_history.data(), got_sources.data());
    });
    same("lay, tokens", got, tokens, step), same("lay, history", got_history, history, step);
    same("lay, sources", got_sources, source_cells, step);
    const u32 *ruled_out_names = plan.data() + 5 * rows, *forced_tokens = ruled_out_names + names * rows;
    std::vector<u32> verdicts(sources);
    launch(sources, 1, [&] {
      advance(forced_tokens + forced * rows, width, ruled_out_names, names, forced_tokens,
              (const float *)forced_scores.data(), forced, (const float *)best.data(), count, open.data(), ended.data(),
              trail.data(), cells.data(), capacity, first_cell, candidates, most_kept, verdicts.data());
    });
    same("advance, open", open, steps.list(), step), same("advance, ended", ended, steps.list(), step);
    same("advance, trail", trail, steps.list(), step), same("advance, cells", cells, steps.list(), step);
    same("advance, verdicts", verdicts, steps.list(), step);
  }
  if (!step) std::printf("no steps in %s\n", path), std::exit(1);
}

int main(int, char **arguments) {
  try_attend<f32>(1e-5), try_attend<f16>(2e-3), try_attend<bf16>(2e-2);
  try_normalize<f32>(1e-5), try_normalize<f16>(2e-3), try_normalize<bf16>(2e-2);
  try_finish<f32>(1e-5), try_finish<f16>(2e-3), try_finish<bf16>(2e-2);
  try_top();
  try_search(arguments[1]);
  std::puts("every kernel gives what the loops give");
}
