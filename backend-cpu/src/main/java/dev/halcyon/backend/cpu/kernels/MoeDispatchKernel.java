package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.backend.cpu.parallel.WorkerPool;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;

/// The sort of routed tokens by expert, as a counting sort: blocks of tokens count, the counts
/// become each block's first row in each segment, and blocks place their tokens.
final class MoeDispatchKernel implements Kernel<MoeDispatch, MoeDispatch.Args, HostWork> {
    private static final String NAME = "moe-dispatch";
    private static final int BLOCK_TOKENS = 1024;

    private final CpuContext context;

    MoeDispatchKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<MoeDispatch> specType() {
        return MoeDispatch.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<MoeDispatch.Args, HostWork> decide(MoeDispatch spec, Limits limits) {
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                (long) Integer.BYTES
                        * spec.localExperts()
                        * Math.ceilDiv(spec.maxTokens(), BLOCK_TOKENS),
                (args, workspace) -> new Work(context, spec, args, workspace));
    }

    private static final class Work implements HostWork {
        /// A run of entries of -1.
        private static final byte[] NONE = new byte[4096];

        static {
            Arrays.fill(NONE, (byte) -1);
        }

        private final WorkerPool pool;
        private final MoeDispatch spec;
        private final long tokens;
        private final long rows;
        private final Rows indices;
        private final Rows segmentStart;
        private final Rows segmentCount;
        private final Rows rowToken;
        private final Rows rowSlot;
        private final Rows tokenRow;
        private final @Nullable Rows activeRows;
        private final Rows next;
        private final WorkerPool.Task count = this::count;
        private final WorkerPool.Task place = this::place;
        private long live;
        private @Nullable FaultSink faults;

        Work(CpuContext context, MoeDispatch spec, MoeDispatch.Args args, Tensor workspace) {
            this.pool = context.pool();
            this.spec = spec;
            tokens = args.indices().dim(0);
            rows = args.rowToken().dim(0);
            indices = Rows.of(args.indices());
            segmentStart = Rows.flat(args.segmentStart());
            segmentCount = Rows.flat(args.segmentCount());
            rowToken = Rows.flat(args.rowToken());
            rowSlot = Rows.flat(args.rowSlot());
            tokenRow = Rows.of(args.tokenRow());
            activeRows = Rows.flatOrNull(args.activeRows());
            next =
                    new Rows(
                            DType.I32,
                            workspace.buffer().segment(),
                            workspace.byteOffset(),
                            (long) Integer.BYTES * spec.localExperts(),
                            Math.ceilDiv(tokens, BLOCK_TOKENS));
        }

        @Override
        public void run(FaultSink sink) {
            faults = sink;
            live = Rows.live(tokens, activeRows);
            int blocks = (int) next.rows();
            rowToken.fill(NONE, 0, 0, rows);
            rowSlot.fill(NONE, 0, 0, rows);
            pool.run(blocks, count);
            layOut(blocks);
            pool.run(blocks, place);
        }

        private void count(int block, int worker) {
            next.clear(block, 0, spec.localExperts());
            long end = Math.min(live, (block + 1L) * BLOCK_TOKENS);
            for (long token = (long) block * BLOCK_TOKENS; token < end; token++) {
                for (int k = 0; k < spec.topK(); k++) {
                    int index = indices.intAt(token, k);
                    int local = index - spec.firstExpert();
                    if (index >= 0 && local >= 0 && local < spec.localExperts()) {
                        next.setInt(block, local, next.intAt(block, local) + 1);
                    } else if (index < -1) {
                        fault(token * spec.topK() + k, index);
                    }
                }
            }
        }

        /// Turns the counts of blocks into the first row of each block.
        private void layOut(int blocks) {
            int start = 0;
            for (int local = 0; local < spec.localExperts(); local++) {
                int row = start;
                for (int block = 0; block < blocks; block++) {
                    int counted = next.intAt(block, local);
                    next.setInt(block, local, row);
                    row += counted;
                }
                segmentStart.setInt(0, local, start);
                segmentCount.setInt(0, local, row - start);
                start += Math.ceilDiv(row - start, spec.alignment()) * spec.alignment();
            }
        }

        private void place(int block, int worker) {
            long end = Math.min(tokens, (block + 1L) * BLOCK_TOKENS);
            for (long token = (long) block * BLOCK_TOKENS; token < end; token++) {
                for (int k = 0; k < spec.topK(); k++) {
                    int index = token < live ? indices.intAt(token, k) : -1;
                    int local = index - spec.firstExpert();
                    int row = -1;
                    if (index >= 0 && local >= 0 && local < spec.localExperts()) {
                        row = next.intAt(block, local);
                        next.setInt(block, local, row + 1);
                        rowToken.setInt(0, row, (int) token);
                        rowSlot.setInt(0, row, (int) (token * spec.topK() + k));
                    }
                    tokenRow.setInt(token, k, row);
                }
            }
        }

        private void fault(long position, int index) {
            FaultSink sink = faults;
            if (sink != null) {
                sink.report(
                        "indices",
                        position,
                        index,
                        (long) spec.firstExpert() + spec.localExperts());
            }
        }
    }
}
