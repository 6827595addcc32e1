// Batch normalisation of a matrix [rows, channels] and its gradient.
//
// A block of the first kernels takes a strip of channels (blockIdx.x, threadIdx.x) through a part
// of the rows (blockIdx.y, threadIdx.y) and leaves one partial result; one thread for each channel
// then merges the partial results. Means and squared distances are merged by the pairwise formula,
// which loses no digits where the mean is large. Statistics are float whatever T is.
#include "cuda/element.h"

// Of `count` numbers the mean and the sum of squared distances from it.
struct Moments {
  float count, mean, squares;
};

__device__ inline Moments merged(Moments a, Moments b) {
  const float count = a.count + b.count;
  if (count == 0.0f) return a;
  const float apart = b.mean - a.mean, share = b.count / count;
  return {count, a.mean + apart * share, a.squares + b.squares + apart * apart * a.count * share};
}

// Merges what the threads of a column hold; the result is in those with threadIdx.y 0.
__device__ inline Moments merged_over_block(Moments mine) {
  __shared__ Moments shared[1024];
  Moments* at = shared + threadIdx.y * blockDim.x + threadIdx.x;
  *at = mine;
  __syncthreads();
  for (int half = blockDim.y / 2; half > 0; half /= 2) {
    if (threadIdx.y < half) *at = merged(*at, at[half * blockDim.x]);
    __syncthreads();
  }
  return shared[threadIdx.x];
}

// partial [gridDim.y, channels]
extern "C" __global__ void batch_moments(const T* x, Moments* partial, int64 rows, int64 channels) {
  const int64 channel = static_cast<int64>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64 step = static_cast<int64>(gridDim.y) * blockDim.y;
  Moments mine = {0.0f, 0.0f, 0.0f};
  for (int64 r = blockIdx.y * blockDim.y + threadIdx.y; channel < channels && r < rows; r += step) {
    const float value = static_cast<float>(load(x[r * channels + channel]));
    const float apart = value - mine.mean;
    mine.count += 1.0f;
    mine.mean += apart / mine.count;
    mine.squares += apart * (value - mine.mean);
  }
  const Moments all = merged_over_block(mine);
  if (threadIdx.y == 0 && channel < channels) partial[blockIdx.y * channels + channel] = all;
}

// The statistics of the batch, and the running ones moved `factor` of the way towards them.
extern "C" __global__ void batch_statistics(const Moments* partial, int64 parts, int64 channels,
                                            double factor, const float* old_mean,
                                            const float* old_variance, float* new_mean,
                                            float* new_variance, float* mean, float* variance) {
  for (int64 c = first_item(); c < channels; c += items_at_once()) {
    Moments all = {0.0f, 0.0f, 0.0f};
    for (int64 p = 0; p < parts; ++p) all = merged(all, partial[p * channels + c]);
    const float n = all.count;
    const float nothing = n > 0.0f ? 0.0f : __uint_as_float(0x7fc00000u);  // NaN: no rows
    mean[c] = all.mean;
    variance[c] = n > 0.0f ? all.squares / n : 0.0f;
    float m = all.mean + nothing;
    float v = variance[c] * (n / (n > 2.0f ? n - 1.0f : 1.0f)) + nothing;
    if (factor != 1.0) {
      m = static_cast<float>((1.0 - factor) * old_mean[c] + factor * m);
      v = static_cast<float>((1.0 - factor) * old_variance[c] + factor * v);
    }
    new_mean[c] = m;
    new_variance[c] = v;
  }
}

extern "C" __global__ void batch_normalize(const T* x, const float* mean, const float* variance,
                                           const float* scale, const float* offset, double epsilon,
                                           T* y, int64 n, int64 channels) {
  for (int64 i = first_item(); i < n; i += items_at_once()) {
    const int64 c = i % channels;
    const float factor = scale[c] / sqrtf(variance[c] + static_cast<float>(epsilon));
    store(y[i], (static_cast<float>(load(x[i])) - mean[c]) * factor + offset[c]);
  }
}

struct Sums {
  float plain, product;
};

// Of the output's gradient its sum, and its sum times x's distance from the mean.
extern "C" __global__ void batch_norm_sums(const T* dy, const T* x, const float* mean,
                                           Sums* partial, int64 rows, int64 channels) {
  __shared__ Sums shared[1024];
  const int64 channel = static_cast<int64>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64 step = static_cast<int64>(gridDim.y) * blockDim.y;
  Sums mine = {0.0f, 0.0f};
  for (int64 r = blockIdx.y * blockDim.y + threadIdx.y; channel < channels && r < rows; r += step) {
    const float g = static_cast<float>(load(dy[r * channels + channel]));
    mine.plain += g;
    mine.product += g * (static_cast<float>(load(x[r * channels + channel])) - mean[channel]);
  }
  Sums* at = shared + threadIdx.y * blockDim.x + threadIdx.x;
  *at = mine;
  __syncthreads();
  for (int half = blockDim.y / 2; half > 0; half /= 2) {
    if (threadIdx.y < half) {
      at->plain += at[half * blockDim.x].plain;
      at->product += at[half * blockDim.x].product;
    }
    __syncthreads();
  }
  if (threadIdx.y == 0 && channel < channels) partial[blockIdx.y * channels + channel] = *at;
}

// Merges the partial sums and makes of them the gradients of scale and offset, and what
// batch_norm_input_grad needs: `base` and `slope` are 0 where statistics were given.
extern "C" __global__ void batch_norm_scale_grad(const Sums* partial, int64 parts, int64 channels,
                                                 int64 rows, double epsilon, int64 training,
                                                 const float* variance, const float* scale,
                                                 float* d_scale, float* d_offset, float* base,
                                                 float* slope, float* factor) {
  for (int64 c = first_item(); c < channels; c += items_at_once()) {
    double plain = 0.0, product = 0.0;
    for (int64 p = 0; p < parts; ++p) {
      plain += partial[p * channels + c].plain;
      product += partial[p * channels + c].product;
    }
    const double inverse = 1.0 / (variance[c] + epsilon), root = sqrt(inverse);
    const double share = training && rows > 0 ? 1.0 / rows : 0.0;
    d_scale[c] = static_cast<float>(product * root);
    d_offset[c] = static_cast<float>(plain);
    factor[c] = static_cast<float>(scale[c] * root);
    base[c] = static_cast<float>(plain * share);
    slope[c] = static_cast<float>(product * share * inverse);
  }
}

extern "C" __global__ void batch_norm_input_grad(const T* dy, const T* x, const float* mean,
                                                 const float* base, const float* slope,
                                                 const float* factor, T* dx, int64 n,
                                                 int64 channels) {
  for (int64 i = first_item(); i < n; i += items_at_once()) {
    const int64 c = i % channels;
    const float apart = static_cast<float>(load(x[i])) - mean[c];
    const float g = static_cast<float>(load(dy[i]));
    store(dx[i], (g - base[c] - apart * slope[c]) * factor[c]);
  }
}
