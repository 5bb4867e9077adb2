package dev.halcyon.bench.peers;

import dev.halcyon.bench.problem.MoeProblem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.memory.DType;

import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/// A mixture-of-experts layer as a loop over the experts that were chosen, in BF16: gather, product
/// with gate and up projections in one, SwiGLU, product, weighted sum. The router is F32, so that
/// it chooses as the device does.
final class TorchMoe implements TorchPeer.Operation {
    private static final int GATE = 0;
    private static final int UP = 1;
    private static final int DOWN = 2;

    private final MoeProblem problem;
    private final Tensor x;
    private final Tensor router;
    private final List<Tensor> biases = new ArrayList<>();
    private final List<List<Expert>> layers = new ArrayList<>();

    /// One expert: `[2 * expertDim, hidden]`, `[hidden, expertDim]`.
    private record Expert(Tensor gateUp, Tensor down) {}

    TorchMoe(MoeProblem problem, int copies) {
        this.problem = problem;
        x =
                Torch.random(
                        DType.BF16,
                        Seeds.INPUT,
                        MoeProblem.INPUT_EXPONENT,
                        problem.tokens(),
                        problem.hidden());
        router =
                Torch.to(
                        Torch.random(
                                DType.BF16,
                                Seeds.ROUTER,
                                MoeProblem.ROUTER_EXPONENT,
                                problem.experts(),
                                problem.hidden()),
                        DType.F32);
        for (int turn = 0; turn < problem.biases(); turn++) {
            biases.add(Torch.of(problem.bias(turn)));
        }
        for (int layer = 0; layer < copies; layer++) {
            List<Expert> experts = new ArrayList<>();
            for (int expert = 0; expert < problem.experts(); expert++) {
                experts.add(expert((long) layer * problem.experts() + expert));
            }
            layers.add(experts);
        }
    }

    private Expert expert(long number) {
        try (Tensor gate = random(number, GATE, problem.expertDim(), problem.hidden());
                Tensor up = random(number, UP, problem.expertDim(), problem.hidden())) {
            return new Expert(
                    torch.cat(new TensorVector(gate, up), 0),
                    random(number, DOWN, problem.hidden(), problem.expertDim()));
        }
    }

    private static Tensor random(long expert, int matrix, long rows, long columns) {
        return Torch.random(
                DType.BF16,
                Seeds.expert(expert, matrix),
                MoeProblem.WEIGHT_EXPONENT,
                rows,
                columns);
    }

    @Override
    public Tensor run(int turn) {
        Tensor scores = torch.sigmoid(torch.mm(Torch.to(x, DType.F32), router.t()));
        T_TensorTensor_T best =
                torch.topk(
                        scores.add(biases.get(turn % biases.size())),
                        problem.topK(),
                        1,
                        true,
                        true);
        Tensor chosen = best.get1();
        Tensor weights = scores.gather(1, chosen);
        weights =
                weights.div(weights.sum(new long[] {1}, true, new ScalarTypeOptional()))
                        .mul_(new Scalar(MoeProblem.SCALE));
        List<Expert> experts = layers.get(turn / biases.size() % layers.size());
        Tensor sum = Torch.zeros(DType.F32, problem.tokens(), problem.hidden());
        Routing routing = Routing.of(chosen, weights, problem);
        for (int expert = 0; expert < experts.size(); expert++) {
            if (!routing.tokens.get(expert).isEmpty()) {
                add(sum, experts.get(expert), routing, expert);
            }
        }
        return Torch.to(sum, DType.BF16);
    }

    private void add(Tensor sum, Expert expert, Routing routing, int number) {
        Tensor rows = routing.index(number);
        Tensor inner = torch.mm(x.index_select(0, rows), expert.gateUp.t());
        Tensor gate = inner.narrow(1, 0, problem.expertDim());
        Tensor up = inner.narrow(1, problem.expertDim(), problem.expertDim());
        Tensor out = torch.mm(torch.silu(gate).mul_(up), expert.down.t());
        sum.index_add_(0, rows, Torch.to(out, DType.F32).mul_(routing.factor(number)));
    }

    /// Tokens of each expert and their weights, in host memory, where all of it is.
    private record Routing(List<List<Integer>> tokens, List<List<Float>> weights) {
        static Routing of(Tensor chosen, Tensor weights, MoeProblem problem) {
            Routing routing = new Routing(new ArrayList<>(), new ArrayList<>());
            for (int expert = 0; expert < problem.experts(); expert++) {
                routing.tokens.add(new ArrayList<>());
                routing.weights.add(new ArrayList<>());
            }
            MemorySegment experts = Torch.memory(new Tensor(chosen.contiguous()));
            MemorySegment factors = Torch.memory(new Tensor(weights.contiguous()));
            for (int i = 0; i < problem.tokens() * problem.topK(); i++) {
                int expert = (int) experts.getAtIndex(ValueLayout.JAVA_LONG, i);
                routing.tokens.get(expert).add(i / problem.topK());
                routing.weights.get(expert).add(factors.getAtIndex(ValueLayout.JAVA_FLOAT, i));
            }
            return routing;
        }

        Tensor index(int expert) {
            List<Integer> rows = tokens.get(expert);
            Tensor index =
                    torch.empty(
                            new long[] {rows.size()},
                            new TensorOptions(torch.ScalarType.Long),
                            new MemoryFormatOptional());
            MemorySegment memory = Torch.memory(index);
            for (int i = 0; i < rows.size(); i++) {
                memory.setAtIndex(ValueLayout.JAVA_LONG, i, rows.get(i));
            }
            return index;
        }

        Tensor factor(int expert) {
            float[] values = new float[weights.get(expert).size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = weights.get(expert).get(i);
            }
            return Torch.of(values).unsqueeze(1);
        }
    }

    @Override
    public double[] sample(long[] positions) {
        return Torch.at(run(0), DType.BF16, positions);
    }

    @Override
    public void close() {
        layers.forEach(
                experts ->
                        experts.forEach(
                                expert -> {
                                    expert.gateUp.close();
                                    expert.down.close();
                                }));
        biases.forEach(Tensor::close);
        router.close();
        x.close();
    }
}
