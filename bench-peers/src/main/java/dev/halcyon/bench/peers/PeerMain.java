package dev.halcyon.bench.peers;

import dev.halcyon.bench.peer.Peer;
import dev.halcyon.bench.peer.PeerServer;

import java.io.IOException;
import java.io.PrintStream;

/// A peer's process: `PeerMain FORM THREADS` loads one library and serves until its input ends.
public final class PeerMain {
    private PeerMain() {}

    /// Runs the process.
    public static void main(String[] arguments) throws IOException {
        String form = arguments[0];
        int threads = Integer.parseInt(arguments[1]);
        PrintStream answers = System.out;
        // Whatever a library prints from Java goes elsewhere; answers are all that the other side
        // reads.
        System.setOut(System.err);
        PeerServer.serve(() -> load(form, threads), System.in, answers);
        // Libraries' own threads would keep the process alive.
        Runtime.getRuntime().halt(0);
    }

    private static Peer load(String form, int threads) {
        return switch (form) {
            case "torch" -> new TorchPeer(threads, false);
            case "torch-sdpa" -> new TorchPeer(threads, true);
            case "openblas" -> BlasPeer.openBlas(threads);
            case "mkl" -> BlasPeer.mkl(threads);
            case "onednn" -> OneDnnPeer.load();
            case "jlama-native" -> JlamaPeer.load(true, threads);
            case "jlama-panama" -> JlamaPeer.load(false, threads);
            default -> throw new IllegalArgumentException("no peer has the form " + form);
        };
    }
}
