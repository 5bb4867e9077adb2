package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.backend.cuda.driver.CudaDriver;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Bound work: launches in order, none where there is nothing to do.
public final class CudaWork implements StreamAction {
    private final KernelLaunch[] launches;
    private final boolean mayFault;

    private CudaWork(KernelLaunch[] launches) {
        this.launches = launches;
        this.mayFault = Arrays.stream(launches).anyMatch(KernelLaunch::mayFault);
    }

    /// {@return these launches}
    public static CudaWork of(KernelLaunch... launches) {
        return new CudaWork(launches.clone());
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
                        .flatMap(piece -> Arrays.stream(piece.launches))
                        .toArray(KernelLaunch[]::new));
    }

    /// {@return whether it may report bad indices}
    public boolean mayFault() {
        return mayFault;
    }

    @Override
    public void enqueue(CudaDriver driver, long stream, long faults) {
        for (KernelLaunch launch : launches) {
            launch.enqueue(driver, stream, faults);
        }
    }
}
