package dev.halcyon.backend.cpu.product;

import dev.halcyon.backend.cpu.parallel.WorkerPool;

import java.util.List;

/// Runs several [FeedForward]s side by side: routed experts and the shared one wait for each other
/// once a stage, not once each.
public final class FeedForwardRun {
    /// Multiply-adds below which waking a second thread costs more than it saves.
    private static final long SMALL_WORK = 1 << 15;

    /// Elements below which the same is true of packing.
    private static final long SMALL_PACKING = 1 << 14;

    private final WorkerPool pool;
    private final FeedForward[] networks;
    private final int[] tasksBefore;
    private final boolean[] hasBatch;
    private final WorkerPool.Task packTask = this::pack;
    private final WorkerPool.Task activateTask = this::activate;
    private final WorkerPool.Task projectTask = this::project;

    /// Makes a run of networks that write to different memory.
    public FeedForwardRun(WorkerPool pool, List<FeedForward> networks) {
        this.pool = pool;
        this.networks = networks.toArray(FeedForward[]::new);
        this.tasksBefore = new int[this.networks.length + 1];
        this.hasBatch = new boolean[this.networks.length];
    }

    /// Computes every result of the networks, each of which has begun.
    public void run() {
        while (nextBatches()) {
            long work = 0;
            long packed = 0;
            for (int n = 0; n < networks.length; n++) {
                if (hasBatch[n]) {
                    work += networks[n].work();
                    packed += networks[n].packed();
                }
            }
            boolean small = work < SMALL_WORK;
            for (int n = 0; n < networks.length; n++) {
                count(n, networks[n].packTasks());
            }
            runAll(packTask, packed < SMALL_PACKING);
            for (int n = 0; n < networks.length; n++) {
                count(n, networks[n].activateTasks());
            }
            runAll(activateTask, small);
            for (int n = 0; n < networks.length; n++) {
                count(n, networks[n].projectTasks());
            }
            runAll(projectTask, small);
        }
    }

    private boolean nextBatches() {
        boolean any = false;
        for (int n = 0; n < networks.length; n++) {
            hasBatch[n] = networks[n].nextBatch();
            any |= hasBatch[n];
        }
        return any;
    }

    private void count(int network, int tasks) {
        tasksBefore[network + 1] =
                Math.addExact(tasksBefore[network], hasBatch[network] ? tasks : 0);
    }

    private void runAll(WorkerPool.Task task, boolean alone) {
        int tasks = tasksBefore[networks.length];
        if (alone) {
            for (int i = 0; i < tasks; i++) {
                task.run(i, 0);
            }
        } else {
            pool.run(tasks, task);
        }
    }

    private int networkOf(int task) {
        int network = 0;
        while (task >= tasksBefore[network + 1]) {
            network++;
        }
        return network;
    }

    private void pack(int task, int worker) {
        int network = networkOf(task);
        networks[network].pack(task - tasksBefore[network]);
    }

    private void activate(int task, int worker) {
        int network = networkOf(task);
        networks[network].activate(task - tasksBefore[network], worker);
    }

    private void project(int task, int worker) {
        int network = networkOf(task);
        networks[network].project(task - tasksBefore[network], worker);
    }
}
