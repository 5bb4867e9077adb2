package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.kernel.optimizer.AdamWStep;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;

/// One AdamW step: a launch for every tensor of a list.
record AdamWStepKernel(KernelFunctions functions)
        implements Kernel<AdamWStep, AdamWStep.Args, CudaWork> {
    @Override
    public Class<AdamWStep> specType() {
        return AdamWStep.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("adamw_step");
    }

    @Override
    public Decision<AdamWStep.Args, CudaWork> decide(AdamWStep spec, Limits limits) {
        if (ElementTypes.isWide(spec.parameter(), spec.gradient(), spec.moments())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("adamw_step", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private static List<Tensor> tensors(Operand operand) {
        List<Tensor> tensors = new ArrayList<>();
        Operands.forEachTensor(operand, "", (name, tensor) -> tensors.add(tensor));
        return tensors;
    }

    private CudaWork bind(AdamWStep spec, AdamWStep.Args args) {
        List<Tensor> parameters = tensors(args.parameter());
        List<Tensor> gradients = tensors(args.gradient());
        List<Tensor> first = tensors(args.firstMoment());
        List<Tensor> second = tensors(args.secondMoment());
        KernelLaunch[] launches = new KernelLaunch[parameters.size()];
        for (int i = 0; i < launches.length; i++) {
            long elements = parameters.get(i).elements();
            launches[i] =
                    Params.of()
                            .address(parameters.get(i))
                            .address(gradients.get(i))
                            .address(first.get(i))
                            .address(second.get(i))
                            .address(args.hyper())
                            .address(args.step())
                            .faults()
                            .integer(ElementTypes.code(spec.parameter()))
                            .integer(ElementTypes.code(spec.gradient()))
                            .integer(ElementTypes.code(spec.moments()))
                            .integer(elements)
                            .integer(spec.form() == AdamWStep.Form.TORCH ? 1 : 0)
                            .integer(args.hyper().stride(0))
                            .integer(i == 0 ? 1 : 0)
                            .real(spec.beta1())
                            .real(spec.beta2())
                            .real(spec.epsilon())
                            .launch(
                                    functions,
                                    "adamw_step",
                                    StridedTransfers.blocks(elements),
                                    1,
                                    Rows.BLOCK);
        }
        return CudaWork.of(launches);
    }
}
