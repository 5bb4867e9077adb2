package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.optimizer.MuonUpdate;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;

/// The step along an orthogonalised direction: one launch for all matrices.
record MuonUpdateKernel(KernelFunctions functions)
        implements Kernel<MuonUpdate, MuonUpdate.Args, CudaWork> {

    @Override
    public Class<MuonUpdate> specType() {
        return MuonUpdate.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("muon_update");
    }

    @Override
    public Decision<MuonUpdate.Args, CudaWork> decide(MuonUpdate spec, Limits limits) {
        if (ElementTypes.isWide(spec.parameter(), spec.direction())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("muon_update", ""),
                ElementTypes.rowNumerics(),
                AddressTable.bytes(2L * spec.matrices()),
                (args, workspace) -> bind(spec, args, workspace));
    }

    private CudaWork bind(MuonUpdate spec, MuonUpdate.Args args, Tensor workspace) {
        AddressTable tables = new AddressTable(functions, workspace.address());
        Params params = Params.of();
        Slices.ofValues(args.parameter(), spec.matrices(), tables).addTo(params);
        Slices.ofValues(args.direction(), spec.matrices(), tables).addTo(params);
        long elements = (long) spec.rows() * spec.columns();
        params.address(args.hyper())
                .integer(ElementTypes.code(spec.parameter()))
                .integer(ElementTypes.code(spec.direction()))
                .integer(spec.matrices())
                .integer(elements)
                .stride(args.hyper(), 0)
                .real(spec.scale());
        List<KernelLaunch> launches = new ArrayList<>(tables.launches());
        launches.add(
                params.launch(
                        functions,
                        "muon_update",
                        StridedTransfers.blocks(spec.matrices() * elements),
                        1,
                        Rows.BLOCK));
        return CudaWork.of(launches.toArray(KernelLaunch[]::new));
    }
}
