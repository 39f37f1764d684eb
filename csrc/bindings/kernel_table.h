// Which kernels a NumPy function of `kernels` runs on.
#pragma once
#include <optional>
#include <string>

#include "../kernels.h"
#include "array.h"

namespace mlpcore {

using Isa = std::optional<std::string>;

// The table of the instruction set asked for, or the best one.
template <class T>
const Kernels<T>& table(const Isa& isa) {
  if (!isa) return kernels<T>();
  if (const Kernels<T>* k = kernels<T>(isa->c_str())) return *k;
  throw py::value_error("this processor or build has no instruction set '" + *isa + "'");
}

template <class T>
using A = const py::array_t<T>&;

void bind_op_kernels(py::module_& m);
void bind_word_kernels(py::module_& m);

}  // namespace mlpcore
