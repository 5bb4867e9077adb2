package dev.halcyon.tck.conformance;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.KernelArgs;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// The operands of a problem in guarded device memory, and the arguments that name them.
final class ProblemMemory {
    private final Device device;
    private final DeviceArena arena;
    private final boolean shifted;
    private final Problem problem;
    private final Map<String, List<GuardedTensor>> guarded = new LinkedHashMap<>();
    private final Map<String, Object> operands = new LinkedHashMap<>();
    private final Map<String, StepInput> steps = new HashMap<>();
    private final Map<String, double[]> published = new HashMap<>();
    private final Set<String> implementations = new TreeSet<>();

    /// @param shifted whether tensors begin at odd places and rows have gaps
    ProblemMemory(Device device, DeviceArena arena, Problem problem, boolean shifted) {
        this.device = device;
        this.arena = arena;
        this.shifted = shifted;
        this.problem = problem;
        for (Slot slot : problem.slots()) {
            allocate(slot);
        }
    }

    private void allocate(Slot slot) {
        Object operand =
                switch (slot) {
                    case Slot.Plain plain -> guard(plain.name(), plain).tensor();
                    case Slot.Listed listed ->
                            new TensorList(
                                    listed.elements().stream()
                                            .map(element -> guard(listed.name(), element).tensor())
                                            .toList());
                    case Slot.Scaled scaled -> scaled(scaled);
                    case Slot.Packed packed -> {
                        guard(packed.name(), packed.rowMajor());
                        yield device.allocatePacked(
                                arena, Shape.of(packed.rowMajor().dims()), packed.format());
                    }
                    case Slot.Pages pages -> {
                        Tensor rows = guard(pages.name(), pages.rows()).tensor();
                        if (!pages.format().isRowMajor()) {
                            yield CachePool.allocate(arena, pages.format(), rows.dim(0));
                        }
                        yield new CachePool(
                                rows.reinterpret(
                                        DType.U8,
                                        Shape.of(rows.dim(0), pages.format().bytesPerPage())),
                                pages.format());
                    }
                    case Slot.Stepped stepped -> {
                        StepInput input =
                                arena.stepInput(
                                        stepped.content().dtype(), stepped.content().dims());
                        steps.put(stepped.name(), input);
                        yield input.tensor();
                    }
                    case Slot.Same same -> required(operands.get(same.other()), same.other());
                };
        operands.put(slot.name(), operand);
    }

    private Operand scaled(Slot.Scaled slot) {
        List<QuantizedTensor> matrices =
                slot.matrices().stream()
                        .map(
                                parts ->
                                        new QuantizedTensor(
                                                guard(slot.name(), parts.values()).tensor(),
                                                guard(slot.name(), parts.scales()).tensor(),
                                                slot.scheme()))
                        .toList();
        return slot.isListed() ? new TensorList(matrices) : matrices.getFirst();
    }

    private GuardedTensor guard(String name, Slot.Plain slot) {
        GuardedTensor tensor = new GuardedTensor(arena, slot, shifted);
        guarded.computeIfAbsent(name, key -> new ArrayList<>()).add(tensor);
        return tensor;
    }

    private static Object required(@Nullable Object operand, String name) {
        if (operand == null) {
            throw new IllegalStateException("operand " + name + " is named before it is there");
        }
        return operand;
    }

    /// Writes what every operand holds before the launch, taken from `content`, which has operands
    /// of the same shapes.
    void fill(Stream stream, Problem content) {
        for (Slot slot : content.slots()) {
            List<GuardedTensor> tensors = guarded.getOrDefault(slot.name(), List.of());
            List<Slot.Plain> parts = parts(slot);
            for (int i = 0; i < parts.size(); i++) {
                tensors.get(i).fill(stream, parts.get(i).values());
            }
            if (slot instanceof Slot.Packed packed) {
                pack(stream, packed, tensors.getFirst().tensor());
            }
            if (slot instanceof Slot.Pages pages && !pages.format().isRowMajor()) {
                append(stream, pages, tensors.getFirst().tensor());
            }
            if (slot instanceof Slot.Stepped stepped) {
                publish(stream, stepped);
            }
        }
    }

    private void pack(Stream stream, Slot.Packed slot, Tensor rowMajor) {
        int rows = Math.toIntExact(rowMajor.dim(-2));
        int columns = Math.toIntExact(rowMajor.dim(-1));
        WeightFormat from = rowMajor.format();
        PackWeight spec =
                rowMajor.rank() == 2
                        ? PackWeight.matrix(rows, columns, from, slot.format())
                        : PackWeight.matrices(
                                Math.toIntExact(rowMajor.dim(0)),
                                rows,
                                columns,
                                from,
                                slot.format());
        PackedTensor packed = (PackedTensor) required(operands.get(slot.name()), slot.name());
        stream.run(spec, PackWeight.Args.of(rowMajor, packed));
        implementations.add(device.plan(spec).support().implementation().name());
    }

    private void publish(Stream stream, Slot.Stepped slot) {
        StepInput input = (StepInput) required(steps.get(slot.name()), slot.name());
        double[] values = (double[]) required(slot.content().values(), slot.name());
        MemorySegment next = input.next();
        for (int i = 0; i < values.length; i++) {
            next.setAtIndex(ValueLayout.JAVA_INT, i, (int) values[i]);
        }
        stream.publish(input);
        published.put(slot.name(), values);
    }

    /// Fills pages of a layout that only the device knows.
    private void append(Stream stream, Slot.Pages slot, Tensor rows) {
        CacheFormat format = slot.format();
        int slots = Math.toIntExact(rows.dim(0) * rows.dim(1));
        Tensor flat = rows.reshape(slots, format.rowDim());
        Tensor numbers = arena.tensor(DType.I32, slots);
        stream.write(numbers, IntStream.range(0, slots).toArray());
        CacheAppend spec = CacheAppend.of(slots, format, slot.rows().dtype());
        stream.run(
                spec,
                CacheAppend.Args.of(
                        flat.slice(1, 0, format.latentDim()),
                        flat.slice(1, format.latentDim(), format.rowDim()),
                        numbers,
                        (CachePool) required(operands.get(slot.name()), slot.name())));
        implementations.add(device.plan(spec).support().implementation().name());
    }

    private static List<Slot.Plain> parts(Slot slot) {
        return switch (slot) {
            case Slot.Plain plain -> List.of(plain);
            case Slot.Listed listed -> listed.elements();
            case Slot.Scaled scaled ->
                    scaled.matrices().stream()
                            .flatMap(
                                    parts ->
                                            java.util.stream.Stream.of(
                                                    parts.values(), parts.scales()))
                            .toList();
            case Slot.Packed packed -> List.of(packed.rowMajor());
            case Slot.Pages pages -> List.of(pages.rows());
            case Slot.Stepped stepped -> List.of();
            case Slot.Same same -> List.of();
        };
    }

    /// The implementations that were used to prepare operands.
    Set<String> implementations() {
        return implementations;
    }

    /// The arguments of the problem's spec, put together by the names of their components.
    KernelArgs args() {
        Class<?> type = argsType();
        RecordComponent[] components = type.getRecordComponents();
        Class<?>[] types = new Class<?>[components.length];
        @Nullable Object[] values = new Object[components.length];
        for (int i = 0; i < components.length; i++) {
            types[i] = components[i].getType();
            values[i] = operands.get(components[i].getName());
        }
        for (String name : operands.keySet()) {
            if (Arrays.stream(components)
                    .noneMatch(component -> component.getName().equals(name))) {
                throw new IllegalStateException(type.getName() + " has no operand " + name);
            }
        }
        try {
            return (KernelArgs) type.getDeclaredConstructor(types).newInstance(values);
        } catch (InvocationTargetException refused) {
            throw new IllegalStateException(
                    type.getName() + " refuses its operands", refused.getCause());
        } catch (ReflectiveOperationException inaccessible) {
            throw new IllegalStateException("cannot make a " + type.getName(), inaccessible);
        }
    }

    private Class<?> argsType() {
        return Arrays.stream(problem.spec().getClass().getDeclaredClasses())
                .filter(KernelArgs.class::isAssignableFrom)
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalStateException(
                                        problem.spec().name() + " has no nested arguments"));
    }

    /// What the kernel finds, exactly as it is stored.
    Values before() {
        Map<String, HostTensor> values = new TreeMap<>();
        for (Slot slot : problem.slots()) {
            values.put(slot.name(), before(slot));
        }
        return new Values(values);
    }

    private HostTensor before(Slot slot) {
        List<GuardedTensor> tensors = guarded.getOrDefault(slot.name(), List.of());
        return switch (slot) {
            case Slot.Plain plain -> HostTensor.of(tensors.getFirst().before(), plain.dims());
            case Slot.Packed packed ->
                    HostTensor.of(tensors.getFirst().before(), packed.rowMajor().dims());
            case Slot.Pages pages ->
                    HostTensor.of(
                            tensors.getFirst().before(),
                            pages.rows().dims()[0] * pages.rows().dims()[1],
                            pages.rows().dims()[2]);
            case Slot.Listed listed -> {
                double[] all =
                        tensors.stream()
                                .flatMapToDouble(tensor -> Arrays.stream(tensor.before()))
                                .toArray();
                yield HostTensor.of(
                        all,
                        stacked(listed.elements().size(), listed.elements().getFirst().dims()));
            }
            case Slot.Scaled scaled -> product(scaled, tensors);
            case Slot.Stepped stepped ->
                    HostTensor.of(
                            (double[]) required(published.get(slot.name()), slot.name()),
                            stepped.content().dims());
            case Slot.Same same -> before(required(problem, same.other()));
        };
    }

    private static Slot required(Problem problem, String name) {
        Slot slot = problem.slot(name);
        if (slot == null) {
            throw new IllegalStateException("no operand " + name);
        }
        return slot;
    }

    private static long[] stacked(int count, long[] dims) {
        long[] all = new long[dims.length + 1];
        all[0] = count;
        System.arraycopy(dims, 0, all, 1, dims.length);
        return all;
    }

    private static HostTensor product(Slot.Scaled slot, List<GuardedTensor> tensors) {
        List<double[]> matrices = new ArrayList<>();
        for (int i = 0; i < tensors.size(); i += 2) {
            matrices.add(product(slot, tensors.get(i), tensors.get(i + 1)));
        }
        double[] all = matrices.stream().flatMapToDouble(Arrays::stream).toArray();
        long[] dims = slot.matrices().getFirst().values().dims();
        return HostTensor.of(all, slot.isListed() ? stacked(matrices.size(), dims) : dims);
    }

    private static double[] product(
            Slot.Scaled slot, GuardedTensor valueTensor, GuardedTensor scaleTensor) {
        double[] values = valueTensor.before();
        double[] scales = scaleTensor.before();
        long[] dims = valueTensor.slot().dims();
        long[] scaleDims = scaleTensor.slot().dims();
        int columns = (int) dims[dims.length - 1];
        int rows = (int) dims[dims.length - 2];
        int scaleColumns = (int) scaleDims[dims.length - 1];
        int scaleRows = (int) scaleDims[dims.length - 2];
        for (int i = 0; i < values.length; i++) {
            int scaleRow =
                    i / columns / rows * scaleRows + i / columns % rows / slot.scheme().blockRows();
            values[i] *=
                    scales[scaleRow * scaleColumns + i % columns / slot.scheme().blockColumns()];
        }
        return values;
    }

    /// Everything that was written, and the damage that was done.
    Written download(Stream stream, KernelArgs args, Operands accesses) {
        Map<String, Operands.Mode> modes = new LinkedHashMap<>();
        accesses.accesses().forEach(access -> modes.put(access.name(), access.mode()));
        Map<String, double[]> values = new TreeMap<>();
        Map<String, byte[]> bits = new TreeMap<>();
        List<String> damage = new ArrayList<>();
        for (Slot slot : problem.slots()) {
            if (slot instanceof Slot.Same same) {
                List<GuardedTensor> tensors = guarded.getOrDefault(same.other(), List.of());
                read(stream, same.name(), tensors, slot, values, bits);
                continue;
            }
            List<GuardedTensor> tensors = guarded.getOrDefault(slot.name(), List.of());
            boolean written =
                    modes.getOrDefault(slot.name(), Operands.Mode.READ) != Operands.Mode.READ
                            || isShared(slot.name());
            for (GuardedTensor tensor : tensors) {
                String found = tensor.damage(tensor.download(stream), !written);
                if (!found.isEmpty()) {
                    damage.add(found);
                }
            }
            if (written) {
                read(stream, slot.name(), tensors, slot, values, bits);
            }
        }
        return new Written(values, bits, damage);
    }

    private boolean isShared(String name) {
        return problem.slots().stream()
                .anyMatch(slot -> slot instanceof Slot.Same same && same.other().equals(name));
    }

    private static void read(
            Stream stream,
            String name,
            List<GuardedTensor> tensors,
            Slot slot,
            Map<String, double[]> values,
            Map<String, byte[]> bits) {
        if (slot instanceof Slot.Scaled) {
            values.put(name + ".values", codes(tensors.get(0), tensors.get(0).download(stream)));
            values.put(name + ".scales", tensors.get(1).decode(tensors.get(1).download(stream)));
            return;
        }
        List<double[]> parts = new ArrayList<>();
        List<byte[]> raw = new ArrayList<>();
        for (GuardedTensor tensor : tensors) {
            byte[] bytes = tensor.download(stream);
            parts.add(tensor.decode(bytes));
            raw.add(tensor.elementBytes(bytes));
        }
        values.put(name, parts.stream().flatMapToDouble(Arrays::stream).toArray());
        if (raw.size() == 1) {
            bits.put(name, raw.getFirst());
        }
    }

    private static double[] codes(GuardedTensor tensor, byte[] bytes) {
        byte[] raw = tensor.elementBytes(bytes);
        double[] codes = new double[Math.toIntExact(tensor.slot().elements())];
        boolean packed = tensor.slot().dtype().isPacked();
        for (int i = 0; i < codes.length; i++) {
            codes[i] = packed ? raw[i / 2] >> 4 * (i % 2) & 0xf : raw[i] & 0xff;
        }
        return codes;
    }

    /// What a launch left behind.
    ///
    /// @param values of every written operand
    /// @param bits of every written operand that is one tensor, in row-major order
    /// @param damage memory that should be as it was and is not
    record Written(Map<String, double[]> values, Map<String, byte[]> bits, List<String> damage) {}
}
