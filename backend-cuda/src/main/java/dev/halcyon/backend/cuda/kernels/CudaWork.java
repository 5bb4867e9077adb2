package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.backend.cuda.driver.CudaDriver;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Bound work: launches, and calls of libraries, in order, none where there is nothing to do.
public final class CudaWork implements StreamAction {
    private final StreamAction[] actions;
    private final boolean mayFault;

    private CudaWork(StreamAction[] actions) {
        this.actions = actions;
        this.mayFault = Arrays.stream(actions).anyMatch(StreamAction::mayFault);
    }

    /// {@return these launches}
    public static CudaWork of(StreamAction... actions) {
        return new CudaWork(actions.clone());
    }

    /// {@return these launches, behind those that write the addresses which they need}
    static CudaWork of(AddressTable tables, KernelLaunch... launches) {
        List<KernelLaunch> all = new ArrayList<>(tables.launches());
        all.addAll(Arrays.asList(launches));
        return of(all.toArray(KernelLaunch[]::new));
    }

    /// {@return one piece after the other}
    public static CudaWork inOrder(List<CudaWork> pieces) {
        return new CudaWork(
                pieces.stream()
                        .flatMap(piece -> Arrays.stream(piece.actions))
                        .toArray(StreamAction[]::new));
    }

    @Override
    public boolean mayFault() {
        return mayFault;
    }

    @Override
    public void enqueue(CudaDriver driver, long stream, long faults) {
        for (StreamAction action : actions) {
            action.enqueue(driver, stream, faults);
        }
    }
}
