package dev.halcyon.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.halcyon.engine.Sequence.FinishReason;
import dev.halcyon.hal.Counters;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.DeviceOptions;
import dev.halcyon.hal.Halcyon;
import dev.halcyon.hal.Selector;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.LongStream;

/// Requests that come and go: nobody's answer depends on who else is there, and nothing is lost or
/// piled up.
final class ContinuousBatchingTest {
    private static final int CONTEXT = 160;
    private static final int PAGE_ROWS = 64;

    /// Far more than any of these needs: an engine that loses a page or a row would step for ever.
    private static final int MOST_STEPS = 5000;

    /// Five rows share four pages; a long request takes three of them.
    private static final EngineOptions SHARED =
            EngineOptions.defaults()
                    .withCapacity(5, CONTEXT)
                    .withCacheTokens(4 * PAGE_ROWS)
                    .withChunks(16, 16)
                    .withBatchInvariant(true);

    private static final EngineOptions ALONE = SHARED.withCapacity(1, CONTEXT);

    @TempDir private static Path temporary;

    private static Path model;
    private static Device device;

    @BeforeAll
    static void open() {
        model =
                TinyCheckpoint.of(TinyConfigs.deepSeekV3(TinyConfigs.PLAIN), 31)
                        .write(temporary.resolve("model"));
        device = Devices.cpu();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private static List<Integer> prompt(Random random, int length) {
        return random.ints(length, 0, TinyConfigs.VOCABULARY).boxed().toList();
    }

    /// Greedy and drawn, short and long, with and without a stop token.
    private static Request request(Random random) {
        int length = 1 + random.nextInt(random.nextInt(4) == 0 ? 120 : 12);
        int count = 1 + random.nextInt(random.nextInt(4) == 0 ? 30 : 8);
        SamplingOptions sampling =
                random.nextBoolean()
                        ? SamplingOptions.GREEDY
                        : new SamplingOptions(
                                0.5 + random.nextDouble(),
                                0.5 + random.nextDouble() / 2,
                                random.nextInt(3) * 20,
                                random.nextLong());
        Set<Integer> stop = random.nextInt(3) == 0 ? new HashSet<>(prompt(random, 12)) : Set.of();
        return new Request(prompt(random, length), count, sampling, stop);
    }

    private static List<Sequence> alone(List<Request> requests) {
        try (Engine engine = Engine.open(model, device, ALONE)) {
            return requests.stream().map(engine::generate).toList();
        }
    }

    private static LongStream seeds() {
        return LongStream.rangeClosed(1, Boolean.getBoolean("halcyon.thorough") ? 100 : 3);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void anAnswerIsTheSameBitsAloneAndInCompany(long seed) {
        Random random = new Random(seed);
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            requests.add(request(random));
        }
        List<Sequence> expected = alone(requests);
        List<Sequence> found = new ArrayList<>();
        try (Engine engine = Engine.open(model, device, SHARED)) {
            int pages = engine.availablePages();
            assertThat(pages).isEqualTo(4);
            boolean busy = false;
            for (int steps = 0; busy || found.size() < requests.size(); steps++) {
                assertThat(steps).isLessThan(MOST_STEPS);
                int joining =
                        Math.min(
                                random.nextInt(4) == 0 ? 1 + random.nextInt(4) : 0,
                                requests.size() - found.size());
                for (int i = 0; i < joining; i++) {
                    found.add(engine.add(requests.get(found.size())));
                }
                busy = engine.step();
            }
            assertThat(engine.availablePages()).isEqualTo(pages);
        }
        for (int i = 0; i < requests.size(); i++) {
            assertThat(found.get(i).tokens())
                    .as("seed %s, request %s: %s", seed, i, requests.get(i))
                    .isEqualTo(expected.get(i).tokens());
            assertThat(found.get(i).finishReason()).isEqualTo(expected.get(i).finishReason());
        }
        assertThat(expected).anyMatch(answer -> answer.finishReason() == FinishReason.STOP);
        assertThat(expected).anyMatch(answer -> answer.finishReason() == FinishReason.LENGTH);
    }

    /// The same on a device that is always late; and the host only ever waits for timepoints, one
    /// step behind.
    @Test
    void neitherDrainsTheStreamNorReadsAhead() {
        Random random = new Random(4);
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            requests.add(request(random));
        }
        List<Sequence> expected = alone(requests);
        DeferringDevice late = new DeferringDevice(device);
        try (Engine engine = Engine.open(model, late.device(), SHARED)) {
            List<Sequence> found = requests.stream().map(engine::add).toList();
            late.takeCalls();
            boolean busy = true;
            for (int steps = 0; busy; steps++) {
                assertThat(steps).isLessThan(MOST_STEPS);
                busy = engine.step();
                List<String> calls = late.takeCalls();
                assertThat(calls).doesNotContainAnyElementsOf(DeferringDevice.DRAINING);
                assertThat(calls.stream().filter("replay"::equals)).hasSizeLessThanOrEqualTo(1);
                assertThat(late.unawaited()).isEqualTo(calls.contains("replay") ? 1 : 0);
            }
            for (int i = 0; i < requests.size(); i++) {
                assertThat(found.get(i).tokens())
                        .as("request %s: %s", i, requests.get(i))
                        .isEqualTo(expected.get(i).tokens());
            }
        }
    }

    @Test
    void cancellingGivesRowAndPagesToWhoeverWaits() {
        Request large = Request.greedy(prompt(new Random(5), 100), 60);
        Request small = Request.greedy(List.of(7, 8, 9), 10);
        List<Sequence> expected = alone(List.of(large, small));
        try (Engine engine =
                        Engine.open(
                                model,
                                device,
                                SHARED.withCapacity(2, CONTEXT).withCacheTokens(4 * PAGE_ROWS));
                Engine other = Engine.open(model, device, ALONE)) {
            Sequence first = engine.add(large);
            Sequence second = engine.add(large);
            Sequence third = engine.add(small);
            for (int i = 0; i < 5; i++) {
                assertThat(engine.step()).isTrue();
            }
            assertThat(engine.availablePages()).as("three pages are the first one's").isEqualTo(1);
            assertThat(second.tokens()).isEmpty();
            assertThat(third.tokens()).as("nobody overtakes").isEmpty();
            assertThatThrownBy(() -> other.cancel(first))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("another engine");

            engine.cancel(first);
            engine.cancel(first);
            assertThat(engine.availablePages()).isEqualTo(4);
            List<Integer> kept = first.tokens();
            engine.cancel(second);
            for (int steps = 0; engine.step(); steps++) {
                assertThat(steps).isLessThan(MOST_STEPS);
                assertThat(engine.availablePages()).isGreaterThanOrEqualTo(3);
            }
            assertThat(first.finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(first.tokens())
                    .isEqualTo(kept)
                    .isEqualTo(expected.get(0).tokens().subList(0, kept.size()));
            assertThat(kept).hasSizeGreaterThanOrEqualTo(4);
            assertThat(second.isFinished()).isTrue();
            assertThat(second.tokens()).isEmpty();
            assertThat(third.tokens()).isEqualTo(expected.get(1).tokens());
            assertThat(engine.availablePages()).isEqualTo(4);
            assertThat(engine.step()).isFalse();
        }
    }

    /// Cancelled in the very step in which its last token was on its way, and replaced at once.
    @Test
    void aRowIsReusedAtOnceWithoutATokenOfTheOneBefore() {
        Request first = Request.greedy(List.of(1, 2, 3, 4), 20);
        Request next = Request.greedy(List.of(90, 80, 70), 6);
        List<Sequence> expected = alone(List.of(first, next));
        try (Engine engine = Engine.open(model, device, ALONE)) {
            for (int steps = 1; steps < 6; steps++) {
                Sequence left = engine.add(first);
                for (int i = 0; i < steps; i++) {
                    engine.step();
                }
                engine.cancel(left);
                assertThat(engine.generate(next).tokens()).isEqualTo(expected.get(1).tokens());
                assertThat(left.tokens())
                        .isEqualTo(expected.get(0).tokens().subList(0, left.tokens().size()));
            }
        }
    }

    @Test
    void aStepReplaysOneGraphAndPlansNothing() {
        try (Engine engine = Engine.open(model, device, SHARED)) {
            for (int i = 0; i < 4; i++) {
                engine.add(Request.greedy(List.of(i, 5), 30));
            }
            engine.step();
            Counters before = device.counters();
            for (int i = 0; i < 20; i++) {
                engine.step();
            }
            Counters after = device.counters();
            assertThat(after.replays() - before.replays()).isEqualTo(20);
            assertThat(after.planMisses()).isEqualTo(before.planMisses());
            assertThat(after.planHits())
                    .as("nothing is planned, not even from the cache")
                    .isEqualTo(before.planHits());
            assertThat(after.bytesReserved()).isEqualTo(before.bytesReserved());
            long launches = after.submits() - before.submits();
            assertThat(launches % 20)
                    .as("every step is the same graph: %s launches", launches)
                    .isZero();
        }
    }

    @Test
    void twoHundredStepsTakeNoMoreMemoryThanTheFirst() {
        try (Engine engine = Engine.open(model, device, SHARED)) {
            Random random = new Random(6);
            steps(engine, random, 60);
            Counters before = device.counters();
            steps(engine, random, 200);
            Counters after = device.counters();
            assertThat(after.bytesReserved()).isEqualTo(before.bytesReserved());
            assertThat(after.peakBytesReserved()).isEqualTo(before.peakBytesReserved());
            assertThat(after.planEvictions()).isEqualTo(before.planEvictions());
            assertThat(after.replays() - before.replays()).isBetween(150L, 200L);
        }
    }

    private static void steps(Engine engine, Random random, int steps) {
        for (int i = 0; i < steps; i++) {
            if (i % 4 == 0) {
                engine.add(
                        Request.greedy(
                                prompt(random, 1 + random.nextInt(40)), 2 + random.nextInt(12)));
            }
            engine.step();
        }
    }

    @Test
    void moreTokensOfCacheThanAllRowsCanUseAreNotAllocated() {
        try (Engine engine = Engine.open(model, device, ALONE.withCacheTokens(Integer.MAX_VALUE))) {
            assertThat(engine.availablePages()).isEqualTo(3);
        }
    }

    /// Each with a stream and a thread of its own, over one device and its workers.
    @Test
    void enginesSideBySideDoNotDisturbEachOther() throws InterruptedException {
        Request request = Request.greedy(prompt(new Random(8), 40), 60);
        List<Integer> expected = alone(List.of(request)).getFirst().tokens();
        List<List<Integer>> found = new CopyOnWriteArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            threads.add(
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        try (Engine engine = Engine.open(model, device, ALONE)) {
                                            found.add(engine.generate(request).tokens());
                                        }
                                    }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(found).hasSize(3).allSatisfy(tokens -> assertThat(tokens).isEqualTo(expected));
    }

    /// An engine keeps the plans it needs; the device's cache only saves making them again.
    @Test
    void aTinyPlanCacheChangesNothing() {
        List<Request> requests = List.of(request(new Random(9)), request(new Random(10)));
        List<Sequence> expected = alone(requests);
        DeviceOptions options = DeviceOptions.fromSystemProperties().withPlanCacheSize(1);
        try (Device forgetful = Halcyon.open(Selector.of("cpu"), options);
                Engine engine = Engine.open(model, forgetful, ALONE)) {
            for (int i = 0; i < requests.size(); i++) {
                assertThat(engine.generate(requests.get(i)).tokens())
                        .isEqualTo(expected.get(i).tokens());
            }
            assertThat(forgetful.counters().plansCached()).isEqualTo(1);
        }
    }
}
