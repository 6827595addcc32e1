// Summaries: numbers and histograms as serialized Summary messages, and several merged into one.
//
// Field numbers are those of protos/summary.proto and protos/histogram.proto.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <string>
#include <unordered_set>
#include <vector>

#include "cpu/elements.h"
#include "cpu/image_summary.h"
#include "cpu/register.h"
#include "cpu/wire_writer.h"

namespace penstock {
namespace {

constexpr int kSummaryValue = 1, kTag = 1, kSimpleValue = 2, kHistogram = 5, kTensor = 8,
              kMetadata = 9;

// Element i of any real tensor.
double real_at(const Tensor& t, int64_t i) {
  return visit_dtype<float, double, int32_t, int64_t, int8_t, uint8_t, int16_t, uint16_t, uint32_t,
                     uint64_t, float16, bfloat16>(
      t.dtype(), [&](auto zero) { return static_cast<double>(t.data<decltype(zero)>()[i]); });
}

void set_string(KernelContext& ctx, const std::string& value) {
  *ctx.allocate_output(0, {}).mutable_data<std::string>() = value;
}

void compute_scalar(KernelContext& ctx) {
  const Tensor& tags = ctx.input(0);
  const Tensor& values = ctx.input(1);
  require(tags.shape() == values.shape(), "tags and values must have the same shape, got ",
          tags.shape(), " and ", values.shape());
  WireWriter summary;
  for (int64_t i = 0; i < values.num_elements(); ++i) {
    WireWriter value;
    value.put_bytes(kTag, tags.data<std::string>()[i]);
    value.put_float(kSimpleValue, static_cast<float>(real_at(values, i)));
    summary.put_bytes(kSummaryValue, value.bytes());
  }
  set_string(ctx, summary.bytes());
}

// The upper ends of the buckets: zero, ±1e-12 growing by tenths to ±1e20, and the largest numbers.
const std::vector<double>& bucket_limits() {
  static const std::vector<double> limits = [] {
    std::vector<double> positive;
    for (double v = 1e-12; v < 1e20; v *= 1.1) positive.push_back(v);
    positive.push_back(DBL_MAX);
    std::vector<double> all;
    for (auto v = positive.rbegin(); v != positive.rend(); ++v) all.push_back(-*v);
    all.push_back(0);
    all.insert(all.end(), positive.begin(), positive.end());
    return all;
  }();
  return limits;
}

struct Histogram {
  double least = DBL_MAX, largest = -DBL_MAX, sum = 0, squares = 0;
  std::vector<double> counts = std::vector<double>(bucket_limits().size());

  void add(double v) {
    const auto& limits = bucket_limits();
    const auto above = std::upper_bound(limits.begin(), limits.end(), v);
    const auto last = static_cast<std::ptrdiff_t>(limits.size()) - 1;
    counts[static_cast<size_t>(std::min(above - limits.begin(), last))] += 1;
    least = std::min(least, v);
    largest = std::max(largest, v);
    sum += v;
    squares += v * v;
  }

  // Neighbouring empty buckets become one.
  std::string message(int64_t count) const {
    std::vector<double> ends, filled;
    for (size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0 && !filled.empty() && filled.back() == 0) {
        ends.back() = bucket_limits()[i];
      } else {
        ends.push_back(bucket_limits()[i]);
        filled.push_back(counts[i]);
      }
    }
    WireWriter out;
    out.put_double(1, least);
    out.put_double(2, largest);
    out.put_double(3, static_cast<double>(count));
    out.put_double(4, sum);
    out.put_double(5, squares);
    out.put_doubles(6, ends);
    out.put_doubles(7, filled);
    return out.bytes();
  }
};

void compute_histogram(KernelContext& ctx) {
  const Tensor& tag = ctx.input(0);
  const Tensor& values = ctx.input(1);
  require(tag.is_scalar(), "tag must be a scalar, got shape ", tag.shape());
  const auto& name = tag.scalar<std::string>();
  Histogram histogram;
  for (int64_t i = 0; i < values.num_elements(); ++i) {
    const double v = real_at(values, i);
    require(!std::isnan(v), "NaN in the histogram \"", name, "\"");
    require(!std::isinf(v), "infinity in the histogram \"", name, "\"");
    histogram.add(v);
  }
  WireWriter value, summary;
  value.put_bytes(kTag, name);
  value.put_bytes(kHistogram, histogram.message(values.num_elements()));
  summary.put_bytes(kSummaryValue, value.bytes());
  set_string(ctx, summary.bytes());
}

// A TensorProto: dtype 1, shape 2, content 4; strings 8.
std::string tensor_message(const Tensor& t) {
  WireWriter shape, out;
  for (int d = 0; d < t.rank(); ++d) {
    WireWriter dim;
    if (t.dim(d) != 0) dim.put_int(1, t.dim(d));
    shape.put_bytes(2, dim.bytes());
  }
  out.put_int(1, static_cast<int64_t>(t.dtype()));
  out.put_bytes(2, shape.bytes());
  if (t.dtype() == DType::kString) {
    for (int64_t i = 0; i < t.num_elements(); ++i) out.put_bytes(8, t.data<std::string>()[i]);
  } else {
    out.put_bytes(4, {static_cast<const char*>(t.raw()), t.bytes()});
  }
  return out.bytes();
}

void compute_tensor(KernelContext& ctx) {
  const Tensor& tag = ctx.input(0);
  const Tensor& metadata = ctx.input(2);
  require(tag.is_scalar(), "tag must be a scalar, got shape ", tag.shape());
  require(metadata.is_scalar(), "serialized_summary_metadata must be a scalar, got shape ",
          metadata.shape());
  WireWriter value, summary;
  value.put_bytes(kTag, tag.scalar<std::string>());
  value.put_bytes(kTensor, tensor_message(ctx.input(1)));
  value.put_bytes(kMetadata, metadata.scalar<std::string>());
  summary.put_bytes(kSummaryValue, value.bytes());
  set_string(ctx, summary.bytes());
}

// The tag of a serialized Summary.Value.
std::string_view tag_of(std::string_view value, bool& broken) {
  WireReader reader(value);
  std::string_view content, tag;
  for (int field = 0; reader.next(field, content);) {
    if (field == kTag) tag = content;
  }
  broken = broken || reader.broken();
  return tag;
}

void compute_merge(KernelContext& ctx) {
  std::unordered_set<std::string> seen;
  WireWriter merged;
  for (int i = 0; i < ctx.num_inputs(); ++i) {
    const Tensor& parts = ctx.input(i);
    for (int64_t k = 0; k < parts.num_elements(); ++k) {
      WireReader reader(parts.data<std::string>()[k]);
      bool broken = false;
      std::string_view value;
      for (int field = 0; reader.next(field, value);) {
        if (field != kSummaryValue) continue;
        const std::string tag(tag_of(value, broken));
        // Several values may go without a tag.
        require(tag.empty() || seen.insert(tag).second, "the tag \"", tag,
                "\" occurs twice among the summaries to merge");
        merged.put_bytes(kSummaryValue, value);
      }
      require(!broken && !reader.broken(), "input ", i, " is not a serialized Summary");
    }
  }
  set_string(ctx, merged.bytes());
}

}  // namespace

void register_summary(KernelRegistry& r) {
  r.add("ScalarSummary", kCpu, {{"T", kReal}}, function<compute_scalar>);
  r.add("HistogramSummary", kCpu, {{"T", kReal}}, function<compute_histogram>);
  r.add("MergeSummary", kCpu, {}, function<compute_merge>);
  r.add("ImageSummary", kCpu, {{"T", kFloat2 | DTypeSet{DType::kFloat16, DType::kUInt8}}},
        make_image_summary);
  r.add("TensorSummaryV2", kCpu, {{"T", kAnyType - DType::kResource}}, function<compute_tensor>);
}

}  // namespace penstock
