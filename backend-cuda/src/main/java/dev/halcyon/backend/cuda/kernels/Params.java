package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/// Collects the parameters of a launch, in the order of the kernel's struct.
///
/// Every field is 8 bytes wide, so that there is no padding to agree about, and the first counts
/// the fields, so that a struct and its writer that disagree are found out.
final class Params {
    private long[] words = new long[16];
    private int count = 1;
    private int faultsAt = -1;

    private Params() {}

    static Params of() {
        return new Params();
    }

    private Params add(long word) {
        if (count == words.length) {
            words = Arrays.copyOf(words, 2 * count);
        }
        words[count++] = word;
        return this;
    }

    /// Adds the address of a tensor, 0 for one that is absent.
    Params address(@Nullable Tensor tensor) {
        return add(tensor == null ? 0 : tensor.address());
    }

    /// Adds an address.
    Params address(long address) {
        return add(address);
    }

    /// Adds an integer.
    Params integer(long value) {
        return add(value);
    }

    /// Adds a stride of a tensor, 0 for one that is absent.
    Params stride(@Nullable Tensor tensor, int dim) {
        return add(tensor == null ? 0 : tensor.stride(dim));
    }

    /// Adds a real number.
    Params real(double value) {
        return add(Double.doubleToRawLongBits(value));
    }

    /// Adds the place of the fault record.
    Params faults() {
        faultsAt = 8 * count;
        return add(0);
    }

    /// {@return the launch of a kernel with these parameters}
    KernelLaunch launch(KernelFunctions functions, String name, int gridX, int gridY, int block) {
        return launch(functions, name, gridX, gridY, block, 0);
    }

    /// {@return the launch of a kernel with these parameters and dynamic shared memory}
    KernelLaunch launch(
            KernelFunctions functions,
            String name,
            int gridX,
            int gridY,
            int block,
            int sharedBytes) {
        words[0] = count;
        // The driver copies the parameters at every launch, so no device ever reads this memory,
        // and it may live exactly as long as somebody can reach the launch.
        Arena arena = Arena.ofAuto();
        MemorySegment params = arena.allocate(8L * count, 64);
        params.copyFrom(MemorySegment.ofArray(Arrays.copyOf(words, count)));
        MemorySegment pointers = arena.allocate(ValueLayout.ADDRESS);
        pointers.set(ValueLayout.ADDRESS, 0, params);
        return new KernelLaunch(
                name,
                functions.find(name),
                gridX,
                gridY,
                block,
                sharedBytes,
                params,
                pointers,
                faultsAt);
    }
}
