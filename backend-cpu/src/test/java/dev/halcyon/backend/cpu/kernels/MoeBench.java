package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Plan;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.moe.MoeGate;
import dev.halcyon.hal.kernel.moe.MoeLayer;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;

/// Times one MoE layer of 64 experts, for a person to read: `panel|rows|fp8|int4|fp4 threads
/// seconds tokens…`.
///
/// A single token is steered through blocks of experts, so that weights come from memory.
final class MoeBench {
    private static final int HIDDEN = 2048;
    private static final int WIDTH = 1408;
    private static final int EXPERTS = 64;
    private static final int TOP_K = 6;

    private MoeBench() {}

    public static void main(String[] args) {
        String kind = args[0];
        int threads = Integer.parseInt(args[1]);
        double seconds = Double.parseDouble(args[2]);
        try (MatrixBench bench = MatrixBench.open(threads)) {
            WeightFormat stored =
                    switch (kind) {
                        case "fp8" -> WeightFormat.rowMajor(QuantizationScheme.FP8_BLOCK_128);
                        case "int4" -> WeightFormat.rowMajor(QuantizationScheme.INT4_GROUP_32);
                        case "fp4" -> WeightFormat.rowMajor(QuantizationScheme.FP4_GROUP_32);
                        default -> WeightFormat.rowMajor(DType.BF16);
                    };
            Shape inner = Shape.of(WIDTH, HIDDEN);
            Shape last = Shape.of(HIDDEN, WIDTH);
            boolean packs = kind.equals("panel");
            WeightFormat wide = packs ? bench.device().preferred(inner, stored) : stored;
            WeightFormat narrow = packs ? bench.device().preferred(last, stored) : stored;
            List<Operand> gate = new ArrayList<>();
            List<Operand> up = new ArrayList<>();
            List<Operand> down = new ArrayList<>();
            for (int e = 0; e < EXPERTS; e++) {
                gate.add(weight(bench, inner, wide));
                up.add(weight(bench, inner, wide));
                down.add(weight(bench, last, narrow));
            }
            for (int a = 3; a < args.length; a++) {
                run(
                        bench,
                        Integer.parseInt(args[a]),
                        seconds,
                        wide.listed(),
                        narrow.listed(),
                        new TensorList(gate),
                        new TensorList(up),
                        new TensorList(down));
            }
        }
    }

    private static Operand weight(MatrixBench bench, Shape shape, WeightFormat format) {
        if (!format.isRowMajor()) {
            var packed = bench.device().allocatePacked(bench.arena(), shape, format);
            fill(packed.storage().segment(), true);
            return packed;
        }
        if (format.scheme().isEmpty()) {
            Tensor plain = bench.arena().tensor(format.dtype(), shape);
            fill(plain.segment(), true);
            return plain;
        }
        QuantizationScheme scheme = format.scheme().get();
        Tensor values = bench.arena().tensor(scheme.values(), shape);
        fill(values.segment(), false);
        Tensor scales = bench.arena().tensor(scheme.scales(), scheme.scaleShape(shape));
        bench.fill(scales, 0x1p-7);
        return new QuantizedTensor(values, scales, scheme);
    }

    private static final byte[] NOISE = new byte[4 << 20];
    private static final byte[] CODES = new byte[4 << 20];

    static {
        SplittableRandom random = new SplittableRandom(1);
        random.nextBytes(CODES);
        for (int i = 0; i < NOISE.length; i += 2) {
            NOISE[i] = CODES[i];
            NOISE[i + 1] = (byte) (CODES[i + 1] & 0x80 | 0x3c);
        }
        for (int i = 0; i < CODES.length; i++) {
            if ((CODES[i] & 0x7f) == 0x7f) {
                CODES[i] = 1;
            }
        }
    }

    private static void fill(MemorySegment memory, boolean bf16) {
        byte[] from = bf16 ? NOISE : CODES;
        for (long at = 0; at < memory.byteSize(); at += from.length) {
            MemorySegment.copy(
                    from,
                    0,
                    memory,
                    ValueLayout.JAVA_BYTE,
                    at,
                    (int) Math.min(from.length, memory.byteSize() - at));
        }
    }

    private static void run(
            MatrixBench bench,
            int tokens,
            double seconds,
            WeightFormat wide,
            WeightFormat narrow,
            TensorList gate,
            TensorList up,
            TensorList down) {
        MoeGate router =
                MoeGate.of(tokens, HIDDEN, EXPERTS, TOP_K, MoeGate.Score.SIGMOID, DType.BF16)
                        .withBias(true)
                        .withScale(2.446);
        MoeLayer spec = MoeLayer.of(router, WIDTH, wide).withFormats(wide, narrow);
        Plan<MoeLayer.Args> plan = bench.device().plan(spec);
        Tensor x = bench.random(DType.BF16, tokens, HIDDEN);
        Tensor routerWeight = bench.arena().tensor(DType.BF16, EXPERTS, HIDDEN);
        Random noise = new Random(3);
        for (long i = 0; i < routerWeight.elements(); i++) {
            routerWeight
                    .segment()
                    .setAtIndex(
                            ValueLayout.JAVA_SHORT,
                            i,
                            (short)
                                    (Float.floatToIntBits((float) noise.nextGaussian() / 64)
                                            >> 16));
        }
        Tensor out = bench.arena().tensor(DType.BF16, tokens, HIDDEN);
        Tensor chosen = bench.arena().tensor(DType.I32, tokens, TOP_K);
        Tensor factors = bench.arena().tensor(DType.F32, tokens, TOP_K);
        var workspace = bench.device().workspace(bench.arena(), plan);
        List<Launch> launches = new ArrayList<>();
        try (Stream stream = bench.device().stream("bench")) {
            for (int turn = 0; turn < (tokens == 1 ? EXPERTS / TOP_K : 1); turn++) {
                Tensor bias = bench.arena().tensor(DType.F32, EXPERTS);
                float[] values = new float[EXPERTS];
                if (tokens == 1) {
                    Arrays.fill(values, turn * TOP_K, (turn + 1) * TOP_K, 4f);
                }
                stream.write(bias, values);
                launches.add(
                        plan.bind(
                                bench.arena(),
                                MoeLayer.Args.of(x, routerWeight, gate, up, down, out)
                                        .withGateBias(bias)
                                        .withRouting(chosen, factors),
                                workspace));
            }
            List<Double> times = new ArrayList<>();
            long end = System.nanoTime() + (long) (seconds * 1e9);
            for (int i = 0; System.nanoTime() < end; i++) {
                long start = System.nanoTime();
                stream.submit(launches.get(i % launches.size()));
                stream.synchronize();
                times.add((System.nanoTime() - start) / 1e9);
            }
            int distinct = (int) Arrays.stream(stream.readInts(chosen)).distinct().count();
            List<Double> late = times.subList(times.size() / 2, times.size());
            double[] sorted = late.stream().mapToDouble(t -> t).sorted().toArray();
            double median = sorted[sorted.length / 2];
            double bytes =
                    distinct
                            * (2.0 * wide.bytes(Shape.of(WIDTH, HIDDEN))
                                    + narrow.bytes(Shape.of(HIDDEN, WIDTH)));
            double flops = 6.0 * tokens * TOP_K * HIDDEN * WIDTH;
            System.out.printf(
                    "%s %d tokens: %.3f ms (best %.3f, %d runs), %d experts, %.1f GB/s, %.0f"
                            + " GFLOP/s%n",
                    plan.support().implementation(),
                    tokens,
                    median * 1e3,
                    sorted[0] * 1e3,
                    times.size(),
                    distinct,
                    bytes / median / 1e9,
                    flops / median / 1e9);
        }
    }
}
