package dev.halcyon.bench.peers;

import dev.halcyon.bench.problem.DecodeProblem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.memory.DType;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// Absorbed attention as product, softmax, product, in BF16: faster there than the fused form,
/// which takes heads for queries.
final class TorchDecode implements TorchPeer.Operation {
    private final DecodeProblem problem;
    private final int copies;
    private final Tensor cache;
    private final Tensor query;

    TorchDecode(DecodeProblem problem, int copies) {
        this.problem = problem;
        this.copies = copies;
        cache =
                Torch.random(
                        DType.BF16,
                        Seeds.CACHE,
                        DecodeProblem.CACHE_EXPONENT,
                        (long) copies * problem.length(),
                        problem.rowDim());
        Tensor plain =
                Torch.random(
                        DType.BF16,
                        Seeds.QUERY,
                        DecodeProblem.QUERY_EXPONENT,
                        problem.heads(),
                        problem.rowDim());
        // The scale may as well be in the query.
        query = Torch.to(Torch.to(plain, DType.F32).mul_(new Scalar(problem.scale())), DType.BF16);
    }

    @Override
    public Tensor run(int turn) {
        Tensor rows = cache.narrow(0, (long) (turn % copies) * problem.length(), problem.length());
        Tensor scores = torch.mm(query, rows.t());
        Tensor weights = torch.softmax(scores, 1);
        return torch.mm(weights, rows.narrow(1, 0, problem.latent()));
    }

    @Override
    public double[] sample(long[] positions) {
        return Torch.at(run(0), DType.BF16, positions);
    }

    @Override
    public void close() {
        cache.close();
        query.close();
    }
}
