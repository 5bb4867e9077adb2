package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.memory.Tensor;

import java.util.ArrayList;
import java.util.List;

/// Tables of addresses in the workspace, for kernels whose operands lie at many places.
///
/// The workspace is shared with other launches, so every submit writes the tables anew, by a kernel
/// that has the addresses as parameters: no memory has to outlive anything, and a graph can hold
/// it.
final class AddressTable {
    /// Addresses a launch; device code says the same.
    private static final int ADDRESSES = 384;

    private static final int THREADS = 128;

    private final KernelFunctions functions;
    private final List<KernelLaunch> launches = new ArrayList<>();
    private long next;

    /// Tables that begin at this address.
    AddressTable(KernelFunctions functions, long start) {
        this.functions = functions;
        this.next = start;
    }

    /// {@return the bytes that a table takes}
    static long bytes(long entries) {
        return Long.BYTES * entries;
    }

    /// {@return the address of a table of the addresses of tensors}
    long add(List<Tensor> tensors) {
        long table = next;
        for (int from = 0; from < tensors.size(); from += ADDRESSES) {
            int count = Math.min(ADDRESSES, tensors.size() - from);
            Params params = Params.of().address(next).integer(count);
            for (int i = 0; i < ADDRESSES; i++) {
                params.address(i < count ? tensors.get(from + i).address() : 0);
            }
            launches.add(params.launch(functions, "addresses", 1, 1, THREADS));
            next += bytes(count);
        }
        return table;
    }

    /// {@return what writes the tables; it goes first}
    List<KernelLaunch> launches() {
        return launches;
    }
}
