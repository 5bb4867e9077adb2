package dev.halcyon.bench.peer;

import dev.halcyon.bench.problem.Problem;
import dev.halcyon.bench.round.Entrant;

import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.json.JsonMapper;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/// A peer's process: started once, asked many times, stopped by SIGSTOP while others are measured.
///
/// Only one thread asks.
public final class PeerProcess implements Entrant, AutoCloseable {
    /// The fast parser of numbers reads digits through segments on the heap. The first of those in
    /// a JVM throws away all code that was compiled when native ones were the only kind, and big
    /// kernels were then at times compiled thirty times slower.
    private static final JsonMapper JSON =
            JsonMapper.builder(
                            JsonFactory.builder()
                                    .disable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
                                    .disable(StreamReadFeature.USE_FAST_BIG_NUMBER_PARSER)
                                    .build())
                    .build();

    private static final Duration START = Duration.ofMinutes(2);
    private static final Duration ANSWER = Duration.ofMinutes(10);
    private static final String END = "";

    private final Contender contender;
    private final Process process;
    private final Writer requests;
    private final LinkedBlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private final boolean canStop = !File.separator.equals("\\");
    private String version = "";

    /// Stopped, it would not notice that nobody is left to ask it.
    private final Thread end;

    private PeerProcess(Contender contender, Process process) {
        this.contender = contender;
        this.process = process;
        this.end = Thread.ofPlatform().unstarted(process::destroyForcibly);
        this.requests = process.outputWriter(StandardCharsets.UTF_8);
        Runtime.getRuntime().addShutdownHook(end);
        Thread.ofPlatform()
                .daemon()
                .name("halcyon-peer-" + contender.form())
                .start(this::readAnswers);
    }

    /// {@return a process whose library is loaded}
    ///
    /// @param command the Java command up to the name of the contender's form
    /// @param threads threads that it may use
    /// @param log where its standard error goes
    /// @throws EntrantFailure if the library does not load
    public static PeerProcess start(
            Contender contender, List<String> command, int threads, Path log) {
        List<String> whole = new ArrayList<>(command);
        whole.addAll(1, contender.jvmFlags());
        whole.add(contender.form());
        whole.add(Integer.toString(threads));
        ProcessBuilder builder = new ProcessBuilder(whole);
        builder.environment().putAll(contender.environment(threads));
        builder.redirectError(ProcessBuilder.Redirect.to(log.toFile()));
        PeerProcess peer;
        try {
            peer = new PeerProcess(contender, builder.start());
        } catch (IOException unstartable) {
            throw new EntrantFailure("its process does not start: " + unstartable.getMessage());
        }
        try {
            if (peer.await(START) instanceof Reply.Ready ready) {
                peer.version = ready.version();
                peer.park();
                return peer;
            }
            throw new EntrantFailure("its process answered before it was ready; see " + log);
        } catch (EntrantFailure failure) {
            peer.close();
            throw new EntrantFailure(
                    failure.getMessage() + " (its standard error is in " + log + ")");
        }
    }

    private void readAnswers() {
        // Libraries print to standard output as they please; answers are objects.
        try (BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            lines.lines().filter(line -> line.startsWith("{")).forEach(answers::add);
        } catch (UncheckedIOException | IOException closed) {
            // It ended, which is what the line below tells.
        } finally {
            answers.add(END);
        }
    }

    @Override
    public String name() {
        return contender.name();
    }

    /// {@return what it is}
    public Contender contender() {
        return contender;
    }

    /// {@return its library's version}
    public String version() {
        return version;
    }

    @Override
    public ProcessHandle process() {
        return process.toHandle();
    }

    /// Makes it prepare a problem.
    ///
    /// @return why it has no such operation, empty if it has
    /// @throws EntrantFailure if it fails
    public Optional<String> prepare(Problem problem, int copies) {
        return ask(new Request.Prepare(problem, copies)) instanceof Reply.Declined declined
                ? Optional.of(declined.reason())
                : Optional.empty();
    }

    /// {@return elements of its result}
    public double[] sample(long[] positions) {
        return ask(new Request.Sample(positions)) instanceof Reply.Values values
                ? values.values()
                : unexpected("values");
    }

    @Override
    public double[] run(int times) {
        return ask(new Request.Run(times)) instanceof Reply.Times taken
                ? taken.seconds()
                : unexpected("times");
    }

    /// Makes it give its operands up.
    public void release() {
        ask(new Request.Release());
    }

    private double[] unexpected(String wanted) {
        throw new EntrantFailure(contender.name() + " did not answer with " + wanted);
    }

    private Reply ask(Request request) {
        try {
            requests.write(JSON.writeValueAsString(request) + "\n");
            requests.flush();
        } catch (IOException ended) {
            throw new EntrantFailure("its process has ended");
        }
        return await(ANSWER);
    }

    private Reply await(Duration limit) {
        String line;
        try {
            line = answers.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new EntrantFailure("waiting for it was interrupted");
        }
        if (line == null) {
            // Whatever it answers later would be taken for the answer to something else.
            close();
            throw new EntrantFailure("it did not answer in " + limit.toSeconds() + " s");
        }
        if (line.equals(END)) {
            answers.add(END);
            throw new EntrantFailure("its process has ended");
        }
        Reply reply = JSON.readValue(line, Reply.class);
        if (reply instanceof Reply.Failed failed) {
            throw new EntrantFailure(failed.reason());
        }
        return reply;
    }

    @Override
    public void park() {
        signal("-STOP");
    }

    @Override
    public void resume() {
        signal("-CONT");
    }

    /// OpenMP's threads spin for a while after their work; blocked on its input, a process would
    /// still use processors.
    private void signal(String signal) {
        if (!canStop || !process.isAlive()) {
            return;
        }
        try {
            new ProcessBuilder("kill", signal, Long.toString(process.pid())).start().waitFor();
        } catch (IOException unknown) {
            throw new EntrantFailure("it cannot be stopped: " + unknown.getMessage());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new EntrantFailure("stopping it was interrupted");
        }
    }

    /// Ends the process.
    @Override
    public void close() {
        process.destroyForcibly();
        try {
            Runtime.getRuntime().removeShutdownHook(end);
        } catch (IllegalStateException _) {
            // The hook runs already and does the same.
        }
    }
}
