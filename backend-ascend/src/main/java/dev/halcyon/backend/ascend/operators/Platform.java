package dev.halcyon.backend.ascend.operators;

import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.acl.OperatorLibrary;

/// What kernels decide by: the processor, the operators that the installed CANN has, and where
/// tables are.
///
/// @param soc the processor
/// @param operators the operators
/// @param constants tables in device memory
/// @param stepInputs what the host knows of tensors
public record Platform(
        Soc soc, OperatorLibrary operators, Constants constants, StepInputs stepInputs) {
    /// {@return whether an operator is there}
    public boolean has(Operator operator) {
        return operators.has(operator);
    }
}
