package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.product.Bf16Plan;
import dev.halcyon.backend.cpu.product.BoundProduct;
import dev.halcyon.backend.cpu.product.Elements;
import dev.halcyon.backend.cpu.product.Matrices;
import dev.halcyon.backend.cpu.product.PlannedProduct;
import dev.halcyon.backend.cpu.product.ProductShape;
import dev.halcyon.backend.cpu.product.Weights;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// How one matrix is orthogonalised: its products in order, and the layout of its workspace.
///
/// X is kept tall, `[m, n]` with n the shorter side, so the steps read `S = Xᵀ X`, `Y = b S + c
/// S²`, `X = a X + X Y`. Then all but the left-hand side of the last product is packed in runs of
/// neighbours, and that one is packed once. S and Y are symmetric, and so is every small matrix of
/// the Gram form, being a polynomial of the first: half of each is computed. X is replaced in
/// place.
///
/// The workspace holds X, then the small matrices (S and Y; or R, Z and two that are Q and T by
/// turns), then what the products need, one after the other, and loading and storing as well.
final class NewtonSchulzPlan {
    private static final long ALIGNMENT = 64;

    /// Steps after which the Gram form starts anew, if more follow.
    private static final int RESTART = 2;

    private final NewtonSchulz spec;
    private final CpuContext context;
    private final DType dtype;
    private final int n;
    private final int m;
    private final Map<ProductShape, PlannedProduct> products = new LinkedHashMap<>();
    private final long productsAt;
    private final long workspaceBytes;

    private NewtonSchulzPlan(NewtonSchulz spec, CpuContext context, long limit) {
        this.spec = spec;
        this.context = context;
        this.dtype = spec.compute();
        this.n = spec.shortSide();
        this.m = spec.longSide();
        this.productsAt = smallAt(spec.usesGram() ? 4 : 2);
        long most = 0;
        for (ProductShape shape : shapes()) {
            PlannedProduct plan =
                    products.computeIfAbsent(
                            shape, key -> PlannedProduct.of(key, context, limit - productsAt));
            most = Math.max(most, plan.workspaceBytes());
        }
        this.workspaceBytes =
                productsAt + align(Math.max(most, TallMatrix.stagingBytes(context, spec)));
    }

    /// {@return the plan within a workspace limit, or the one with the smallest possible workspace}
    ///
    /// @param context whose threads share the work on a matrix
    static NewtonSchulzPlan of(NewtonSchulz spec, CpuContext context, long limit) {
        return new NewtonSchulzPlan(spec, context, limit);
    }

    /// {@return bytes of workspace that a run needs, a multiple of 64}
    long workspaceBytes() {
        return workspaceBytes;
    }

    /// {@return whether the products run on native kernels}
    boolean isNative() {
        return products.values().stream().allMatch(Bf16Plan.class::isInstance);
    }

    private List<ProductShape> shapes() {
        List<ProductShape> shapes = new ArrayList<>();
        shapes.add(gram());
        if (spec.usesGram()) {
            shapes.add(apply(0));
        }
        for (Coefficients step : spec.steps()) {
            shapes.add(polynomial(step));
            shapes.add(spec.usesGram() ? advance(step) : apply(step.a()));
        }
        return shapes;
    }

    /// `Xᵀ X`.
    private ProductShape gram() {
        return shape(n, m).withTransposed(true, false).asSymmetric();
    }

    /// `b S + c S²` of a symmetric S, which is its own transpose.
    private ProductShape polynomial(Coefficients step) {
        return shape(n, n)
                .withTransposed(true, false)
                .withFactors((float) step.c(), (float) step.b())
                .asSymmetric();
    }

    /// `a Q + Q Z` of symmetric matrices that commute, up to rounding.
    private ProductShape advance(Coefficients step) {
        return shape(n, n)
                .withTransposed(true, false)
                .withFactors(1, (float) step.a())
                .asSymmetric();
    }

    /// `a X + X Y`.
    private ProductShape apply(double a) {
        return shape(m, n).withTransposed(false, false).withFactors(1, (float) a);
    }

    private ProductShape shape(int rows, int depth) {
        return ProductShape.of(rows, n, depth, dtype, WeightFormat.rowMajor(dtype), dtype);
    }

    /// {@return where small matrix `index` begins}
    private long smallAt(int index) {
        return align(dtype.bytes((long) m * n)) + index * align(dtype.bytes((long) n * n));
    }

    private static long align(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }

    /// {@return the iteration in a workspace, ready for one matrix after the other}
    ///
    /// @param offset where in the workspace its [#workspaceBytes()] begin, a multiple of 64
    NewtonSchulzRun bind(Tensor workspace, long offset) {
        MemorySegment memory = workspace.segment().asSlice(offset, workspaceBytes);
        return new NewtonSchulzRun(
                new TallMatrix(context, spec, memory, memory.asSlice(productsAt)),
                spec.usesGram() ? new Binding(memory).gramForm() : new Binding(memory).plainForm());
    }

    /// The products of a run, bound in the order in which they are computed.
    private final class Binding {
        private final MemorySegment memory;
        private final MemorySegment scratch;
        private final Matrices x;
        private final List<Runnable> stages = new ArrayList<>();

        Binding(MemorySegment memory) {
            this.memory = memory;
            this.scratch = memory.asSlice(productsAt);
            this.x = Matrices.of(dtype, memory, 0, n);
        }

        List<Runnable> plainForm() {
            Matrices s = small(0);
            Matrices y = small(1);
            for (Coefficients step : spec.steps()) {
                product(gram(), x, x, s, s);
                product(polynomial(step), s, s, s, y);
                product(apply(step.a()), x, y, x, x);
            }
            return stages;
        }

        List<Runnable> gramForm() {
            List<Coefficients> steps = spec.steps();
            Matrices r = small(0);
            Matrices z = small(1);
            int q = 2;
            for (int i = 0; i < steps.size(); i++) {
                Coefficients step = steps.get(i);
                boolean starts = i == 0 || i == RESTART;
                boolean ends = i == steps.size() - 1 || i == RESTART - 1;
                if (starts) {
                    product(gram(), x, x, r, r);
                }
                product(polynomial(step), r, r, r, z);
                int free = q == 2 ? 3 : 2;
                if (!ends) {
                    Matrices t = small(free);
                    product(advance(step), r, z, r, t);
                    product(advance(step), z, t, t, r);
                }
                if (starts) {
                    stages.add(new PlusIdentity(memory, smallAt(1), smallAt(q), (float) step.a()));
                } else {
                    product(advance(step), small(q), z, small(q), small(free));
                    q = free;
                }
                if (ends) {
                    product(apply(0), x, small(q), x, x);
                }
            }
            return stages;
        }

        private Matrices small(int index) {
            return Matrices.of(dtype, memory, smallAt(index), n);
        }

        private void product(
                ProductShape shape, Matrices left, Matrices right, Matrices addend, Matrices out) {
            PlannedProduct plan = Objects.requireNonNull(products.get(shape));
            BoundProduct product = plan.bind(left, Weights.of(right), addend, out, scratch);
            product.size(0, shape.maxRows(), shape.maxDepth());
            stages.add(product::run);
        }
    }

    /// `Q = a I + Z`, which is `a Q + Q Z` of the identity.
    private final class PlusIdentity implements Runnable {
        private final MemorySegment memory;
        private final long from;
        private final long to;
        private final float a;

        PlusIdentity(MemorySegment memory, long from, long to, float a) {
            this.memory = memory;
            this.from = from;
            this.to = to;
            this.a = a;
        }

        @Override
        public void run() {
            MemorySegment.copy(memory, from, memory, to, dtype.bytes((long) n * n));
            for (int i = 0; i < n; i++) {
                long at = to + dtype.bytes(i * (n + 1L));
                Elements.set(dtype, memory, at, Elements.get(dtype, memory, at) + a);
            }
        }
    }
}
