// Softmax, log-softmax and the two cross entropies over the rows of a matrix [rows, n].
//
// A row belongs to the threads of one threadIdx.y, a power of two of them; a block has blockDim.y
// rows. All threads meet at every barrier, those beyond the last row with nothing to do.
#include "cuda/element.h"

__device__ inline float exponential(float x) { return expf(x); }
__device__ inline double exponential(double x) { return exp(x); }
__device__ inline float logarithm(float x) { return logf(x); }
__device__ inline double logarithm(double x) { return log(x); }

struct Largest {
  __device__ static A identity() { return -A(1) / A(0); }
  __device__ static A at(A a, A b) { return b > a || b != b ? b : a; }  // a NaN stays
};
struct Sum {
  __device__ static A identity() { return A(0); }
  __device__ static A at(A a, A b) { return a + b; }
};

// Combines a number of each thread of a row; every thread of the row gets the result.
template <class F>
__device__ A reduce_row(A mine) {
  __shared__ A shared[1024];
  A* row = shared + threadIdx.y * blockDim.x;
  row[threadIdx.x] = mine;
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) row[threadIdx.x] = F::at(row[threadIdx.x], row[threadIdx.x + half]);
    __syncthreads();
  }
  const A result = row[0];
  __syncthreads();
  return result;
}

struct Row {
  int64 number, begin;
  bool real;
  __device__ Row(int64 rows, int64 n)
      : number(static_cast<int64>(blockIdx.x) * blockDim.y + threadIdx.y),
        begin(number * n),
        real(number < rows) {}
};

__device__ inline A row_max(const Row& row, const T* x, int64 n) {
  A mine = Largest::identity();
  for (int64 j = threadIdx.x; row.real && j < n; j += blockDim.x) {
    mine = Largest::at(mine, load(x[row.begin + j]));
  }
  return reduce_row<Largest>(mine);
}

__device__ inline A row_sum_exp(const Row& row, const T* x, int64 n, A largest) {
  A mine = 0;
  for (int64 j = threadIdx.x; row.real && j < n; j += blockDim.x) {
    mine += exponential(load(x[row.begin + j]) - largest);
  }
  return reduce_row<Sum>(mine);
}

extern "C" __global__ void softmax(const T* x, T* y, int64 rows, int64 n) {
  const Row row(rows, n);
  const A largest = row_max(row, x, n), sum = row_sum_exp(row, x, n, largest);
  for (int64 j = threadIdx.x; row.real && j < n; j += blockDim.x) {
    store(y[row.begin + j], exponential(load(x[row.begin + j]) - largest) / sum);
  }
}

extern "C" __global__ void log_softmax(const T* x, T* y, int64 rows, int64 n) {
  const Row row(rows, n);
  const A largest = row_max(row, x, n);
  const A log_sum = logarithm(row_sum_exp(row, x, n, largest));
  for (int64 j = threadIdx.x; row.real && j < n; j += blockDim.x) {
    store(y[row.begin + j], load(x[row.begin + j]) - largest - log_sum);
  }
}

// loss = sum of labels * -log softmax; slope = softmax - labels. A row of the labels may serve all
// rows (label_rows 1).
extern "C" __global__ void cross_entropy(const T* x, const T* labels, T* loss, T* slope, int64 rows,
                                         int64 n, int64 label_rows) {
  const Row row(rows, n);
  const A largest = row_max(row, x, n), sum = row_sum_exp(row, x, n, largest);
  const A log_sum = logarithm(sum);
  const T* wanted = labels + (label_rows == 1 ? 0 : row.begin);
  A mine = 0;
  for (int64 j = threadIdx.x; row.real && j < n; j += blockDim.x) {
    const A shifted = load(x[row.begin + j]) - largest, label = load(wanted[j]);
    if (label != A(0)) mine += label * (log_sum - shifted);
    store(slope[row.begin + j], exponential(shifted) / sum - label);
  }
  const A total = reduce_row<Sum>(mine);
  if (row.real && threadIdx.x == 0) store(loss[row.number], total);
}

template <class I>
__device__ void sparse(const T* x, const I* labels, T* loss, T* slope, int64 rows, int64 n,
                       Fault* fault, int64 site) {
  const Row row(rows, n);
  const A largest = row_max(row, x, n), sum = row_sum_exp(row, x, n, largest);
  const int64 label = row.real ? static_cast<int64>(labels[row.number]) : -1;
  const bool valid = row.real && is_valid(label, n, row.number, fault, site);
  for (int64 j = threadIdx.x; row.real && j < n; j += blockDim.x) {
    const A share = exponential(load(x[row.begin + j]) - largest) / sum;
    store(slope[row.begin + j], share - (j == label ? A(1) : A(0)));
  }
  if (valid && threadIdx.x == 0) {
    store(loss[row.number], logarithm(sum) - (load(x[row.begin + label]) - largest));
  }
}

extern "C" __global__ void sparse_cross_entropy_int32(const T* x, const int* labels, T* loss,
                                                      T* slope, int64 rows, int64 n, Fault* fault,
                                                      int64 site) {
  sparse(x, labels, loss, slope, rows, n, fault, site);
}
extern "C" __global__ void sparse_cross_entropy_int64(const T* x, const int64* labels, T* loss,
                                                      T* slope, int64 rows, int64 n, Fault* fault,
                                                      int64 site) {
  sparse(x, labels, loss, slope, rows, n, fault, site);
}
