package dev.halcyon.bench.peers;

import dev.halcyon.bench.problem.MuonProblem;
import dev.halcyon.bench.problem.Seeds;
import dev.halcyon.hal.kernel.optimizer.Coefficients;
import dev.halcyon.hal.memory.DType;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

import java.util.ArrayList;
import java.util.List;

/// A Muon step in the words of Keller Jordan's muon.py: momentum in F32, five iterations in BF16,
/// matrix by matrix.
final class TorchMuon implements TorchPeer.Operation {
    private final MuonProblem problem;
    private final List<Tensor> parameters = new ArrayList<>();
    private final List<Tensor> momenta = new ArrayList<>();
    private final List<Tensor> gradients = new ArrayList<>();

    TorchMuon(MuonProblem problem) {
        this.problem = problem;
        for (int matrix = 0; matrix < problem.matrices(); matrix++) {
            parameters.add(Torch.zeros(DType.F32, problem.rows(), problem.columns()));
            momenta.add(Torch.zeros(DType.F32, problem.rows(), problem.columns()));
            gradients.add(
                    Torch.random(
                            DType.BF16,
                            Seeds.GRADIENT + matrix,
                            MuonProblem.GRADIENT_EXPONENT,
                            problem.rows(),
                            problem.columns()));
        }
    }

    @Override
    public Tensor run(int turn) {
        for (int matrix = 0; matrix < problem.matrices(); matrix++) {
            step(parameters.get(matrix), momenta.get(matrix), gradients.get(matrix));
        }
        return parameters.getFirst();
    }

    private void step(Tensor parameter, Tensor momentum, Tensor gradient) {
        Tensor wide = Torch.to(gradient, DType.F32);
        momentum.mul_(new Scalar(MuonProblem.BETA)).add_(wide);
        Tensor direction = wide.add_(momentum, new Scalar(MuonProblem.BETA));
        Tensor x = Torch.to(direction, DType.BF16);
        x.div_(x.norm().add_(new Scalar(MuonProblem.EPSILON)));
        for (Coefficients step : Coefficients.KELLER_JORDAN) {
            Tensor a = torch.mm(x, x.t());
            Tensor b = torch.addmm(a, a, a, new Scalar(step.b()), new Scalar(step.c()));
            x = torch.addmm(x, b, x, new Scalar(step.a()), new Scalar(1.0));
        }
        parameter.mul_(new Scalar(1 - (double) MuonProblem.RATE * MuonProblem.DECAY));
        parameter.add_(
                Torch.to(x, DType.F32), new Scalar(-MuonProblem.RATE * problem.updateScale()));
    }

    @Override
    public double[] sample(long[] positions) {
        parameters.forEach(parameter -> Torch.memory(parameter).fill((byte) 0));
        momenta.forEach(momentum -> Torch.memory(momentum).fill((byte) 0));
        run(0);
        double factor = -MuonProblem.RATE * problem.updateScale();
        long size = (long) problem.rows() * problem.columns();
        double[] values = new double[positions.length];
        for (int i = 0; i < values.length; i++) {
            Tensor parameter = parameters.get((int) (positions[i] / size));
            values[i] =
                    Torch.at(parameter, DType.F32, new long[] {positions[i] % size})[0] / factor;
        }
        return values;
    }

    @Override
    public void close() {
        parameters.forEach(Tensor::close);
        momenta.forEach(Tensor::close);
        gradients.forEach(Tensor::close);
    }
}
