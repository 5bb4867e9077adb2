package dev.halcyon.backend.ascend.operators;

import static dev.halcyon.backend.ascend.acl.AclDataType.BOOL;
import static dev.halcyon.backend.ascend.acl.AclDataType.DOUBLE;
import static dev.halcyon.backend.ascend.acl.AclDataType.FLOAT;
import static dev.halcyon.backend.ascend.acl.AclDataType.INT32;
import static dev.halcyon.backend.ascend.acl.AclDataType.INT64;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;

/// A kernel in the making: calls of operators in order, with scratch memory between them.
///
/// A kernel writes the same composition twice: without memory when it is planned, which says how
/// much scratch it needs and whether every operator is there, and with memory when it is bound. A
/// call on views without elements is left out. No operator may write what it reads unless it is one
/// that works in place; CANN does not promise anything else.
public final class Composition {
    /// CANN asks that blocks inside an allocation begin at multiples of 64 bytes and end 32 bytes
    /// behind their data.
    private static final long ALIGNMENT = 64;

    private static final long PADDING = 32;

    private final Platform platform;
    private final long workspace;
    private final boolean isBound;
    private final long workspaceSize;
    private final List<DeviceTask> tasks = new ArrayList<>();
    private long used;
    private long mostUsed;

    private Composition(Platform platform, boolean isBound, long workspace, long workspaceSize) {
        this.platform = platform;
        this.isBound = isBound;
        this.workspace = workspace;
        this.workspaceSize = workspaceSize;
    }

    /// {@return a composition to plan with}
    public static Composition planned(Platform platform) {
        return new Composition(platform, false, ALIGNMENT, Long.MAX_VALUE);
    }

    /// {@return a composition that needs no scratch}
    public static Composition withoutScratch(Platform platform) {
        return new Composition(platform, true, ALIGNMENT, 0);
    }

    /// {@return a composition whose scratch lies in `workspace`}
    public static Composition bound(Platform platform, Tensor workspace) {
        return new Composition(
                platform,
                true,
                workspace.elements() == 0 ? ALIGNMENT : workspace.address(),
                workspace.byteSize());
    }

    /// {@return where it will run}
    public Platform platform() {
        return platform;
    }

    /// {@return the most scratch it has used at a time}
    public long workspaceBytes() {
        return mostUsed;
    }

    /// {@return the number of calls so far}
    public int launches() {
        return tasks.size();
    }

    /// {@return the work}
    public AscendWork work() {
        return AscendWork.of(tasks);
    }

    /// {@return scratch memory of unspecified contents}
    public View scratch(AclDataType type, long... dims) {
        View wanted = View.unbound(type, dims);
        View piece = View.at(workspace + used, type, dims);
        long bytes = Math.multiplyExact(wanted.elements(), type.bytes());
        used =
                Math.addExact(
                        used, Math.ceilDiv(Math.addExact(bytes, PADDING), ALIGNMENT) * ALIGNMENT);
        mostUsed = Math.max(mostUsed, used);
        if (used > workspaceSize) {
            throw new IllegalStateException(
                    "a composition needs "
                            + used
                            + " bytes of scratch and was planned with "
                            + workspaceSize
                            + "; this is a defect of the backend");
        }
        return piece;
    }

    /// {@return a table of constant numbers}
    ///
    /// @param name equal names mean equal numbers
    public View table(String name, float[] values) {
        ByteBuffer bytes = littleEndian(values.length * Float.BYTES);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return table(name, FLOAT, bytes.array(), values.length);
    }

    /// {@return a table of constant indices}
    ///
    /// @param name equal names mean equal numbers
    public View table(String name, int[] values) {
        ByteBuffer bytes = littleEndian(values.length * Integer.BYTES);
        for (int value : values) {
            bytes.putInt(value);
        }
        return table(name, INT32, bytes.array(), values.length);
    }

    /// {@return a table of constant numbers in binary64}
    ///
    /// @param name equal names mean equal numbers
    public View table(String name, double[] values) {
        ByteBuffer bytes = littleEndian(values.length * Double.BYTES);
        for (double value : values) {
            bytes.putDouble(value);
        }
        return table(name, DOUBLE, bytes.array(), values.length);
    }

    /// {@return a table of constant bytes, UINT8}
    ///
    /// @param name equal names mean equal bytes
    public View table(String name, byte[] values) {
        return table(name, AclDataType.UINT8, values, values.length);
    }

    /// {@return a constant mask, BOOL}
    ///
    /// @param name equal names mean equal masks
    /// @param bytes 0 or 1 each
    public View mask(String name, Supplier<byte[]> bytes, long... dims) {
        return isBound
                ? View.at(platform.constants().address(name, bytes.get()), BOOL, dims)
                : View.unbound(BOOL, dims);
    }

    /// {@return the bytes of each number, lowest first; INT32 `[n, bytes of a number]` in scratch}
    public View bytesOf(View numbers) {
        long count = numbers.dim(0);
        int size = numbers.type().bytes();
        View dense = dense(Bits.integers(numbers));
        View bytes =
                new View(
                        AclDataType.UINT8,
                        dense.base(),
                        dense.offset() * size,
                        new long[] {count, size},
                        new long[] {size, 1});
        View digits = scratch(INT32, count, size);
        convert(bytes, digits);
        return digits;
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private View table(String name, AclDataType type, byte[] bytes, int length) {
        return isBound
                ? View.at(platform.constants().address(name, bytes), type, length)
                : View.unbound(type, length);
    }

    /// {@return a place in scratch to come back to}
    public long mark() {
        return used;
    }

    /// Gives back all scratch taken since `mark`.
    public void release(long mark) {
        used = mark;
    }

    /// Adds a call.
    ///
    /// @throws Refusal if the installed CANN does not have the operator
    public void call(Operator operator, @Nullable Object... arguments) {
        if (!platform.has(operator)) {
            throw new Refusal(
                    Support.Reason.HARDWARE,
                    operator.symbol()
                            + " is not in the installed CANN; it needs "
                            + operator.since().words(),
                    "a newer CANN");
        }
        tasks.add(new OperatorCall(operator, arguments));
    }

    /// Adds an operator that takes numbers of step inputs from the host.
    ///
    /// @param fits whether it takes what was published last
    /// @param otherwise writes the composition that does the same on the device alone; it is
    ///   written when it is needed, and once to plan
    /// @throws Refusal if the installed CANN does not have an operator
    public void callHostPlanned(
            BooleanSupplier fits,
            Consumer<Composition> otherwise,
            Operator operator,
            @Nullable Object... arguments) {
        call(operator, arguments);
        OperatorCall call = (OperatorCall) tasks.removeLast();
        long from = used;
        List<DeviceTask> planned = isBound ? List.of() : written(otherwise, from);
        tasks.add(
                new DeviceTask.HostPlanned(
                        call, fits, isBound ? () -> written(otherwise, from) : () -> planned));
    }

    /// {@return the tasks of a composition whose scratch lies behind `from`}
    private List<DeviceTask> written(Consumer<Composition> recipe, long from) {
        Composition other = new Composition(platform, isBound, workspace, workspaceSize);
        other.used = from;
        recipe.accept(other);
        mostUsed = Math.max(mostUsed, other.mostUsed);
        return other.tasks;
    }

    private void unlessEmpty(View out, Operator operator, @Nullable Object... arguments) {
        if (out.elements() > 0) {
            call(operator, arguments);
        }
    }

    private static Scalar scalar(View like, double value) {
        return Scalar.of(like.type(), value);
    }

    /// `out = x + alpha y`.
    public void add(View x, View y, double alpha, View out) {
        unlessEmpty(out, Operator.ADD, x, y, scalar(out, alpha), out);
    }

    /// `x += alpha y`.
    public void addTo(View x, View y, double alpha) {
        unlessEmpty(x, Operator.INPLACE_ADD, x, y, scalar(x, alpha));
    }

    /// `x += value`.
    public void addTo(View x, double value) {
        unlessEmpty(x, Operator.INPLACE_ADDS, x, scalar(x, value), scalar(x, 1));
    }

    /// `out = x + value`.
    public void add(View x, double value, View out) {
        unlessEmpty(out, Operator.ADDS, x, scalar(x, value), scalar(x, 1), out);
    }

    /// `out = x y`, either of which may have dimensions of extent 1 where the other has more.
    public void multiply(View x, View y, View out) {
        unlessEmpty(out, Operator.MUL, x, y, out);
    }

    /// `x *= y`.
    public void multiplyBy(View x, View y) {
        unlessEmpty(x, Operator.INPLACE_MUL, x, y);
    }

    /// `out = value x`.
    public void multiply(View x, double value, View out) {
        unlessEmpty(out, Operator.MULS, x, scalar(x, value), out);
    }

    /// `x *= value`.
    public void multiplyBy(View x, double value) {
        unlessEmpty(x, Operator.INPLACE_MULS, x, scalar(x, value));
    }

    /// `x /= y`.
    public void divideBy(View x, View y) {
        unlessEmpty(x, Operator.INPLACE_DIV, x, y);
    }

    /// `x += value a b`.
    public void addProductTo(View x, View a, View b, double value) {
        unlessEmpty(x, Operator.INPLACE_ADDCMUL, x, a, b, scalar(x, value));
    }

    /// `x = e^x`.
    public void exponential(View x) {
        unlessEmpty(x, Operator.INPLACE_EXP, x);
    }

    /// `x = sqrt(x)`.
    public void squareRoot(View x) {
        unlessEmpty(x, Operator.INPLACE_SQRT, x);
    }

    /// `x = sqrt(x)` of numbers above 0, in binary64 as accurate as that is.
    ///
    /// CANN does not say how accurate its root is there; Heron's rule doubles the digits each time.
    public void accurateRoot(View x) {
        if (x.type() != DOUBLE) {
            squareRoot(x);
            return;
        }
        long mark = mark();
        View number = scratch(DOUBLE, x.dims());
        copy(x, number);
        squareRoot(x);
        View quotient = scratch(DOUBLE, x.dims());
        for (int i = 0; i < 2; i++) {
            copy(number, quotient);
            divideBy(quotient, x);
            addTo(x, quotient, 1);
            multiplyBy(x, 0.5);
        }
        release(mark);
    }

    /// `out = 1 / (1 + e^-x)`.
    public void sigmoid(View x, View out) {
        if (x.type() == DOUBLE) {
            multiply(x, -1, out);
            exponential(out);
            addTo(out, 1);
            reciprocal(out);
        } else {
            unlessEmpty(out, Operator.SIGMOID, x, out);
        }
    }

    /// `x = 1 / x`.
    public void reciprocal(View x) {
        long mark = mark();
        View one = scratch(x.type(), x.dims());
        multiply(x, 1, one);
        fill(x, 1);
        divideBy(x, one);
        release(mark);
    }

    /// Converts `x` to the type of `out`, rounding to nearest even, and from any strides to any.
    public void convert(View x, View out) {
        if (x.type() == out.type()) {
            copy(x, out);
        } else if (isDense(out)) {
            unlessEmpty(out, Operator.CAST, x, out.type().value(), out);
        } else {
            long mark = mark();
            View dense = scratch(out.type(), out.dims());
            unlessEmpty(out, Operator.CAST, x, out.type().value(), dense);
            copy(dense, out);
            release(mark);
        }
    }

    /// Copies `x` to `out` of the same type and extents.
    public void copy(View x, View out) {
        if (out.elements() > 0 && isDense(x) && isDense(out)) {
            long bytes = out.elements() * out.type().bytes();
            tasks.add(new DeviceTask.Move(addressOf(out), addressOf(x), bytes));
        } else {
            unlessEmpty(out, Operator.INPLACE_COPY, out, x);
        }
    }

    /// {@return whether the elements lie one behind the other; of an operand that is not known yet,
    /// the worse is assumed}
    public boolean isDense(View view) {
        return !view.isUnbound() && view.isContiguous();
    }

    private static long addressOf(View view) {
        return view.base() + view.offset() * view.type().bytes();
    }

    /// {@return `x` in another type: itself if it has that type, else a converted copy in scratch}
    public View as(AclDataType type, View x) {
        if (x.type() == type) {
            return x;
        }
        View converted = scratch(type, x.dims());
        convert(x, converted);
        return converted;
    }

    /// {@return a contiguous view of the elements: itself if it is, else a copy in scratch}
    public View dense(View x) {
        if (isDense(x)) {
            return x;
        }
        View copy = scratch(x.type(), x.dims());
        copy(x, copy);
        return copy;
    }

    /// Sets every element.
    public void fill(View x, double value) {
        if (value == 0 && 1 / value > 0 && isDense(x)) {
            if (x.elements() > 0) {
                tasks.add(new DeviceTask.Set(addressOf(x), 0, x.elements() * x.type().bytes()));
            }
        } else {
            unlessEmpty(x, Operator.INPLACE_FILL_SCALAR, x, scalar(x, value));
        }
    }

    /// Sets the elements where `mask`, a [AclDataType#BOOL] view, is true.
    public void fillWhere(View x, View mask, double value) {
        if (x.type() != DOUBLE) {
            unlessEmpty(x, Operator.INPLACE_MASKED_FILL_SCALAR, x, mask, scalar(x, value));
            return;
        }
        // The masked fill does not take binary64.
        long mark = mark();
        View before = scratch(DOUBLE, x.dims());
        copy(x, before);
        View values = scratch(DOUBLE, x.dims());
        fill(values, value);
        select(mask, values, before, x);
        release(mark);
    }

    /// `out = mask ? x : y`.
    public void select(View mask, View x, View y, View out) {
        unlessEmpty(out, Operator.SWHERE, mask, x, y, out);
    }

    /// {@return where `x > value`}
    public View greater(View x, double value) {
        View mask = scratch(BOOL, x.dims());
        unlessEmpty(mask, Operator.GT_SCALAR, x, scalar(x, value), mask);
        return mask;
    }

    /// {@return where `x = value`}
    public View equal(View x, double value) {
        View mask = scratch(BOOL, x.dims());
        unlessEmpty(mask, Operator.EQ_SCALAR, x, scalar(x, value), mask);
        return mask;
    }

    /// Sums over the last dimension, which `out` has with extent 1.
    public void sumRows(View x, View out) {
        reduceSum(x, new long[] {x.rank() - 1}, out);
    }

    /// Sums over dimensions, which `out` has with extent 1.
    public void reduceSum(View x, long[] dims, View out) {
        unlessEmpty(out, Operator.REDUCE_SUM, x, dims, true, out.type().value(), out);
    }

    /// Largest over the last dimension, which `out` has with extent 1.
    public void largestInRows(View x, View out) {
        unlessEmpty(out, Operator.AMAX, x, new long[] {x.rank() - 1}, true, out);
    }

    /// `out[i] = table[ids[i]]`; indices must be inside the table.
    public void gatherRows(View table, View ids, View out) {
        unlessEmpty(out, Operator.INDEX_SELECT, table, 0, ids, out);
    }

    /// `out[…, i, …] = x[…, ids[i], …]` along a dimension.
    public void gather(View x, int dim, View ids, View out) {
        unlessEmpty(out, Operator.INDEX_SELECT, x, dim, ids, out);
    }

    /// `out = x w`, matrices of any row and column strides; sums in binary32.
    ///
    /// @throws Refusal if the processor has no products of FLOAT and these are some
    public void product(View x, View w, View out) {
        requireProducts(x.type());
        Operator operator = out.rank() == 2 ? Operator.MM : Operator.BATCH_MAT_MUL;
        unlessEmpty(out, operator, x, w, out, 0);
    }

    /// @throws Refusal if the processor has no exact products of factors of a type
    public void requireProducts(AclDataType factors) {
        if (factors == FLOAT && !platform.soc().multipliesFloat()) {
            throw new Refusal(
                    Support.Reason.NUMERICS,
                    platform.soc() + " multiplies F32 only after rounding it to F16",
                    "F16 operands");
        }
    }

    /// Replaces indices outside 0 to `bound - 1` by `substitute` and counts them in the fault word.
    ///
    /// @param ids INT32
    /// @param absent an index that is legal and stands for nothing, replaced and not counted; or
    ///   `Long.MIN_VALUE`
    /// @return where an index was replaced, BOOL
    public View checkIndices(View ids, long bound, long absent, double substitute, View out) {
        // Wider integers first: a sum of two flags, and the negative of the least 32-bit number.
        View wide = scratch(INT64, ids.dims());
        convert(ids, wide);
        View bad = scratch(INT64, ids.dims());
        View mask = greater(wide, bound - 1);
        convert(mask, bad);
        View negative = scratch(INT64, ids.dims());
        multiply(wide, -1, negative);
        View below = scratch(INT64, ids.dims());
        convert(greater(negative, 0), below);
        addTo(bad, below, 1);
        View skipped = scratch(INT64, ids.dims());
        multiply(bad, 1, skipped);
        if (absent != Long.MIN_VALUE) {
            View missing = scratch(INT64, ids.dims());
            convert(equal(wide, absent), missing);
            addTo(bad, missing, -1);
        }
        View flat = bad.reshape(1, bad.elements());
        View count = scratch(INT64, 1, 1);
        sumRows(flat, count);
        View narrow = scratch(INT32, 1);
        convert(count.reshape(1), narrow);
        if (ids.elements() > 0) {
            addTo(View.faultWord(), narrow, 1);
        }
        View where = greater(skipped, 0);
        convert(ids, out);
        fillWhere(out, where, substitute);
        return where;
    }

    /// {@return whether it has memory}
    public boolean isBound() {
        return isBound;
    }
}
