package dev.halcyon.hal.spi;

import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.KernelSpec;

import java.util.List;

/// A backend's implementation of one spec class, registered in a [KernelRegistry].
///
/// The folder `consumers/backend` of the project is a whole backend of three kernels to copy from.
///
/// @param <S> the spec class
/// @param <A> its arguments
/// @param <W> the backend's type of bound work
public interface Kernel<S extends KernelSpec<A>, A extends KernelArgs, W> {
    /// {@return the spec class this kernel computes}
    Class<S> specType();

    /// {@return the highest revision of the spec class that it knows}
    default int revision() {
        return 1;
    }

    /// {@return the names of the implementations it may pick}
    List<String> implementations();

    /// {@return the implementation for a spec, or why there is none}
    ///
    /// Called by `supports` and by `plan` alike, so the two cannot disagree. It must be cheap and
    /// touch no memory.
    Decision<A, W> decide(S spec, Limits limits);
}
