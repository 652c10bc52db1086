// Memory of the calling thread that stays between calls: a new page costs more than what is computed
// in it. C++17, no torch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace surge {

struct Free {
  void operator()(uint8_t* p) const { std::free(p); }
};
using Memory = std::unique_ptr<uint8_t, Free>;

// A loan, of what this thread keeps where that is large enough. It ends in the thread that took it,
// which keeps kMost bytes between calls and gives the rest to the system.
class Scratch {
 public:
  static constexpr size_t kMost = size_t{64} << 20;

  explicit Scratch(size_t bytes);
  Scratch(Scratch&&) = default;
  ~Scratch();

  uint8_t* data() const { return memory_.get(); }  // on a multiple of 64 bytes
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data());
  }

  // Bytes that this thread keeps and has not lent.
  static size_t kept();

 private:
  Memory memory_;
  size_t size_;
};

}  // namespace surge
