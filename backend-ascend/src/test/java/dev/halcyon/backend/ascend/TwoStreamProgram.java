package dev.halcyon.backend.ascend;

import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.elementwise.Cast;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.WeightFormat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// A program on two streams that need each other at every step: one decodes and routes through
/// experts, the other trains the router on what was decoded.
///
/// | | decoding | training |
/// |---|---|---|
/// | 1 | MLA decode writes `attention` | |
/// | 2 | | waits; Muon moves the parameter by `attention`; casts it into `router` |
/// | 3 | waits; the expert layer reads `router` | |
///
/// The wait of the next step also keeps training from writing `router` under the expert layer.
///
/// @param omitted which of the waits, counted from 0, is left out; -1 for none
record TwoStreamProgram(int omitted) {
    /// Steps.
    private static final int STEPS = 2;

    /// Waits of the whole program.
    static final int WAITS = 2 * STEPS;

    private static final int BATCH = 2;
    private static final int HEADS = 4;
    private static final int LATENT = 32;
    private static final int ROPE = 16;
    private static final int EXPERTS = 4;
    private static final int TOP_K = 2;
    private static final int HIDDEN = 64;
    private static final int INNER = 32;
    private static final int PAGES = 4;

    /// Counts waits and leaves one out.
    private static final class Waits {
        private final int omitted;
        private int next;

        Waits(int omitted) {
            this.omitted = omitted;
        }

        void let(Stream later, Stream earlier) {
            if (next++ != omitted) {
                later.waitFor(earlier.mark());
            }
        }
    }

    /// {@return what the program computes, as one row of numbers}
    float[] run(Device device) {
        Random random = new Random(7);
        CacheFormat format =
                CacheFormat.rowMajor(DType.BF16, LATENT, ROPE, CacheFormat.DEFAULT_ROWS_PER_PAGE);
        MlaDecode decode =
                MlaDecode.of(BATCH, HEADS, 0.2, format, PAGES / BATCH, DType.BF16)
                        .withTypes(DType.BF16, DType.F32, DType.F32);
        MoeGate gate = MoeGate.of(BATCH, HIDDEN, EXPERTS, TOP_K, MoeGate.Score.SIGMOID, DType.BF16);
        WeightFormat weights = WeightFormat.rowMajor(DType.BF16);
        MoeLayer layer = MoeLayer.of(gate, INNER, weights);
        MuonStep muon = MuonStep.moonlight(EXPERTS, HIDDEN);
        Waits waits = new Waits(omitted);
        try (DeviceArena arena = device.arena("program");
                Stream decoding = device.stream("decoding");
                Stream training = device.stream("training")) {
            CachePool cache = CachePool.allocate(arena, format, PAGES);
            write(decoding, cache.rows(), random);
            Tensor table = arena.tensor(DType.I32, BATCH, PAGES / BATCH);
            decoding.write(table, 3, 0, 1, 2);
            Tensor lengths = arena.tensor(DType.I32, BATCH);
            decoding.write(lengths, 70, 33);
            Tensor query = arena.tensor(DType.BF16, BATCH, HEADS, LATENT + ROPE);
            write(decoding, query, random);
            Tensor attention = arena.tensor(DType.F32, BATCH, HEADS, LATENT);
            Tensor x = arena.tensor(DType.BF16, BATCH, HIDDEN);
            write(decoding, x, random);
            Tensor up = experts(arena, decoding, random, INNER, HIDDEN);
            Tensor gates = experts(arena, decoding, random, INNER, HIDDEN);
            Tensor down = experts(arena, decoding, random, HIDDEN, INNER);
            Tensor parameter = arena.tensor(DType.F32, EXPERTS, HIDDEN);
            write(training, parameter, random);
            Tensor momentum = arena.tensor(DType.F32, EXPERTS, HIDDEN);
            training.fill(momentum, 0);
            Tensor hyper = arena.tensor(DType.F32, 2);
            training.write(hyper, 0.1f, 0.01f);
            Tensor router = arena.tensor(DType.BF16, EXPERTS, HIDDEN);
            List<Tensor> outputs = new ArrayList<>();
            decoding.synchronize();
            training.synchronize();
            for (int step = 0; step < STEPS; step++) {
                Tensor out = arena.tensor(DType.BF16, BATCH, HIDDEN);
                outputs.add(out);
                decoding.run(decode, MlaDecode.Args.of(query, cache, table, lengths, attention));
                waits.let(training, decoding);
                training.run(
                        muon,
                        MuonStep.Args.of(
                                parameter, attention.reshape(EXPERTS, HIDDEN), momentum, hyper));
                training.run(
                        Cast.of(EXPERTS, HIDDEN, DType.F32, DType.BF16),
                        Cast.Args.of(parameter, router));
                waits.let(decoding, training);
                decoding.run(layer, MoeLayer.Args.of(x, router, gates, up, down, out));
            }
            decoding.synchronize();
            training.synchronize();
            return concatenate(decoding, outputs, parameter);
        }
    }

    private static float[] concatenate(Stream stream, List<Tensor> outputs, Tensor parameter) {
        List<float[]> parts = new ArrayList<>();
        outputs.forEach(out -> parts.add(stream.readFloats(out)));
        parts.add(stream.readFloats(parameter));
        float[] all = new float[parts.stream().mapToInt(part -> part.length).sum()];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    private static Tensor experts(
            DeviceArena arena, Stream stream, Random random, int rows, int columns) {
        Tensor weights = arena.tensor(DType.BF16, EXPERTS, rows, columns);
        write(stream, weights, random);
        return weights;
    }

    private static void write(Stream stream, Tensor tensor, Random random) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian() / 4;
        }
        stream.write(tensor, values);
    }
}
