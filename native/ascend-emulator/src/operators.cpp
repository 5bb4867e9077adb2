// The functions of all operators, generated from abi/operators.txt.
#include "nn.h"

using namespace emu;

#include "operators.inc"
