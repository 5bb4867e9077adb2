package dev.halcyon.hal.kernel;

/// The memory a kernel works on; a record nested in its spec and named `Args`.
public interface KernelArgs {
    /// {@return every operand with its name and how it is used}
    ///
    /// `bind` takes liveness, device and overlap checks from here, so an operand left out is an
    /// operand unchecked.
    Operands operands();
}
