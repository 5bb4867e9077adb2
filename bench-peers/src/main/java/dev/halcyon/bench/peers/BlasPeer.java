package dev.halcyon.bench.peers;

import dev.halcyon.bench.peer.Peer;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.memory.DType;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.mkl.global.mkl_rt;
import org.bytedeco.openblas.global.openblas_nolapack;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// A library with the C interface of BLAS: general F32 products of row-major matrices.
///
/// @param version the library's version
/// @param sgemm its function
record BlasPeer(String version, Sgemm sgemm) implements Peer {
    private static final int ROW_MAJOR = 101;
    private static final int NO_TRANSPOSE = 111;

    /// `cblas_sgemm`, whichever library's.
    @FunctionalInterface
    interface Sgemm {
        void run(
                int layout,
                int transposeA,
                int transposeB,
                int m,
                int n,
                int k,
                float alpha,
                FloatPointer a,
                int rowA,
                FloatPointer b,
                int rowB,
                float beta,
                FloatPointer c,
                int rowC);
    }

    static BlasPeer openBlas(int threads) {
        openblas_nolapack.blas_set_num_threads(threads);
        return new BlasPeer(
                Versions.of("org.bytedeco", "openblas"), openblas_nolapack::cblas_sgemm);
    }

    static BlasPeer mkl(int threads) {
        mkl_rt.MKL_Set_Num_Threads(threads);
        return new BlasPeer(Versions.of("org.bytedeco", "mkl"), mkl_rt::cblas_sgemm);
    }

    @Override
    public Prepared prepare(Problem problem, int copies) {
        if (problem instanceof GemmProblem gemm && gemm.dtype() == DType.F32 && !gemm.linear()) {
            return new Product(gemm, sgemm);
        }
        throw new DeclinedException("BLAS multiplies F32 matrices");
    }

    private static final class Product implements Prepared {
        private final Arena arena = Arena.ofShared();
        private final GemmProblem problem;
        private final Sgemm sgemm;
        private final FloatPointer a;
        private final FloatPointer b;
        private final FloatPointer c;
        private final MemorySegment result;

        Product(GemmProblem problem, Sgemm sgemm) {
            this.problem = problem;
            this.sgemm = sgemm;
            long left = (long) problem.m() * problem.k();
            long right = (long) problem.k() * problem.n();
            this.a =
                    pointer(
                            Operands.random(
                                    arena,
                                    DType.F32,
                                    left,
                                    Seeds.INPUT,
                                    GemmProblem.LEFT_EXPONENT));
            this.b =
                    pointer(
                            Operands.random(
                                    arena,
                                    DType.F32,
                                    right,
                                    Seeds.WEIGHT,
                                    GemmProblem.RIGHT_EXPONENT));
            this.result = arena.allocate(DType.F32.bytes(problem.resultElements()), 64);
            this.c = pointer(result);
        }

        private static FloatPointer pointer(MemorySegment memory) {
            return new FloatPointer(new Address(memory));
        }

        @Override
        public void run(int turn) {
            int n = problem.n();
            int k = problem.k();
            sgemm.run(
                    ROW_MAJOR,
                    NO_TRANSPOSE,
                    NO_TRANSPOSE,
                    problem.m(),
                    n,
                    k,
                    1,
                    a,
                    k,
                    b,
                    n,
                    0,
                    c,
                    n);
        }

        @Override
        public double[] sample(long[] positions) {
            run(0);
            return Operands.at(result, DType.F32, positions);
        }

        @Override
        public void close() {
            arena.close();
        }
    }

    /// Memory that somebody else owns, as JavaCPP passes it.
    private static final class Address extends Pointer {
        Address(MemorySegment memory) {
            address = memory.address();
            limit = memory.byteSize();
            capacity = memory.byteSize();
        }
    }
}
