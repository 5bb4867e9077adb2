package dev.halcyon.engine;

import dev.halcyon.checkpoint.CheckpointFolder;
import dev.halcyon.checkpoint.ModelConfig;
import dev.halcyon.engine.model.Decoder;
import dev.halcyon.engine.model.ModelDims;
import dev.halcyon.engine.weights.ModelWeights;
import dev.halcyon.engine.weights.WeightLoader;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Stream;
import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.CachePool;
import dev.halcyon.hal.memory.DeviceArena;

import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/// Continues token sequences with a model of the DeepSeek V2, V3 or Kimi K2 family, on any device.
///
/// ```java
/// try (Device device = Halcyon.open(Selector.of("cpu"));
///         Engine engine = Engine.open(folder, device, EngineOptions.defaults())) {
///     Sequence answer = engine.add(Request.greedy(prompt, 16));
///     while (engine.step()) {}
///     System.out.println(answer.tokens());
/// }
/// ```
///
/// Requests join when rows and cache pages are free and leave when they end, at any step. The token
/// that a step samples is the next step's input without passing through the host, which learns it
/// one step later.
///
/// *Threads.* An engine belongs to the platform thread that uses it, as its stream does.
public final class Engine implements AutoCloseable {
    private final ModelConfig config;
    private final EngineOptions options;
    private final ModelWeights weights;
    private final CacheFormat cacheFormat;
    private final DeviceArena weightArena;
    private final DeviceArena stateArena;
    private final Stream stream;
    private final Prefill prefill;
    private final StepTensors inputs;
    private final TokenReadback readback;
    private final PageAllocator pages;
    private final List<AutoCloseable> resources = new ArrayList<>();
    private final List<DecodeBucket> buckets = new ArrayList<>();
    private final ArrayDeque<Sequence> waiting = new ArrayDeque<>();
    private final @Nullable Sequence[] rows;
    private final int context;
    private boolean closed;

    private Engine(CheckpointFolder folder, Device device, EngineOptions options) {
        this.config = folder.config();
        this.options = options;
        try {
            this.weightArena = opened(device.arena("weights of " + folder.root()));
            this.stateArena = opened(device.arena("cache and step inputs"));
            DeviceArena hostArena = opened(device.hostArena("tokens for the host"));
            this.stream = opened(device.stream("engine"));
            this.weights =
                    WeightLoader.load(
                            folder,
                            device,
                            weightArena,
                            options.activation(),
                            options.packWeights());
            var attention = config.attention();
            this.cacheFormat =
                    device.cacheFormat(options.cache(), attention.latentDim(), attention.ropeDim());
            this.context = Math.min(options.maxContext(), config.maxPositions());
            int maxPages = Math.toIntExact(cacheFormat.pagesFor(context));
            this.pages = new PageAllocator(pages(maxPages));
            ModelDims dims =
                    ModelDims.of(
                            config, options.activation(), cacheFormat, options.batchInvariant());
            Decoder decoder = new Decoder(dims, weights, caches());
            this.inputs =
                    new StepTensors(
                            stateArena,
                            options.maxSequences(),
                            maxPages,
                            cacheFormat.rowsPerPage());
            stream.fill(inputs.ids, 0);
            this.readback = new TokenReadback(hostArena, inputs.ids);
            this.prefill = opened(new Prefill(device, decoder, options, cacheFormat.rowsPerPage()));
            this.rows = new Sequence[options.maxSequences()];
            addBuckets(device, decoder);
        } catch (RuntimeException | Error failure) {
            release(failure);
            throw failure;
        }
    }

    /// More pages than all rows together can use would only take memory.
    private int pages(int pagesOfOne) {
        long all = (long) options.maxSequences() * pagesOfOne;
        return Math.toIntExact(Math.min(all, cacheFormat.pagesFor(options.cacheTokens())));
    }

    private List<CachePool> caches() {
        List<CachePool> caches = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            caches.add(CachePool.allocate(stateArena, cacheFormat, pages.total()));
        }
        return caches;
    }

    /// Buckets of 1, 2, 4 … rows up to the most there can be, over the same weights.
    private void addBuckets(Device device, Decoder decoder) {
        int size = 1;
        while (buckets.isEmpty() || buckets.getLast().rows() < options.maxSequences()) {
            int bounded = Math.min(size, options.maxSequences());
            buckets.add(opened(new DecodeBucket(device, decoder, inputs, bounded)));
            size *= 2;
        }
    }

    private <R extends AutoCloseable> R opened(R resource) {
        resources.add(resource);
        return resource;
    }

    /// {@return an engine for the checkpoint in `folder`, whose weights are mapped and need no open
    /// file afterwards}
    ///
    /// @throws dev.halcyon.checkpoint.CheckpointException if the folder is not a complete
    ///   checkpoint of a known family
    /// @throws dev.halcyon.hal.error.UnsupportedKernelException if the device declines a kernel
    ///   that the model needs
    public static Engine open(Path folder, Device device, EngineOptions options) {
        try (CheckpointFolder checkpoint = CheckpointFolder.open(folder)) {
            return open(checkpoint, device, options);
        }
    }

    /// {@return an engine for an open checkpoint, which may be closed afterwards}
    public static Engine open(CheckpointFolder checkpoint, Device device, EngineOptions options) {
        return new Engine(checkpoint, device, options);
    }

    /// {@return the model's configuration}
    public ModelConfig config() {
        return config;
    }

    /// {@return what had to be copied instead of mapped while loading, one line each}
    public List<String> copiedWeights() {
        return weights.copies();
    }

    /// Queues a request.
    ///
    /// @throws IllegalArgumentException if a token is outside the vocabulary, or prompt and answer
    ///   are longer than the context or the whole cache
    /// @throws IllegalStateException if the engine is closed
    public Sequence add(Request request) {
        checkOpen();
        for (int token : request.prompt()) {
            if (token < 0 || token >= config.vocabularySize()) {
                throw new IllegalArgumentException(
                        "token "
                                + token
                                + " is outside the vocabulary of "
                                + config.vocabularySize());
            }
        }
        long length = (long) request.prompt().size() + request.maxNewTokens();
        if (length > context) {
            throw new IllegalArgumentException(
                    request.prompt().size()
                            + " prompt tokens and "
                            + request.maxNewTokens()
                            + " new ones are "
                            + length
                            + ", the context is "
                            + context
                            + "; shorten them, or open the engine with a larger maxContext (the"
                            + " model allows "
                            + config.maxPositions()
                            + ")");
        }
        if (cacheFormat.pagesFor(length) > pages.total()) {
            throw new IllegalArgumentException(
                    length
                            + " tokens need "
                            + cacheFormat.pagesFor(length)
                            + " cache pages, the whole cache has "
                            + pages.total()
                            + "; open the engine with more cacheTokens");
        }
        Sequence sequence = new Sequence(request);
        waiting.add(sequence);
        return sequence;
    }

    /// Ends a sequence wherever it is; it keeps the tokens it has. One that has ended stays as it
    /// is.
    ///
    /// @throws IllegalArgumentException if the sequence is another engine's
    public void cancel(Sequence sequence) {
        if (sequence.isFinished()) {
            return;
        }
        boolean running =
                sequence.row >= 0 && sequence.row < rows.length && rows[sequence.row] == sequence;
        if (!waiting.remove(sequence) && !running) {
            throw new IllegalArgumentException(
                    "the sequence belongs to another engine; cancel it there");
        }
        end(sequence, Sequence.FinishReason.CANCELLED);
    }

    private void end(Sequence sequence, Sequence.FinishReason reason) {
        sequence.finish(reason);
        release(sequence);
    }

    /// Lets waiting requests in, decodes one token of every running sequence, and takes in the
    /// tokens of the step before.
    ///
    /// @return whether there is anything left to do
    /// @throws IllegalStateException if the engine is closed
    /// @throws dev.halcyon.hal.error.HalException if the device fails; a sequence whose prompt
    ///   could not be run has ended then, and if the device says that it is still usable, so is the
    ///   engine
    public boolean step() {
        checkOpen();
        admit();
        int active = activeRows();
        if (active > 0) {
            decode(active);
        }
        readback.collect(active > 0 ? 1 : 0, this::arrived);
        return !waiting.isEmpty() || !readback.isEmpty() || activeRows() > 0;
    }

    /// {@return the new tokens of one request, after running until it ends}
    public Sequence generate(Request request) {
        Sequence sequence = add(request);
        while (!sequence.isFinished()) {
            step();
        }
        return sequence;
    }

    private void admit() {
        int row = freeRow();
        while (row >= 0 && !waiting.isEmpty()) {
            Sequence next = waiting.peek();
            long length = (long) next.request().prompt().size() + next.request().maxNewTokens();
            int needed = Math.toIntExact(cacheFormat.pagesFor(length));
            if (needed > pages.available()) {
                requireSomebodyRuns(needed);
                return;
            }
            waiting.remove();
            next.pages = pages.take(needed);
            next.row = row;
            rows[row] = next;
            prefill(next);
            row = freeRow();
        }
    }

    /// Waiting for pages that nobody will give back would be waiting for ever.
    private void requireSomebodyRuns(int needed) {
        if (Arrays.stream(rows).allMatch(Objects::isNull)) {
            throw new IllegalStateException(
                    needed
                            + " cache pages are wanted and "
                            + pages.available()
                            + " of "
                            + pages.total()
                            + " are free, although no sequence runs; report this defect of the"
                            + " engine");
        }
    }

    private void prefill(Sequence sequence) {
        int row = sequence.row;
        try {
            prefill.run(stream, sequence, inputs.ids.slice(0, row, row + 1L));
            readback.schedule(stream, List.of(sequence), row + 1);
        } catch (RuntimeException | Error failure) {
            // Left in its row, it would be decoded from a cache that nobody has written.
            end(sequence, Sequence.FinishReason.FAILED);
            throw failure;
        }
    }

    /// {@return the cache pages that no sequence has}
    int availablePages() {
        return pages.available();
    }

    private int freeRow() {
        for (int row = 0; row < rows.length; row++) {
            if (rows[row] == null) {
                return row;
            }
        }
        return Sequence.NO_ROW;
    }

    /// {@return one more than the last row that wants a token, 0 if none does}
    private int activeRows() {
        for (int row = rows.length; row > 0; row--) {
            Sequence sequence = rows[row - 1];
            if (sequence != null && sequence.wantsMore()) {
                return row;
            }
        }
        return 0;
    }

    private void decode(int active) {
        inputs.publish(stream, rows, active);
        List<Sequence> taking = new ArrayList<>();
        for (int row = 0; row < active; row++) {
            Sequence sequence = rows[row];
            if (sequence != null && sequence.wantsMore()) {
                sequence.cached++;
                sequence.scheduled++;
                taking.add(sequence);
            }
        }
        stream.replay(bucketFor(active).graph());
        readback.schedule(stream, taking, active);
    }

    private DecodeBucket bucketFor(int active) {
        for (DecodeBucket bucket : buckets) {
            if (bucket.rows() >= active) {
                return bucket;
            }
        }
        throw new IllegalStateException("no bucket holds " + active + " rows");
    }

    private void arrived(Sequence sequence, int token) {
        boolean running = !sequence.isFinished();
        sequence.take(token);
        if (running && sequence.isFinished()) {
            release(sequence);
        }
    }

    /// Work in flight may still write the pages given back; whoever gets them next comes later on
    /// the same stream.
    private void release(Sequence sequence) {
        if (sequence.row >= 0) {
            rows[sequence.row] = null;
            sequence.row = Sequence.NO_ROW;
            pages.give(sequence.pages);
            sequence.pages = new int[0];
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the engine is closed; open another one");
        }
    }

    /// Gives back everything on the device; sequences that have not ended are cancelled and keep
    /// the tokens they have. Closing twice has no effect.
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        waiting.forEach(sequence -> sequence.finish(Sequence.FinishReason.CANCELLED));
        waiting.clear();
        for (Sequence sequence : rows) {
            if (sequence != null) {
                end(sequence, Sequence.FinishReason.CANCELLED);
            }
        }
        IllegalStateException failed = new IllegalStateException("closing the engine failed");
        release(failed);
        if (failed.getSuppressed().length > 0) {
            throw failed;
        }
    }

    /// Closes what was opened, the latest first and all of it whatever happens; `failure` is told
    /// what did.
    private void release(Throwable failure) {
        while (!resources.isEmpty()) {
            try {
                resources.removeLast().close();
            } catch (Exception another) {
                failure.addSuppressed(another);
            }
        }
    }
}
