package dev.halcyon.bench.peer;

import static dev.halcyon.hal.memory.DType.BF16;
import static dev.halcyon.hal.memory.DType.F32;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.halcyon.bench.problem.GemmProblem;
import dev.halcyon.bench.round.Entrant.EntrantFailure;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.tck.oracle.Rows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import tools.jackson.core.JsonParser;
import tools.jackson.databind.json.JsonMapper;

import java.io.File;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The protocol between this process and a peer's, with a peer in plain Java.
final class PeerProcessTest {
    private static final GemmProblem PROBLEM = GemmProblem.general(3, 8, 5, F32);

    @TempDir private Path folder;

    private PeerProcess start(String form) {
        Contender contender = new Contender("plain Java", form, List.of(), true, _ -> true);
        return PeerProcess.start(contender, command(), 1, folder.resolve(form + ".log"));
    }

    private static List<String> command() {
        String classPath =
                Stream.concat(
                                Stream.of(
                                        Path.of("target", "test-classes")
                                                .toAbsolutePath()
                                                .toString()),
                                Stream.of(
                                                PeerServer.class,
                                                DType.class,
                                                Rows.class,
                                                JsonMapper.class,
                                                JsonParser.class,
                                                com.fasterxml.jackson.annotation.JsonTypeInfo.class)
                                        .map(PeerProcessTest::location))
                        .collect(Collectors.joining(File.pathSeparator));
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return List.of(java, "-cp", classPath, PlainPeer.class.getName());
    }

    private static String location(Class<?> loaded) {
        try {
            return Path.of(loaded.getProtectionDomain().getCodeSource().getLocation().toURI())
                    .toString();
        } catch (URISyntaxException impossible) {
            throw new AssertionError(impossible);
        }
    }

    @Test
    void computesWhatItIsAsked() {
        try (PeerProcess peer = start(PlainPeer.RIGHT)) {
            assertThat(peer.version()).isEqualTo("plain 1");
            peer.resume();
            assertThat(peer.prepare(PROBLEM, 2)).isEmpty();
            long[] positions = {0, 7, 14};
            assertThat(peer.sample(positions)).isEqualTo(PlainPeer.product(PROBLEM, positions));
            assertThat(peer.run(4)).hasSize(4);
            peer.release();
        }
    }

    @Test
    void declinesWithAReason() {
        try (PeerProcess peer = start(PlainPeer.RIGHT)) {
            peer.resume();
            assertThat(peer.prepare(GemmProblem.square(4, BF16), 1)).hasValue("F32 alone");
            assertThat(peer.prepare(PROBLEM, 1)).isEmpty();
        }
    }

    @Test
    void saysWhyItFailedAndGoesOn() {
        try (PeerProcess peer = start(PlainPeer.RIGHT)) {
            peer.resume();
            assertThatExceptionOfType(EntrantFailure.class)
                    .isThrownBy(() -> peer.run(1))
                    .withMessageContaining("nothing is prepared");
            assertThat(peer.prepare(PROBLEM, 1)).isEmpty();
        }
    }

    @Test
    void doesNothingWhileItIsParked() {
        try (PeerProcess peer = start(PlainPeer.SPINNING)) {
            peer.resume();
            peer.prepare(PROBLEM, 1);
            peer.park();
            var before = peer.process().info().totalCpuDuration();
            for (int i = 0; i < 50; i++) {
                Thread.onSpinWait();
            }
            assertThat(peer.process().info().totalCpuDuration()).isEqualTo(before);
            peer.resume();
            assertThat(peer.sample(new long[] {1})).hasSize(1);
        }
    }

    @Test
    void tellsThatALibraryIsMissing() {
        assertThatExceptionOfType(EntrantFailure.class)
                .isThrownBy(() -> start(PlainPeer.MISSING))
                .withMessageContaining("no such library");
    }

    @Test
    void tellsThatAProcessHasEnded() {
        try (PeerProcess peer = start(PlainPeer.DYING)) {
            peer.resume();
            assertThatExceptionOfType(EntrantFailure.class)
                    .isThrownBy(() -> peer.prepare(PROBLEM, 1))
                    .withMessageContaining("ended");
            assertThatExceptionOfType(EntrantFailure.class).isThrownBy(peer::release);
        }
    }

    @Test
    void noticesAnotherResult() {
        assertThat(Agreement.error(new double[] {1, 2}, new double[] {1, 2.5})).isEqualTo(0.25);
        assertThat(Agreement.error(new double[] {1, 2}, new double[] {1})).isNaN();
        assertThat(Agreement.error(new double[] {1, 2}, new double[] {1, Double.NaN})).isNaN();
    }
}
