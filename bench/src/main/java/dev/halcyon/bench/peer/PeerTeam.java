package dev.halcyon.bench.peer;

import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.round.Entrant.EntrantFailure;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiConsumer;

/// The peers whose processes run.
///
/// Whoever cannot take part in something is named with the reason; nobody is left out in silence.
public final class PeerTeam implements AutoCloseable {
    private final List<PeerProcess> members = new ArrayList<>();
    private final BiConsumer<String, String> absences;

    private PeerTeam(BiConsumer<String, String> absences) {
        this.absences = absences;
    }

    /// {@return a team without members}
    public static PeerTeam none() {
        return new PeerTeam((_, _) -> {});
    }

    /// {@return a process for every contender that has something to do}
    ///
    /// @param problems what will be asked
    /// @param threads threads that each may use
    /// @param quick whether the others are left out that take long for little
    /// @param absences told the name of who cannot take part, and why
    public static PeerTeam assemble(
            List<Problem> problems,
            int threads,
            boolean quick,
            BiConsumer<String, String> absences) {
        PeerTeam team = new PeerTeam(absences);
        List<Contender> able =
                Contender.all().stream()
                        .filter(contender -> problems.stream().anyMatch(contender.runs()))
                        .toList();
        List<Contender> wanted =
                able.stream().filter(contender -> contender.quick() || !quick).toList();
        able.stream()
                .filter(contender -> !wanted.contains(contender))
                .forEach(
                        contender ->
                                absences.accept(contender.name(), "a quick run leaves it out"));
        if (wanted.isEmpty()) {
            return team;
        }
        PeerClassPath path;
        List<String> command;
        try {
            path = PeerClassPath.find();
            path.build();
            command = path.command();
        } catch (EntrantFailure failure) {
            wanted.forEach(
                    contender ->
                            absences.accept(
                                    contender.name(), String.valueOf(failure.getMessage())));
            return team;
        }
        for (Contender contender : wanted) {
            try {
                team.members.add(
                        PeerProcess.start(contender, command, threads, path.log(contender)));
            } catch (EntrantFailure failure) {
                absences.accept(contender.name(), String.valueOf(failure.getMessage()));
            }
        }
        return team;
    }

    /// {@return how many of them have a form for a problem}
    public int size(Problem problem) {
        return (int)
                members.stream().filter(member -> member.contender().runs().test(problem)).count();
    }

    /// {@return the processes, whose processor time is ours}
    public List<ProcessHandle> handles() {
        return members.stream().map(PeerProcess::process).toList();
    }

    /// One that is ready to run a problem.
    ///
    /// @param process its process
    /// @param error how far samples of its result are from ours, relative to the largest magnitude
    public record Ready(PeerProcess process, double error) {}

    /// {@return those that have prepared the problem and whose samples are ours}
    ///
    /// @param copies copies of what is read
    /// @param positions which elements are compared
    /// @param ours our values of them
    public List<Ready> prepare(Problem problem, int copies, long[] positions, double[] ours) {
        List<Ready> ready = new ArrayList<>();
        for (PeerProcess member : List.copyOf(members)) {
            if (!member.contender().runs().test(problem)) {
                continue;
            }
            String about = member.name() + " in " + problem.suite() + " " + problem.title();
            try {
                member.resume();
                Optional<String> declined = member.prepare(problem, copies);
                if (declined.isPresent()) {
                    absences.accept(about, declined.get());
                } else {
                    double error = Agreement.error(ours, member.sample(positions));
                    if (error <= Agreement.ALLOWED * problem.tolerance()) {
                        ready.add(new Ready(member, error));
                    } else {
                        absences.accept(
                                about,
                                String.format(
                                        Locale.ROOT,
                                        "its result differs from ours by %.2g of the largest"
                                                + " magnitude, more than %.2g",
                                        error,
                                        Agreement.ALLOWED * problem.tolerance()));
                        member.release();
                    }
                }
            } catch (EntrantFailure failure) {
                absences.accept(about, String.valueOf(failure.getMessage()));
            } finally {
                parkOrDrop(member);
            }
        }
        return ready;
    }

    private void parkOrDrop(PeerProcess member) {
        try {
            member.park();
        } catch (EntrantFailure _) {
            member.close();
        }
        if (!member.process().isAlive()) {
            members.remove(member);
        }
    }

    /// Makes them give up what they prepared.
    public void release(List<Ready> ready) {
        for (Ready each : ready) {
            try {
                each.process.resume();
                each.process.release();
                each.process.park();
            } catch (EntrantFailure _) {
                // Whoever failed was named when it did.
                each.process.close();
                members.remove(each.process);
            }
        }
    }

    /// Ends the processes.
    @Override
    public void close() {
        members.forEach(PeerProcess::close);
        members.clear();
    }
}
