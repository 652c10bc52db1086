// All functions of one instruction set's kernel, made from its `Simd`, `Core` and `Dot`.
#pragma once
#include "direct.h"
#include "driver.h"
#include "int8.h"
#include "nms.h"
#include "pool.h"
#include "project.h"
#include "roi_align.h"

namespace surge {
namespace {

template <class Core, class Simd, class Dot = PlainDot>
constexpr Kernel kernel_of(const char* name, bool (*supported)()) {
  return {name,
          supported,
          pack<Simd>,
          roi_align<Simd>,
          quantize,
          Dot::kMost,
          int8_product<Dot>,
          project<Simd>,
          nms<Simd>,
          Core::weight_bytes,
          Core::pack_weights,
          scratch_bytes<Core>,
          expand<Core>,
          tiles<Core>,
          run<Core, Simd>,
          run_rows<Core, Simd>,
          pool<Simd>,
          direct<Simd>};
}

}  // namespace
}  // namespace surge
