// Ops that talk: Print, PrintV2, Assert, StringFormat; and the clock.
//
// A text goes out in one write, so lines of nodes that run side by side do not mix.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>

#include "core/resource.h"
#include "cpu/printing.h"
#include "cpu/register.h"

namespace penstock {
namespace {

void put(std::FILE* stream, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

// How often a Print node has run in this session.
class PrintCount final : public Resource {
 public:
  const char* kind() const override { return "a count of prints"; }
  std::atomic<int64_t> runs{0};
};

// Passes its first input on; writes the others to standard error, the first `first_n` times.
class Print final : public Kernel {
 public:
  explicit Print(const NodeInfo& node)
      : message_(node.attrs.get_or<std::string>("message", "")),
        first_n_(node.attrs.get_or<int64_t>("first_n", -1)),
        summarize_(node.attrs.get_or<int64_t>("summarize", 3)) {}

  void compute(KernelContext& ctx) override {
    ctx.set_output(0, ctx.input(0));
    if (first_n_ >= 0 && count(ctx) >= first_n_) return;
    std::string text = message_;
    for (int i = 1; i < ctx.num_inputs(); ++i) {
      text += '[' + first_elements(ctx.input(i), summarize_) + ']';
    }
    put(stderr, text + '\n');
  }

 private:
  static int64_t count(const KernelContext& ctx) {
    auto counter = ctx.session().resources->get_or_make(
        "print/" + ctx.node().name, [] { return std::make_shared<PrintCount>(); });
    auto* prints = dynamic_cast<PrintCount*>(counter.get());
    invariant(prints != nullptr, "print/", ctx.node().name, " is not a count of prints");
    return prints->runs++;
  }

  std::string message_;
  int64_t first_n_, summarize_;
};

// Writes a string to standard error, standard output, the log or the end of a file.
class PrintV2 final : public Kernel {
 public:
  explicit PrintV2(const NodeInfo& node)
      : stream_(node.attrs.get_or<std::string>("output_stream", "stderr")),
        end_(node.attrs.get_or<std::string>("end", "\n")) {
    const bool known = stream_ == "stdout" || stream_ == "stderr" || stream_ == "log(info)" ||
                       stream_ == "log(warning)" || stream_ == "log(error)" || to_file();
    require(known, "output_stream \"", stream_, "\" is none of stdout, stderr, log(info), ",
            "log(warning), log(error) and file://<path>");
  }

  void compute(KernelContext& ctx) override {
    const Tensor& input = ctx.input(0);
    require(input.is_scalar(), "input must be a scalar, got shape ", input.shape());
    const std::string text = input.scalar<std::string>() + end_;
    if (to_file()) {
      append(text);
    } else if (stream_ == "stdout") {
      put(stdout, text);
    } else if (stream_ == "stderr") {
      put(stderr, text);
    } else {
      put(stderr, stream_.substr(4, stream_.size() - 5) + ": " + text);
    }
  }

 private:
  static constexpr const char* kFile = "file://";
  bool to_file() const { return stream_.rfind(kFile, 0) == 0; }
  void append(const std::string& text) const {
    const std::string path = stream_.substr(std::string(kFile).size());
    std::FILE* file = std::fopen(path.c_str(), "a");
    require(file != nullptr, "cannot open \"", path, "\" to append to it");
    put(file, text);
    std::fclose(file);
  }

  std::string stream_, end_;
};

// InvalidArgument with the data as its text, unless the condition holds.
class AssertKernel final : public Kernel {
 public:
  explicit AssertKernel(const NodeInfo& node)
      : summarize_(node.attrs.get_or<int64_t>("summarize", 3)) {}

  void compute(KernelContext& ctx) override {
    const Tensor& condition = ctx.input(0);
    require(condition.is_scalar(), "condition must be a scalar, got shape ", condition.shape());
    if (condition.scalar<bool>()) return;
    std::string text = "assertion failed:";
    for (int i = 1; i < ctx.num_inputs(); ++i) {
      text += " [" + first_elements(ctx.input(i), summarize_) + ']';
    }
    fail(Code::kInvalidArgument, text);
  }

 private:
  int64_t summarize_;
};

// The template with each placeholder replaced by the next input's text.
class StringFormat final : public Kernel {
 public:
  explicit StringFormat(const NodeInfo& node)
      : template_(node.attrs.get_or<std::string>("template", "%s")),
        placeholder_(node.attrs.get_or<std::string>("placeholder", "%s")),
        summarize_(node.attrs.get_or<int64_t>("summarize", 3)) {
    require(!placeholder_.empty(), "the placeholder must not be empty");
    size_t count = 0;
    for (size_t at = template_.find(placeholder_); at != std::string::npos;
         at = template_.find(placeholder_, at + placeholder_.size())) {
      ++count;
    }
    require(count == node.input_dtypes.size(), "the template has ", count, " placeholders for the ",
            node.input_dtypes.size(), " inputs");
  }

  void compute(KernelContext& ctx) override {
    std::string text;
    size_t from = 0;
    for (int i = 0; i < ctx.num_inputs(); ++i) {
      const size_t at = template_.find(placeholder_, from);
      text += template_.substr(from, at - from) + edge_elements(ctx.input(i), summarize_);
      from = at + placeholder_.size();
    }
    *ctx.allocate_output(0, {}).mutable_data<std::string>() = text + template_.substr(from);
  }

 private:
  std::string template_, placeholder_;
  int64_t summarize_;
};

// Seconds since 1970.
void compute_timestamp(KernelContext& ctx) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  *ctx.allocate_output(0, {}).mutable_data<double>() = std::chrono::duration<double>(now).count();
}

}  // namespace

void register_logging(KernelRegistry& r) {
  r.add("Print", kCpu, {}, make<Print>);
  r.add("PrintV2", kCpu, {}, make<PrintV2>);
  r.add("Assert", kCpu, {}, make<AssertKernel>, Cost::kTrivial);
  r.add("StringFormat", kCpu, {}, make<StringFormat>);
  r.add("Timestamp", kCpu, {}, function<compute_timestamp>, Cost::kTrivial);
}

}  // namespace penstock
