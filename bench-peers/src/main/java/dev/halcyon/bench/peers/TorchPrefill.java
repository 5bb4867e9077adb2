package dev.halcyon.bench.peers;

import dev.halcyon.bench.problem.PrefillProblem;
import dev.halcyon.bench.problem.Seeds;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

import java.util.Arrays;

/// Causal attention over whole keys, which are put together beforehand: one fused call, or batched
/// product, mask, softmax, batched product.
final class TorchPrefill implements TorchPeer.Operation {
    private final PrefillProblem problem;
    private final boolean fused;
    private final Tensor query;
    private final Tensor key;
    private final Tensor value;
    private final Tensor mask;

    TorchPrefill(PrefillProblem problem, boolean fused) {
        this.problem = problem;
        this.fused = fused;
        long tokens = problem.tokens();
        long heads = problem.heads();
        query = byHead(random(Seeds.QUERY, tokens, heads, problem.nope() + (long) problem.rope()));
        Tensor rope =
                random(Seeds.ROPE_KEY, tokens, 1, problem.rope())
                        .expand(tokens, heads, problem.rope());
        Tensor nope = random(Seeds.KEY, tokens, heads, problem.nope());
        key = byHead(torch.cat(new TensorVector(nope, rope), 2));
        value = byHead(random(Seeds.VALUE, tokens, heads, problem.value()));
        mask = causalMask();
    }

    private Tensor random(long seed, long... dims) {
        return Torch.random(problem.dtype(), seed, PrefillProblem.EXPONENT, dims);
    }

    /// {@return `[1, heads, tokens, values]`, dense}
    private static Tensor byHead(Tensor rows) {
        return new Tensor(rows.transpose(0, 1).contiguous()).unsqueeze(0);
    }

    /// {@return 0 where a query sees a key, minus infinity where it does not}
    private Tensor causalMask() {
        int tokens = problem.tokens();
        float[] visible = new float[tokens * tokens];
        for (int q = 0; q < tokens; q++) {
            Arrays.fill(visible, q * tokens + q + 1, (q + 1) * tokens, Float.NEGATIVE_INFINITY);
        }
        return Torch.to(Torch.of(visible).view(tokens, tokens), problem.dtype());
    }

    @Override
    public Tensor run(int turn) {
        if (fused) {
            return torch.scaled_dot_product_attention(
                    query,
                    key,
                    value,
                    new TensorOptional(),
                    0,
                    true,
                    new DoubleOptional(problem.scale()),
                    false);
        }
        Tensor q = query.squeeze(0);
        Tensor k = key.squeeze(0);
        Tensor scores =
                torch.baddbmm(
                        mask, q, k.transpose(1, 2), new Scalar(1.0), new Scalar(problem.scale()));
        return torch.bmm(torch.softmax(scores, 2), value.squeeze(0)).unsqueeze(0);
    }

    @Override
    public double[] sample(long[] positions) {
        Tensor byToken = run(0).squeeze(0).transpose(0, 1);
        return Torch.at(byToken, problem.dtype(), positions);
    }

    @Override
    public void close() {
        query.close();
        key.close();
        value.close();
        mask.close();
    }
}
