// Memory that a thread keeps between calls.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "../kernels/scratch.h"

namespace surge {
namespace {

void need(bool condition, const char* what) {
  if (condition) return;
  std::printf("scratch memory: %s\n", what);
  std::exit(1);
}

void fill(const Scratch& s, size_t bytes) {
  need(reinterpret_cast<uintptr_t>(s.data()) % 64 == 0, "it lies on no multiple of 64 bytes");
  std::memset(s.data(), 1, bytes);  // address sanitizer sees what is too small
}

void check_memory() {
  const uint8_t* first;
  {
    Scratch a(1000), b(5000);
    fill(a, 1000), fill(b, 5000);
    need(a.data() != b.data(), "two loans are one");
    first = b.data();
  }
  const size_t kept = Scratch::kept();
  need(kept >= 6000 && kept < 7000, "small loans are not kept");
  for (int i = 0; i < 3; i++) {
    Scratch b(5000);
    need(b.data() == first && Scratch::kept() < 2000, "what is kept is not lent again");
    const Scratch moved(std::move(b));
    fill(moved, 5000);
  }
  need(Scratch::kept() == kept, "memory is kept more than once");
  for (size_t bytes : {6000, 9000, 20000}) fill(Scratch(bytes), bytes);
  need(Scratch::kept() < 23000, "a larger loan leaves smaller ones behind");
  { Scratch large(Scratch::kMost + 1); }
  need(Scratch::kept() < 23000, "a loan above the cap is kept");
  {
    Scratch a(Scratch::kMost / 2), b(Scratch::kMost / 2), c(Scratch::kMost / 2);
  }
  need(Scratch::kept() <= Scratch::kMost, "more than the cap is kept");
  std::thread([] { need(Scratch::kept() == 0, "threads share what is kept"); }).join();
}

}  // namespace
}  // namespace surge
