package dev.halcyon.bench.run;

import dev.halcyon.bench.data.RandomBits;
import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.PackedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.tck.oracle.FeedForward;

import java.util.ArrayList;
import java.util.List;

/// The random experts of one layer in the format the device likes best, and their plain values
/// again from the seed.
///
/// @param gate gate projections, one an expert
/// @param up up projections
/// @param down down projections
/// @param hidden width of the residual stream
/// @param expertDim width inside an expert
/// @param layer which layer, part of the seeds
record ExpertStore(
        TensorList gate, TensorList up, TensorList down, int hidden, int expertDim, int layer) {
    /// Magnitudes of 2^-6 to 2^-5 keep the hidden values of a 7,168-wide product near one.
    private static final int EXPONENT = -6;

    private static final int MATRICES = 3;

    static ExpertStore make(
            Device device,
            DeviceArena arena,
            Stream stream,
            int hidden,
            int expertDim,
            int experts,
            int layer) {
        List<Tensor> scratch = new ArrayList<>();
        for (int matrix = 0; matrix < MATRICES; matrix++) {
            boolean isDown = matrix == MATRICES - 1;
            scratch.add(
                    arena.tensor(
                            DType.BF16, isDown ? hidden : expertDim, isDown ? expertDim : hidden));
        }
        List<List<Operand>> stored =
                List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        for (int expert = 0; expert < experts; expert++) {
            for (int matrix = 0; matrix < MATRICES; matrix++) {
                long seed = seed(layer, expert, matrix);
                stored.get(matrix).add(store(device, arena, stream, scratch.get(matrix), seed));
            }
        }
        return new ExpertStore(
                new TensorList(stored.get(0)),
                new TensorList(stored.get(1)),
                new TensorList(stored.get(2)),
                hidden,
                expertDim,
                layer);
    }

    private static Operand store(
            Device device, DeviceArena arena, Stream stream, Tensor scratch, long seed) {
        WeightFormat plain = WeightFormat.rowMajor(DType.BF16);
        Shape shape = scratch.shape();
        WeightFormat preferred = device.preferred(shape, plain);
        if (preferred.equals(plain)) {
            Tensor tensor = arena.tensor(DType.BF16, shape);
            RandomBits.fill(stream, tensor, seed, EXPONENT);
            return tensor;
        }
        RandomBits.fill(stream, scratch, seed, EXPONENT);
        PackedTensor packed = device.allocatePacked(arena, shape, preferred);
        int rows = Math.toIntExact(shape.dim(0));
        int columns = Math.toIntExact(shape.dim(1));
        stream.run(
                PackWeight.matrix(rows, columns, plain, preferred),
                PackWeight.Args.of(scratch, packed));
        return packed;
    }

    WeightFormat gateUpFormat() {
        return gate.format();
    }

    WeightFormat downFormat() {
        return down.format();
    }

    /// {@return an expert's plain weights in host memory, made again from its seed}
    FeedForward logical(int expert) {
        return new FeedForward(
                plain(expert, 0, expertDim, hidden),
                plain(expert, 1, expertDim, hidden),
                plain(expert, 2, hidden, expertDim));
    }

    private TensorRows plain(int expert, int matrix, int rows, int columns) {
        return TensorRows.random(DType.BF16, rows, columns, seed(layer, expert, matrix), EXPONENT);
    }

    private static long seed(int layer, int expert, int matrix) {
        return (layer * 1_000L + expert) * MATRICES + matrix + 1;
    }
}
