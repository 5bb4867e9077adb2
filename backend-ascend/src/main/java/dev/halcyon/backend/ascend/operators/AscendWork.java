package dev.halcyon.backend.ascend.operators;

import java.util.ArrayList;
import java.util.List;

/// Bound work: tasks in the order in which a stream gets them.
///
/// @param tasks what to do
/// @param countsFaults whether one of them counts bad indices
public record AscendWork(List<DeviceTask> tasks, boolean countsFaults) {
    public AscendWork {
        tasks = List.copyOf(tasks);
    }

    /// {@return work of these tasks}
    public static AscendWork of(List<? extends DeviceTask> tasks) {
        return new AscendWork(
                List.copyOf(tasks), tasks.stream().anyMatch(AscendWork::countsFaults));
    }

    /// {@return whether a task counts bad indices where every operator takes what the host
    /// published}
    public boolean countsFaultsInGraphs() {
        return tasks.stream()
                .anyMatch(task -> task instanceof OperatorCall call && call.countsFaults());
    }

    /// {@return whether an operator takes numbers from the host}
    public boolean isHostPlanned() {
        return tasks.stream().anyMatch(DeviceTask.HostPlanned.class::isInstance);
    }

    private static boolean countsFaults(DeviceTask task) {
        return switch (task) {
            case OperatorCall call -> call.countsFaults();
            case DeviceTask.HostPlanned planned -> true;
            case DeviceTask.Move move -> false;
            case DeviceTask.Set set -> false;
        };
    }

    /// {@return work that does one piece after the other}
    public static AscendWork inOrder(List<AscendWork> pieces) {
        List<DeviceTask> all = new ArrayList<>();
        pieces.forEach(piece -> all.addAll(piece.tasks()));
        return of(all);
    }
}
