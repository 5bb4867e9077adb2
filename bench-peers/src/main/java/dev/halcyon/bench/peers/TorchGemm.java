package dev.halcyon.bench.peers;

import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.memory.DType;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

import java.util.ArrayList;
import java.util.List;

/// `torch.mm`, into a result that is there already; of a linear layer, with the weight's transpose.
final class TorchGemm implements TorchPeer.Operation {
    private final DType dtype;
    private final Tensor a;
    private final Tensor result;
    private final List<Tensor> stored = new ArrayList<>();
    private final List<Tensor> rights = new ArrayList<>();

    TorchGemm(GemmProblem problem, int copies) {
        dtype = problem.dtype();
        a = Torch.random(dtype, Seeds.INPUT, GemmProblem.LEFT_EXPONENT, problem.m(), problem.k());
        result = Torch.empty(dtype, problem.m(), problem.n());
        for (int copy = 0; copy < copies; copy++) {
            long seed = Seeds.WEIGHT + copy;
            Tensor right =
                    problem.linear()
                            ? Torch.random(
                                    dtype,
                                    seed,
                                    GemmProblem.RIGHT_EXPONENT,
                                    problem.n(),
                                    problem.k())
                            : Torch.random(
                                    dtype,
                                    seed,
                                    GemmProblem.RIGHT_EXPONENT,
                                    problem.k(),
                                    problem.n());
            stored.add(right);
            rights.add(problem.linear() ? right.t() : right);
        }
    }

    @Override
    public Tensor run(int turn) {
        return torch.mm_out(result, a, rights.get(turn % rights.size()));
    }

    @Override
    public double[] sample(long[] positions) {
        run(0);
        return Torch.at(result, dtype, positions);
    }

    @Override
    public void close() {
        rights.forEach(Tensor::close);
        stored.forEach(Tensor::close);
        result.close();
        a.close();
    }
}
