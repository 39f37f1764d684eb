// Needs: which values of a tape are needed, for what, and how often each is read.
#pragma once
#include "tape.h"

namespace mlpcore {

// Whether the gradient of an op's value passes on to its input i.
bool passes_gradient(const Op& op, size_t i);

// Of each value of a tape. `fuses` is that of Fusions::all: without it every value is needed, and the gradient of each
// with respect to the outputs.
class Needs {
 public:
  Needs(const Tape& tape, bool fuses);

  std::vector<char> learns;                    // depends on something that is trained
  std::vector<char> reached;                   // a loss depends on it
  std::vector<char> needed, predicts;          // for anything; for an output
  std::vector<int> root;                       // the value that it is another name of: itself, mostly
  std::vector<int> readers, gradient_readers;  // of a root: ops, outputs, losses; those that give it a gradient

  bool gradient(int v) const { return learns[v] && reached[v]; }
  // Whether v is its input under another name: both share a buffer.
  bool is_alias(int v) const;

 private:
  void find_needs(const Tape& tape);
  void count_readers(const Tape& tape);

  const std::vector<Op>& ops_;
  const bool fuses_;
};

}  // namespace mlpcore
