package dev.halcyon.bench.peers;

import dev.halcyon.bench.peer.Peer;
import dev.halcyon.bench.problem.DecodeProblem;
import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.problem.MoeProblem;
import dev.halcyon.bench.problem.MuonProblem;
import dev.halcyon.bench.problem.PrefillProblem;
import dev.halcyon.bench.problem.Problem;
import dev.halcyon.hal.memory.DType;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// libtorch: BF16 products go to oneDNN inside it, F32 ones to the BLAS that it was started with.
final class TorchPeer implements Peer {
    private final boolean fusedAttention;

    /// Autograd is off as long as this lives.
    @SuppressWarnings("unused")
    private final AutoGradMode inference;

    /// @param fusedAttention whether prefill is one call of `scaled_dot_product_attention`
    TorchPeer(int threads, boolean fusedAttention) {
        this.fusedAttention = fusedAttention;
        torch.set_num_threads(threads);
        this.inference = new AutoGradMode(false);
    }

    @Override
    public String version() {
        return Versions.of("org.bytedeco", "pytorch");
    }

    @Override
    public Prepared prepare(Problem problem, int copies) {
        Operation operation =
                switch (problem) {
                    case GemmProblem gemm -> new TorchGemm(gemm, copies);
                    case MoeProblem moe when moe.dtype() == DType.BF16 -> new TorchMoe(moe, copies);
                    case MoeProblem _ ->
                            throw new DeclinedException(
                                    "libtorch has no products of block-scaled weights");
                    case DecodeProblem decode -> new TorchDecode(decode, copies);
                    case PrefillProblem prefill -> new TorchPrefill(prefill, fusedAttention);
                    case MuonProblem muon -> new TorchMuon(muon);
                };
        return new Scoped(operation);
    }

    /// Something libtorch does.
    interface Operation extends AutoCloseable {
        /// Runs once; tensors that it makes and does not keep are released afterwards.
        Tensor run(int turn);

        /// {@return elements of what copy 0 gives}
        double[] sample(long[] positions);

        /// Releases the operands.
        @Override
        void close();
    }

    private record Scoped(Operation operation) implements Prepared {
        @Override
        public void run(int turn) {
            try (PointerScope _ = new PointerScope()) {
                operation.run(turn);
            }
        }

        @Override
        public double[] sample(long[] positions) {
            try (PointerScope _ = new PointerScope()) {
                return operation.sample(positions);
            }
        }

        @Override
        public void close() {
            operation.close();
        }
    }
}
