#include "scratch.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace surge {
namespace {

struct Block {
  Memory memory;
  size_t size;
};

// By rising size.
std::vector<Block>& blocks() {
  thread_local std::vector<Block> kept;
  return kept;
}

Block made(size_t bytes) {
  const size_t size = (bytes + 127) / 64 * 64;
  Memory memory(static_cast<uint8_t*>(std::aligned_alloc(64, size)));
  if (!memory) throw std::runtime_error("no memory for " + std::to_string(bytes) + " bytes");
  return {std::move(memory), size};
}

// The smallest block that is large enough; else a new one, in place of the largest.
Block taken(size_t bytes) {
  std::vector<Block>& all = blocks();
  const auto fits = [&](const Block& b) { return b.size >= bytes; };
  const auto at = std::find_if(all.begin(), all.end(), fits);
  if (at == all.end()) {
    if (!all.empty()) all.pop_back();
    return made(bytes);
  }
  Block block = std::move(*at);
  all.erase(at);
  return block;
}

}  // namespace

Scratch::Scratch(size_t bytes) {
  Block block = taken(bytes);
  memory_ = std::move(block.memory);
  size_ = block.size;
}

Scratch::~Scratch() {
  if (!memory_ || kept() + size_ > kMost) return;
  std::vector<Block>& all = blocks();
  const auto larger = [&](const Block& b) { return b.size > size_; };
  all.insert(std::find_if(all.begin(), all.end(), larger), Block{std::move(memory_), size_});
}

size_t Scratch::kept() {
  size_t bytes = 0;
  for (const Block& b : blocks()) bytes += b.size;
  return bytes;
}

}  // namespace surge
