package dev.halcyon.bench.micro;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Selector;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.elementwise.Axpby;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.Workspace;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.util.concurrent.TimeUnit;

/// Calls of the hot path, on operands so small that nothing else counts.
///
/// `-prof gc` says what they allocate: submitting and replaying must say 0.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class HalBenchmark {
    private static final int HEADS = 2;
    private static final int LATENT = 8;
    private static final int ROPE = 4;
    private static final int ROWS_PER_PAGE = 64;
    private static final int GRAPH_LAUNCHES = 10;

    /// Which device, as `--device` takes it.
    @Param("cpu")
    public String selected = "cpu";

    private Device device;
    private DeviceArena arena;
    private DeviceArena step;
    private DeviceArena launches;
    private Stream stream;
    private Axpby oneElement;
    private Launch one;
    private Graph graph;
    private Plan<MlaDecode.Args> decode;
    private MlaDecode.Args tenOperands;
    private Workspace workspace;

    /// Made by JMH.
    public HalBenchmark() {}

    /// Opens the device and binds what is submitted.
    @Setup
    public void open() {
        device = Halcyon.open(Selector.of(selected));
        arena = device.arena("operands");
        step = device.arena("a step's scratch");
        launches = device.arena("launches");
        stream = device.stream("micro");
        oneElement = Axpby.add(1, 1, DType.F32);
        Plan<Axpby.Args> plan = device.plan(oneElement);
        one =
                plan.bind(
                        arena,
                        Axpby.Args.of(scalar(), scalar(), arena.tensor(DType.F32, 1, 1)),
                        device.workspace(arena, plan));
        graph =
                device.record(
                        arena,
                        recorder -> {
                            for (int i = 0; i < GRAPH_LAUNCHES; i++) {
                                recorder.submit(one);
                            }
                        });
        bindable();
    }

    private Tensor scalar() {
        Tensor tensor = arena.tensor(DType.F32, 1, 1);
        stream.fill(tensor, 1);
        return tensor;
    }

    /// A decode step has ten operands if it has all that are optional.
    private void bindable() {
        CacheFormat format = CacheFormat.rowMajor(DType.F32, LATENT, ROPE, ROWS_PER_PAGE);
        decode = device.plan(MlaDecode.of(1, HEADS, 1, format, 1, DType.F32).withSink(true));
        tenOperands =
                MlaDecode.Args.of(
                                arena.tensor(DType.F32, 1, HEADS, LATENT + ROPE),
                                CachePool.allocate(arena, format, 1),
                                arena.tensor(DType.I32, 1, 1),
                                arena.tensor(DType.I32, 1),
                                arena.tensor(DType.F32, 1, HEADS, LATENT))
                        .withSchedule(arena.tensor(DType.I32, 2))
                        .withSink(arena.tensor(DType.F32, HEADS))
                        .withLogSumExp(arena.tensor(DType.F32, 1, HEADS))
                        .withMaxLogit(arena.tensor(DType.F32, HEADS))
                        .withActiveRows(arena.tensor(DType.I32, 1));
        workspace = device.workspace(arena, decode);
    }

    /// Closes the device.
    @TearDown
    public void close() {
        stream.close();
        launches.close();
        step.close();
        arena.close();
        device.close();
    }

    /// {@return a plan from the cache}
    @Benchmark
    public Plan<Axpby.Args> planCached() {
        return device.plan(oneElement);
    }

    /// {@return a launch with ten operands, checked}
    @Benchmark
    public Launch bindTenOperands() {
        return decode.bind(launches, tenOperands, workspace);
    }

    /// Submits the addition of one element; a CPU stream runs it before it returns.
    @Benchmark
    public void submitOneElement() {
        stream.submit(one);
    }

    /// Replays a graph of ten such additions.
    @Benchmark
    public void replayTenLaunches() {
        stream.replay(graph);
    }

    /// {@return the last of three tensors in an arena that was reset}
    @Benchmark
    public Tensor arenaReset() {
        step.reset();
        step.tensor(DType.F32, 16);
        step.tensor(DType.BF16, 16);
        return step.tensor(DType.I32, 16);
    }
}
