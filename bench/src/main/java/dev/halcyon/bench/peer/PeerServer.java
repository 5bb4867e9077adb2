package dev.halcyon.bench.peer;

import org.jspecify.annotations.Nullable;

import tools.jackson.databind.json.JsonMapper;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/// The loop of a peer's process: reads requests, answers each with one line, ends with its input.
public final class PeerServer {
    private static final JsonMapper JSON = JsonMapper.shared();

    private final PrintStream answers;
    private final Peer peer;
    private Peer.@Nullable Prepared prepared;
    private int turn;

    private PeerServer(Peer peer, PrintStream answers) {
        this.peer = peer;
        this.answers = answers;
    }

    /// Serves until the input ends.
    ///
    /// @param library loads the library; what it throws is the answer
    public static void serve(Supplier<Peer> library, InputStream requests, PrintStream answers)
            throws IOException {
        Peer peer;
        try {
            peer = library.get();
        } catch (RuntimeException | LinkageError missing) {
            send(answers, new Reply.Failed(describe(missing)));
            return;
        }
        send(answers, new Reply.Ready(peer.version()));
        PeerServer server = new PeerServer(peer, answers);
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(requests, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            server.answer(JSON.readValue(line, Request.class));
        }
        server.release();
    }

    private void answer(Request request) {
        Reply reply;
        try {
            reply =
                    switch (request) {
                        case Request.Prepare prepare -> {
                            release();
                            prepared = peer.prepare(prepare.problem(), prepare.copies());
                            yield new Reply.Done();
                        }
                        case Request.Run run -> new Reply.Times(run(run.times()));
                        case Request.Sample sample ->
                                new Reply.Values(current().sample(sample.positions()));
                        case Request.Release _ -> {
                            release();
                            yield new Reply.Done();
                        }
                    };
        } catch (Peer.DeclinedException declined) {
            reply = new Reply.Declined(String.valueOf(declined.getMessage()));
        } catch (RuntimeException | LinkageError | OutOfMemoryError failure) {
            reply = new Reply.Failed(describe(failure));
        }
        send(answers, reply);
    }

    private double[] run(int times) {
        Peer.Prepared current = current();
        double[] seconds = new double[times];
        for (int i = 0; i < times; i++) {
            long start = System.nanoTime();
            current.run(turn++);
            seconds[i] = (System.nanoTime() - start) / 1e9;
        }
        return seconds;
    }

    private Peer.Prepared current() {
        if (prepared == null) {
            throw new IllegalStateException("nothing is prepared");
        }
        return prepared;
    }

    private void release() {
        if (prepared != null) {
            prepared.close();
            prepared = null;
        }
    }

    private static void send(PrintStream answers, Reply reply) {
        answers.println(JSON.writeValueAsString(reply));
        answers.flush();
    }

    private static String describe(Throwable failure) {
        return failure.getClass().getSimpleName() + ": " + failure.getMessage();
    }
}
