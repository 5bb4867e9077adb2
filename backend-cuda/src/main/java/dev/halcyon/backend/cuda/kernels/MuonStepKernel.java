package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.optimizer.MuonStep;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// A Muon step in one piece: momentum on the way into the iteration, the update on the way out.
record MuonStepKernel(KernelFunctions functions)
        implements Kernel<MuonStep, MuonStep.Args, CudaWork> {

    @Override
    public Class<MuonStep> specType() {
        return MuonStep.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("muon_step.fma", "muon_step.mma");
    }

    @Override
    public Decision<MuonStep.Args, CudaWork> decide(MuonStep spec, Limits limits) {

        NewtonSchulz newtonSchulz = spec.newtonSchulz();
        if (ElementTypes.isWide(
                newtonSchulz.in(),
                newtonSchulz.compute(),
                newtonSchulz.out(),
                spec.parameter(),
                spec.gradient(),
                spec.buffer())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("muon_step." + NewtonSchulzKernel.units(newtonSchulz), ""),
                ElementTypes.rowNumerics(),
                NewtonSchulzMemory.of(newtonSchulz).bytes(),
                (args, workspace) -> bind(spec, args, workspace));
    }

    private CudaWork bind(MuonStep spec, MuonStep.Args args, Tensor workspace) {
        NewtonSchulz newtonSchulz = spec.newtonSchulz();
        int matrices = newtonSchulz.matrices();
        AddressTable tables = new AddressTable(functions, workspace.address());
        NewtonSchulzLaunches.Ends ends =
                new NewtonSchulzLaunches.Ends(
                        Slices.ofValues(args.gradient(), matrices, tables),
                        Slices.ofValues(args.momentum(), matrices, tables),
                        Slices.ofValues(args.parameter(), matrices, tables),
                        spec,
                        args.hyper());
        return CudaWork.of(
                tables,
                NewtonSchulzLaunches.of(functions, newtonSchulz, ends, workspace)
                        .toArray(KernelLaunch[]::new));
    }
}
