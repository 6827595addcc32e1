// Candidate sampling: class numbers drawn to stand for all classes of a large softmax, with the
// number of times that each was to be expected, and the places where a drawn class is a true one.
//
// Words of the node's random stream are used one after the other, so what is drawn depends on
// the seeds and on how often the node ran before, on nothing else.
#include <atomic>
#include <cfloat>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cpu/distributions.h"
#include "cpu/random_stream.h"
#include "cpu/register.h"

namespace penstock {
namespace {

// The stream moves on by this many counter values for each candidate.
constexpr uint64_t kCountersPerCandidate = 512;
constexpr int64_t kTriesBetweenLooks = 1 << 16;

// A stream read word by word.
class WordReader {
 public:
  explicit WordReader(const Philox& stream) : stream_(stream) {}

  uint32_t word() {
    if (used_ % 4 == 0) words_ = stream_.at(used_ / 4);
    return words_[static_cast<size_t>(used_++ % 4)];
  }
  uint64_t two_words() {
    const uint64_t low = word();
    return low | uint64_t{word()} << 32;
  }
  double unit() {
    const uint32_t high = word();
    return unit_double(high, word());
  }

 private:
  Philox stream_;
  Words words_ = {};
  uint64_t used_ = 0;
};

// Every class in [0, range) alike.
class UniformClasses {
 public:
  explicit UniformClasses(int64_t range) : range_(static_cast<uint64_t>(range)) {}

  int64_t draw(WordReader& words) const {
    if ((range_ & (range_ - 1)) == 0) return static_cast<int64_t>(words.two_words() & (range_ - 1));
    // The lowest numbers are refused, as many as make the rest a multiple of the range.
    const uint64_t refused = std::numeric_limits<uint64_t>::max() % range_ + 1;
    uint64_t number = words.two_words();
    while (number < refused) number = words.two_words();
    return static_cast<int64_t>(number % range_);
  }
  float probability(int64_t) const { return 1.0f / static_cast<float>(range_); }

 private:
  uint64_t range_;
};

// Class k with probability log((k + 2) / (k + 1)) / log(range + 1): right for classes that are
// sorted by falling frequency.
class LogUniformClasses {
 public:
  explicit LogUniformClasses(int64_t range)
      : range_(range), log_range_(std::log1p(static_cast<double>(range))) {}

  int64_t draw(WordReader& words) const {
    const auto k = static_cast<int64_t>(std::exp(words.unit() * log_range_)) - 1;
    return k % range_;  // rounding may reach the range itself
  }
  float probability(int64_t k) const {
    const auto x = static_cast<double>(k);
    return static_cast<float>(std::log((x + 2.0) / (x + 1.0)) / log_range_);
  }

 private:
  int64_t range_;
  double log_range_;
};

// How often a class of that probability was to be expected among the draws: without
// repetitions, how likely it was to occur among all that were tried.
float expected_count(float probability, int64_t drawn, int64_t tries) {
  if (tries == drawn) return probability * static_cast<float>(drawn);
  return -std::expm1(static_cast<float>(tries) * std::log1p(-probability));
}

// The classes drawn so far: a bit for each that there is, unless these are far more than drawn.
class Seen {
 public:
  Seen(int64_t range, int64_t drawn) {
    if (range / 64 <= drawn) {
      bits_.resize(static_cast<size_t>(range));
    } else {
      set_.reserve(static_cast<size_t>(drawn));
    }
  }
  // False when it was there before.
  bool add(int64_t k) {
    if (bits_.empty()) return set_.insert(k).second;
    const bool is_new = !bits_[static_cast<size_t>(k)];
    bits_[static_cast<size_t>(k)] = true;
    return is_new;
  }

 private:
  std::vector<bool> bits_;
  std::unordered_set<int64_t> set_;
};

// Lets a long loop end with the runs of its session.
class CancelWatch {
 public:
  explicit CancelWatch(const KernelContext& ctx)
      : cancellation_(ctx.session().cancellation),
        begun_(cancellation_ ? cancellation_->begin() : 0) {}
  void look() const {
    if (cancellation_ && cancellation_->ends(begun_)) {
      fail(Code::kCancelled, "the run was cancelled: its session was closed");
    }
  }

 private:
  const Cancellation* cancellation_;
  const uint64_t begun_;
};

template <class Classes>
class CandidateSampler final : public RandomKernel {
 public:
  explicit CandidateSampler(const NodeInfo& node)
      : RandomKernel(node),
        num_true_(node.attrs.get<int64_t>("num_true")),
        num_sampled_(node.attrs.get<int64_t>("num_sampled")),
        range_(node.attrs.get<int64_t>("range_max")),
        unique_(node.attrs.get<bool>("unique")),
        classes_(range_) {
    require(num_true_ >= 1 && num_sampled_ >= 1 && range_ >= 1,
            "num_true, num_sampled and range_max must be at least 1, got ", num_true_, ", ",
            num_sampled_, " and ", range_);
    require(!unique_ || num_sampled_ <= range_, "num_sampled ", num_sampled_,
            " different classes cannot be drawn from range_max ", range_);
  }

  void compute(KernelContext& ctx) override {
    const Tensor& truth = ctx.input(0);
    require(truth.rank() == 2 && truth.dim(1) == num_true_,
            "true_classes must have shape [batch, num_true = ", num_true_, "], got ",
            truth.shape());
    for (int64_t i = 0; i < truth.num_elements(); ++i) {
      const int64_t k = truth.data<int64_t>()[i];
      require(k >= 0 && k < range_, "true_classes holds ", k, ", out of range [0, ", range_, ")");
    }
    Tensor& candidates = ctx.allocate_output(0, Shape({num_sampled_}));
    const auto count = static_cast<uint64_t>(num_sampled_);
    const Philox stream = reserve(ctx, count * kCountersPerCandidate);
    const int64_t tries = draw(ctx, stream, candidates.mutable_data<int64_t>());
    expect(truth, tries, ctx.allocate_output(1, truth.shape()));
    expect(candidates, tries, ctx.allocate_output(2, candidates.shape()));
  }

 private:
  // Returns how many were drawn before there were enough.
  int64_t draw(const KernelContext& ctx, const Philox& stream, int64_t* out) const {
    WordReader words(stream);
    if (!unique_) {
      for (int64_t i = 0; i < num_sampled_; ++i) out[i] = classes_.draw(words);
      return num_sampled_;
    }
    // The rarest of many classes may take minutes to come up.
    const CancelWatch watch(ctx);
    Seen seen(range_, num_sampled_);
    int64_t tries = 0;
    for (int64_t found = 0; found < num_sampled_; ++tries) {
      if (tries % kTriesBetweenLooks == 0) watch.look();
      const int64_t k = classes_.draw(words);
      if (seen.add(k)) out[found++] = k;
    }
    return tries;
  }

  void expect(const Tensor& ids, int64_t tries, Tensor& counts) const {
    for (int64_t i = 0; i < ids.num_elements(); ++i) {
      const float p = classes_.probability(ids.data<int64_t>()[i]);
      counts.mutable_data<float>()[i] = expected_count(p, num_sampled_, tries);
    }
  }

  int64_t num_true_, num_sampled_, range_;
  bool unique_;
  Classes classes_;
};

// One hit for each true class of a row that was drawn; of equal candidates the last counts.
class AccidentalHits final : public Kernel {
 public:
  explicit AccidentalHits(const NodeInfo& node) : num_true_(node.attrs.get<int64_t>("num_true")) {}

  void compute(KernelContext& ctx) override {
    const Tensor& truth = ctx.input(0);
    const Tensor& candidates = ctx.input(1);
    require(truth.rank() == 2 && truth.dim(1) == num_true_,
            "true_classes must have shape [batch, num_true = ", num_true_, "], got ",
            truth.shape());
    require(candidates.rank() == 1, "sampled_candidates must be a vector, got shape ",
            candidates.shape());
    std::unordered_map<int64_t, int64_t> places(static_cast<size_t>(candidates.dim(0)));
    for (int64_t i = 0; i < candidates.dim(0); ++i) places[candidates.data<int64_t>()[i]] = i;
    std::vector<int32_t> rows;
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < truth.num_elements(); ++i) {
      const auto found = places.find(truth.data<int64_t>()[i]);
      if (found == places.end()) continue;
      rows.push_back(static_cast<int32_t>(i / num_true_));
      ids.push_back(found->second);
    }
    const Shape shape({static_cast<int64_t>(ids.size())});
    std::copy(rows.begin(), rows.end(), ctx.allocate_output(0, shape).mutable_data<int32_t>());
    std::copy(ids.begin(), ids.end(), ctx.allocate_output(1, shape).mutable_data<int64_t>());
    std::fill_n(ctx.allocate_output(2, shape).mutable_data<float>(), ids.size(), -FLT_MAX);
  }

 private:
  int64_t num_true_;
};

}  // namespace

void register_candidates(KernelRegistry& r) {
  r.add("UniformCandidateSampler", kCpu, {}, make<CandidateSampler<UniformClasses>>);
  r.add("LogUniformCandidateSampler", kCpu, {}, make<CandidateSampler<LogUniformClasses>>);
  r.add("ComputeAccidentalHits", kCpu, {}, make<AccidentalHits>);
}

}  // namespace penstock
