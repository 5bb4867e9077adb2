package dev.halcyon.bench.suite;

import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.bench.problem.MoeProblem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.tck.oracle.FeedForward;
import dev.halcyon.tck.oracle.Rows;

import java.util.ArrayList;
import java.util.List;

/// The random experts of several layers, shared by the problems that differ in their tokens alone.
///
/// @param site where they lie
/// @param key what they are the experts of
/// @param layers the projections of each layer
/// @param gateUp format of the first two
/// @param down format of the third
record Experts(Site site, Key key, List<Layer> layers, WeightFormat gateUp, WeightFormat down)
        implements AutoCloseable {
    /// DeepSeek-V3's: blocks of 128 by 128, F32 scales.
    private static final QuantizationScheme SCHEME = QuantizationScheme.FP8_BLOCK_128;

    private static final int GATE = 0;
    private static final int UP = 1;
    private static final int DOWN = 2;

    /// What experts depend on.
    record Key(int hidden, int expertDim, int experts, DType dtype, int layers) {
        static Key of(MoeProblem problem, int layers) {
            return new Key(
                    problem.hidden(),
                    problem.expertDim(),
                    problem.experts(),
                    problem.dtype(),
                    layers);
        }
    }

    /// One layer's projections.
    record Layer(TensorList gate, TensorList up, TensorList down) {}

    static Experts make(Site site, Key key) {
        Weights inner = weights(site, key, key.expertDim, key.hidden);
        Weights last = weights(site, key, key.hidden, key.expertDim);
        List<Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < key.layers; layer++) {
            List<Operand> gate = new ArrayList<>();
            List<Operand> up = new ArrayList<>();
            List<Operand> down = new ArrayList<>();
            for (int expert = 0; expert < key.experts; expert++) {
                long number = (long) layer * key.experts + expert;
                gate.add(make(inner, key, number, GATE));
                up.add(make(inner, key, number, UP));
                down.add(make(last, key, number, DOWN));
            }
            layers.add(new Layer(new TensorList(gate), new TensorList(up), new TensorList(down)));
        }
        return new Experts(
                site, key, List.copyOf(layers), inner.format().listed(), last.format().listed());
    }

    private static Weights weights(Site site, Key key, long rows, long columns) {
        return key.dtype == DType.F8_E4M3
                ? Weights.scaled(site, SCHEME, rows, columns)
                : Weights.plain(site, key.dtype, rows, columns);
    }

    private static Operand make(Weights weights, Key key, long expert, int matrix) {
        return key.dtype == DType.F8_E4M3
                ? weights.makeScaled(
                        Seeds.expert(expert, matrix),
                        Seeds.scales(expert, matrix),
                        MoeProblem.WEIGHT_EXPONENT)
                : weights.make(Seeds.expert(expert, matrix), MoeProblem.WEIGHT_EXPONENT);
    }

    /// {@return one expert of the first layer for the oracle, made again from its seeds}
    FeedForward logical(int expert) {
        return new FeedForward(
                logical(expert, GATE, key.expertDim, key.hidden),
                logical(expert, UP, key.expertDim, key.hidden),
                logical(expert, DOWN, key.hidden, key.expertDim));
    }

    private Rows logical(int expert, int matrix, int rows, int columns) {
        long seed = Seeds.expert(expert, matrix);
        if (key.dtype != DType.F8_E4M3) {
            return HostMatrix.random(key.dtype, rows, columns, seed, MoeProblem.WEIGHT_EXPONENT);
        }
        int blocksAcross = Math.ceilDiv(columns, SCHEME.blockColumns());
        long blocks = (long) Math.ceilDiv(rows, SCHEME.blockRows()) * blocksAcross;
        return new ScaledRows(
                HostMatrix.random(key.dtype, rows, columns, seed, 0),
                Weights.scales(blocks, Seeds.scales(expert, matrix), MoeProblem.WEIGHT_EXPONENT),
                blocksAcross);
    }

    /// A block-scaled matrix as the numbers it stands for.
    @SuppressWarnings("ArrayRecordComponent")
    private record ScaledRows(TensorRows values, float[] scales, int blocksAcross) implements Rows {
        @Override
        public int rows() {
            return values.rows();
        }

        @Override
        public int columns() {
            return values.columns();
        }

        @Override
        public void read(int row, double[] into) {
            values.read(row, into);
            int first = row / SCHEME.blockRows() * blocksAcross;
            for (int c = 0; c < columns(); c++) {
                into[c] *= scales[first + c / SCHEME.blockColumns()];
            }
        }
    }

    @Override
    public void close() {
        site.close();
    }
}
