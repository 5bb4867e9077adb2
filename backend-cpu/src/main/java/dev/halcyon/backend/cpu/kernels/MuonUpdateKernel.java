package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.loops.RowLoops;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.optimizer.Matrices;
import dev.halcyon.hal.kernel.optimizer.MuonUpdate;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The step along an orthogonalised direction, by blocks of elements.
final class MuonUpdateKernel implements Kernel<MuonUpdate, MuonUpdate.Args, HostWork> {
    private static final String NAME = "muon-update";

    private final CpuContext context;

    MuonUpdateKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<MuonUpdate> specType() {
        return MuonUpdate.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<MuonUpdate.Args, HostWork> decide(MuonUpdate spec, Limits limits) {
        if (RowTypes.lacksAny(spec.parameter(), spec.direction())) {
            return RowTypes.refuse(spec, spec.parameter(), spec.direction());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work implements HostWork, WorkerPool.Task {
        private final RowLoops loops;
        private final WorkerPool pool;
        private final MuonRates rates;
        private final Rows[] parameters;
        private final Rows[] directions;
        private final PieceBlocks blocks;

        Work(CpuContext context, MuonUpdate spec, MuonUpdate.Args args) {
            this.loops = context.rows();
            this.pool = context.pool();
            rates = new MuonRates(Rows.flat(args.hyper()), spec.scale());
            parameters = new Rows[spec.matrices()];
            directions = new Rows[spec.matrices()];
            // One operand may be a list and the other one tensor of all matrices, so both are taken
            // matrix by matrix.
            for (int i = 0; i < parameters.length; i++) {
                parameters[i] = Rows.flat(Matrices.get(args.parameter(), i));
                directions[i] = Rows.flat(Matrices.get(args.direction(), i));
            }
            blocks = new PieceBlocks(spec.matrices(), (long) spec.rows() * spec.columns());
        }

        @Override
        public void run(FaultSink faults) {
            rates.read();
            pool.run(blocks.count(), this);
        }

        @Override
        public void run(int task, int worker) {
            Rows parameter = parameters[blocks.piece(task)];
            Rows direction = directions[blocks.piece(task)];
            long end = blocks.end(task);
            Scratch scratch = Scratch.get();
            for (long from = blocks.first(task); from < end; from += Scratch.LENGTH) {
                int n = (int) Math.min(Scratch.LENGTH, end - from);
                parameter.load(loops, 0, from, scratch.a, 0, n);
                direction.load(loops, 0, from, scratch.b, 0, n);
                loops.axpby(
                        rates.decay(), scratch.a, 0, rates.step(), scratch.b, 0, scratch.a, 0, n);
                parameter.store(loops, scratch.a, 0, n, 0, from);
            }
        }
    }
}
