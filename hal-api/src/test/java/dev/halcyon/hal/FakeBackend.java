package dev.halcyon.hal;

import dev.halcyon.hal.host.HostDevice;
import dev.halcyon.hal.host.HostElements;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/// A whole backend in one file: a provider, a device on host memory and two kernels.
///
/// It is what a backend looks like that has nothing but its kernels. The provider describes and
/// opens the device; a kernel answers for its spec class with a [Decision] and turns checked
/// arguments into a [HostWork]. Memory, streams, graphs, the plan cache and every check of `bind`
/// come from [HostDevice].
public final class FakeBackend implements BackendProvider {
    /// What the probe finds.
    public static final DeviceDescription DEVICE =
            new DeviceDescription("fake", 0, "a device for tests", true, Map.of("isa", "java"));

    /// Makes the provider; [java.util.ServiceLoader] calls this.
    public FakeBackend() {}

    @Override
    public String name() {
        return DEVICE.backend();
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public Availability probe() {
        return new Availability.Available(
                List.of(DEVICE), List.of("its kernels are one loop each"));
    }

    @Override
    public Device open(int ordinal, DeviceOptions options) {
        return builder(options).build();
    }

    /// {@return a device with the two kernels, to which a test may add its own}
    public static HostDevice.Builder builder(DeviceOptions options) {
        return HostDevice.builder(DEVICE, options)
                .kernel(new AxpbyKernel())
                .kernel(new EmbeddingKernel());
    }

    /// {@return an open device with default options}
    public static HostDevice open() {
        return builder(DeviceOptions.defaults()).build();
    }

    /// Weighted sums of F32 matrices, one element at a time.
    static final class AxpbyKernel implements Kernel<Axpby, Axpby.Args, HostWork> {
        @Override
        public Class<Axpby> specType() {
            return Axpby.class;
        }

        @Override
        public List<String> implementations() {
            return List.of("axpby.loop");
        }

        @Override
        public Decision<Axpby.Args, HostWork> decide(Axpby spec, Limits limits) {
            if (spec.x() != DType.F32 || spec.y() != DType.F32 || spec.out() != DType.F32) {
                return Decision.refused(
                        Support.Reason.FORMAT,
                        "x, y and out must be F32, not "
                                + spec.x()
                                + ", "
                                + spec.y()
                                + " and "
                                + spec.out(),
                        "the same spec with F32 operands");
            }
            return Decision.planned(
                    new Implementation("axpby.loop", ""),
                    Numerics.F32_INVARIANT,
                    0,
                    (args, workspace) -> bind(spec, args));
        }

        /// Whatever is the same at every submit is looked up here, once.
        private static HostWork bind(Axpby spec, Axpby.Args args) {
            Rows x = Rows.of(args.x());
            Rows y = Rows.of(args.y());
            Rows out = Rows.of(args.out());
            Rows scalars = args.scalars() == null ? null : Rows.of(args.scalars());
            ActiveRows active = ActiveRows.of(args.activeRows(), args.x().dim(0));
            return faults -> {
                double alpha = scalars == null ? spec.alpha() : scalars.get(0, 0);
                double beta = scalars == null ? spec.beta() : scalars.get(0, 1);
                long rows = active.count();
                for (long r = 0; r < rows; r++) {
                    for (long c = 0; c < spec.dim(); c++) {
                        float ax = (float) alpha * (float) x.get(r, c);
                        out.set(r, c, ax + (float) beta * (float) y.get(r, c));
                    }
                }
            };
        }
    }

    /// Rows of a table by index, in any type that is not converted; a bad index is reported and its
    /// row is zero.
    static final class EmbeddingKernel implements Kernel<Embedding, Embedding.Args, HostWork> {
        @Override
        public Class<Embedding> specType() {
            return Embedding.class;
        }

        @Override
        public List<String> implementations() {
            return List.of("embedding.loop");
        }

        @Override
        public Decision<Embedding.Args, HostWork> decide(Embedding spec, Limits limits) {
            if (spec.table() != spec.out()) {
                return Decision.refused(
                        Support.Reason.FORMAT,
                        "table and out must be of one type, not "
                                + spec.table()
                                + " and "
                                + spec.out(),
                        "the same spec without conversion, and a Cast behind it");
            }
            return Decision.planned(
                    new Implementation("embedding.loop", ""),
                    Numerics.F32_INVARIANT,
                    0,
                    (args, workspace) -> bind(spec, args));
        }

        private static HostWork bind(Embedding spec, Embedding.Args args) {
            Rows ids = Rows.of(args.ids());
            Rows table = Rows.of(args.table());
            Rows out = Rows.of(args.out());
            long entries = args.table().dim(0);
            ActiveRows active = ActiveRows.of(args.activeRows(), args.ids().dim(0));
            return faults -> {
                long rows = active.count();
                for (long r = 0; r < rows; r++) {
                    long id = (long) ids.get(r, 0);
                    boolean known = id >= 0 && id < entries;
                    if (!known && id != -1) {
                        faults.report("ids", r, id, entries);
                    }
                    for (long c = 0; c < spec.dim(); c++) {
                        out.set(r, c, known ? table.get(id, c) : 0);
                    }
                }
            };
        }
    }

    /// A vector or matrix as a kernel wants it: memory, element type and the distance between rows.
    private record Rows(MemorySegment memory, DType dtype, long stride) {
        static Rows of(Tensor tensor) {
            return new Rows(tensor.segment(), tensor.dtype(), tensor.stride(0));
        }

        double get(long row, long column) {
            return HostElements.get(memory, dtype, row * stride + column);
        }

        void set(long row, long column, double value) {
            HostElements.set(memory, dtype, row * stride + column, value);
        }
    }

    /// How many rows count, read at each submit because it may be the result of another kernel.
    private record ActiveRows(@Nullable Rows number, long rows) {
        static ActiveRows of(@Nullable Tensor number, long rows) {
            return new ActiveRows(number == null ? null : Rows.of(number), rows);
        }

        long count() {
            return number == null ? rows : Math.clamp((long) number.get(0, 0), 0, rows);
        }
    }
}
