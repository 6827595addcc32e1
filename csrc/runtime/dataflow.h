// The parallel policy, over all programs of a step: a node runs when its last predecessor has
// finished; an asynchronous one finishes when its result arrives.
//
// A thread that finishes a node runs at once what became ready and is cheap, and goes on with
// one expensive successor; the others go to the run's queue, the longest path first, and
// workers of the inter-op pool are asked to help as far as the queue has work for them. Helpers
// leave when the queue is empty; the calling thread takes part, and only it waits.
#pragma once

#include "runtime/profile.h"
#include "runtime/step.h"

namespace penstock {

// Runs all nodes. Throws the run's first error, after every kernel that had
// started has returned.
void run_dataflow(const Partitions& partitions, const Profile& profile, Step& step);

}  // namespace penstock
