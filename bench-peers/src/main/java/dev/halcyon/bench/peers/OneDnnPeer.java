package dev.halcyon.bench.peers;

import dev.halcyon.bench.peer.Peer;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.memory.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// oneDNN: products of F32 and BF16; the weight of a linear layer in the layout that it prefers,
/// made beforehand.
///
/// @param library its functions
record OneDnnPeer(OneDnn library) implements Peer {
    static OneDnnPeer load() {
        return new OneDnnPeer(OneDnn.load());
    }

    @Override
    public String version() {
        return library.version();
    }

    @Override
    public Prepared prepare(Problem problem, int copies) {
        if (problem instanceof GemmProblem gemm) {
            return new Product(library, gemm, copies);
        }
        throw new DeclinedException("oneDNN is asked for matrix products alone");
    }

    private static final class Product implements Prepared {
        private static final int ARGUMENTS = 3;

        private final Arena arena = Arena.ofShared();
        private final OneDnn library;
        private final DType dtype;
        private final MemorySegment result;
        private final MemorySegment product;
        private final List<MemorySegment> turns = new ArrayList<>();

        Product(OneDnn library, GemmProblem problem, int copies) {
            this.library = library;
            this.dtype = problem.dtype();
            int type = dtype == DType.F32 ? OneDnn.F32 : OneDnn.BF16;
            int m = problem.m();
            int k = problem.k();
            int n = problem.n();
            MemorySegment a =
                    Operands.random(
                            arena, dtype, (long) m * k, Seeds.INPUT, GemmProblem.LEFT_EXPONENT);
            result = arena.allocate(dtype.bytes(problem.resultElements()), 64);
            MemorySegment left = library.describe(m, k, type, OneDnn.ROW_MAJOR);
            MemorySegment out = library.describe(m, n, type, OneDnn.ROW_MAJOR);
            MemorySegment given =
                    library.describe(
                            k, n, type, problem.linear() ? OneDnn.COLUMN_MAJOR : OneDnn.ROW_MAJOR);
            MemorySegment asked =
                    problem.linear() ? library.describe(k, n, type, OneDnn.ANY_LAYOUT) : given;
            MemorySegment how = library.matmul(left, asked, out);
            product = library.primitive(how);
            MemorySegment preferred = library.weights(how);
            MemorySegment leftMemory = library.memory(left, a);
            MemorySegment outMemory = library.memory(out, result);
            for (int copy = 0; copy < copies; copy++) {
                MemorySegment weights =
                        problem.linear()
                                ? packed(problem, given, preferred, copy)
                                : library.memory(given, right(arena, problem, copy));
                turns.add(
                        library.arguments(
                                OneDnn.ARGUMENT_SOURCE,
                                leftMemory,
                                OneDnn.ARGUMENT_WEIGHTS,
                                weights,
                                OneDnn.ARGUMENT_DESTINATION,
                                outMemory));
            }
        }

        private MemorySegment packed(
                GemmProblem problem, MemorySegment given, MemorySegment preferred, int copy) {
            MemorySegment target =
                    library.memory(preferred, arena.allocate(library.bytes(preferred), 64));
            try (Arena plain = Arena.ofShared()) {
                library.reorder(
                        given,
                        library.memory(given, right(plain, problem, copy)),
                        preferred,
                        target);
            }
            return target;
        }

        private MemorySegment right(Arena where, GemmProblem problem, int copy) {
            return Operands.random(
                    where,
                    dtype,
                    (long) problem.k() * problem.n(),
                    Seeds.WEIGHT + copy,
                    GemmProblem.RIGHT_EXPONENT);
        }

        @Override
        public void run(int turn) {
            library.execute(product, turns.get(turn % turns.size()), ARGUMENTS);
        }

        @Override
        public double[] sample(long[] positions) {
            run(0);
            return Operands.at(result, dtype, positions);
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
