#pragma once

namespace keelson::io {

// Asks the kernel to run the calling thread as soon as it is woken, though another one computes on its core: for
// threads that wait for a request, work for microseconds and wait again. Without it Linux lets who computes finish its
// slice first (1.4 to 4 ms), a hundred times as long as such a request takes. The thread's share of the processor is
// the same; it is only cut into smaller pieces. What the thread starts does not have it.
//
// A wish: kernels before 6.12, and sandboxes that refuse the call, go on as they do without.
void AskForShortSlices();

}  // namespace keelson::io
