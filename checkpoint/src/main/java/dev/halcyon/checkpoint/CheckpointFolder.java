package dev.halcyon.checkpoint;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SequencedSet;

/// A Hugging Face checkpoint folder: `config.json` and either `model.safetensors` or a sharded
/// index with its shards.
///
/// `open` reads the configuration and the index and sees that every shard is there; a shard is
/// opened, checked and mapped when one of its tensors is first asked for. A folder with both kinds
/// is read as the single file, as the transformers library does.
///
/// *Lifetime.* As for [SafetensorsFile]: slices die with this object, or with the caller's arena if
/// one was given.
///
/// *Threading.* Safe from any thread, as far as the caller's arena is.
public final class CheckpointFolder implements AutoCloseable {
    /// The name of the configuration file.
    public static final String CONFIG_FILE_NAME = "config.json";

    /// The name of the weights of a checkpoint that is not sharded.
    public static final String SINGLE_FILE_NAME = "model.safetensors";

    private final Path root;
    private final ModelConfig config;
    private final Arena arena;
    private final boolean ownsArena;
    private final Path listing;
    private final SequencedMap<String, String> shardOf;
    private final Map<String, ? extends SequencedSet<String>> tensorsOf;
    private final Map<String, SafetensorsFile> opened = new HashMap<>();

    private CheckpointFolder(Path root, Arena arena, boolean ownsArena) {
        this.root = root;
        this.arena = arena;
        this.ownsArena = ownsArena;
        if (!Files.isDirectory(root)) {
            throw new CheckpointException(
                    root.toString(),
                    Files.exists(root) ? "is not a folder" : "does not exist",
                    "give the folder that holds " + CONFIG_FILE_NAME);
        }
        this.config = ModelConfig.read(root.resolve(CONFIG_FILE_NAME));
        Path single = root.resolve(SINGLE_FILE_NAME);
        Path index = root.resolve(ShardIndex.FILE_NAME);
        if (Files.exists(single)) {
            SafetensorsFile file = SafetensorsFile.open(single, arena);
            opened.put(SINGLE_FILE_NAME, file);
            SequencedMap<String, String> all = new LinkedHashMap<>();
            file.tensors().sequencedKeySet().forEach(name -> all.put(name, SINGLE_FILE_NAME));
            this.listing = single;
            this.shardOf = Collections.unmodifiableSequencedMap(all);
            this.tensorsOf = Map.of(SINGLE_FILE_NAME, shardOf.sequencedKeySet());
        } else if (Files.exists(index)) {
            ShardIndex shards =
                    ShardIndex.parse(
                            index.toString(),
                            BoundedFile.read(index, SafetensorsHeader.MOST_HEADER_BYTES));
            this.listing = index;
            this.shardOf = shards.shardOf();
            this.tensorsOf = shards.tensorsOf();
            requireShards();
        } else {
            throw new CheckpointException(
                    root.toString(),
                    "has neither " + SINGLE_FILE_NAME + " nor " + ShardIndex.FILE_NAME,
                    "fetch the weights in safetensors format");
        }
    }

    /// Opens the checkpoint in `folder` until the result is closed.
    ///
    /// @throws CheckpointException if the configuration, the index, the single file or the presence
    ///   of a shard is not right
    public static CheckpointFolder open(Path folder) {
        Arena arena = Arena.ofShared();
        try {
            return new CheckpointFolder(folder, arena, true);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /// Opens the checkpoint in `folder` with every mapping in the caller's `arena`; [#close()] then
    /// does nothing.
    ///
    /// @throws CheckpointException if the configuration, the index, the single file or the presence
    ///   of a shard is not right
    public static CheckpointFolder open(Path folder, Arena arena) {
        return new CheckpointFolder(folder, arena, false);
    }

    /// Whether `folder` is a folder with a configuration and weights, without looking into them.
    public static boolean isCheckpoint(Path folder) {
        return Files.isRegularFile(folder.resolve(CONFIG_FILE_NAME))
                && (Files.isRegularFile(folder.resolve(SINGLE_FILE_NAME))
                        || Files.isRegularFile(folder.resolve(ShardIndex.FILE_NAME)));
    }

    private void requireShards() {
        for (String shard : tensorsOf.keySet()) {
            if (!Files.isRegularFile(root.resolve(shard))) {
                throw new CheckpointException(
                        listing.toString(),
                        "names the shard " + Quoted.text(shard) + ", which is not in the folder",
                        "fetch the missing file");
            }
        }
    }

    /// The folder as it was given to `open`.
    public Path root() {
        return root;
    }

    /// What `config.json` says.
    public ModelConfig config() {
        return config;
    }

    /// Every tensor's name, without opening a shard.
    public SequencedSet<String> names() {
        return shardOf.sequencedKeySet();
    }

    /// Whether the checkpoint lists tensor `name`.
    public boolean contains(String name) {
        return shardOf.containsKey(name);
    }

    /// Whether the linear weight `weight` is stored quantised: what its tensors show, and where
    /// there are none, what the configuration says.
    ///
    /// Checkpoints leave modules as they are without listing them anywhere; such a weight has no
    /// scales.
    ///
    /// @throws CheckpointException if the file that holds it is not right
    /// @throws IllegalArgumentException if an `ignore` pattern takes an absurd number of steps on
    ///   the name
    public boolean isQuantised(String weight) {
        return switch (config.quantization()) {
            case Quantization.Unquantized none -> false;
            case Quantization.Fp8Blocks fp8 ->
                    !contains(weight)
                            || contains(WeightNames.blockScales(weight))
                            || require(weight).type().bits() <= Byte.SIZE;
            case Quantization.PackedInt4 int4 ->
                    contains(WeightNames.packedWords(weight))
                            || !contains(weight) && !int4.ignores(WeightNames.module(weight));
        };
    }

    /// The opened file that holds tensor `name`.
    ///
    /// @throws CheckpointException if no file does (the message lists near names) or that file is
    ///   not right
    public SafetensorsFile file(String name) {
        String shard = shardOf.get(name);
        if (shard == null) {
            throw new CheckpointException(
                    listing.toString(),
                    "has no tensor " + Quoted.text(name),
                    NearNames.remedy(name, shardOf.keySet()));
        }
        return shard(shard);
    }

    /// The entry of tensor `name`.
    ///
    /// @throws CheckpointException as for [#file(String)]
    public TensorEntry require(String name) {
        return file(name).require(name);
    }

    /// The entry of tensor `name`, which must have this shape, whatever its type.
    ///
    /// @throws CheckpointException as for [#file(String)], and if the shape differs
    public TensorEntry require(String name, TensorShape shape) {
        SafetensorsFile file = file(name);
        TensorEntry entry = file.require(name);
        if (!entry.shape().equals(shape)) {
            throw new CheckpointException(
                    file.path().toString(),
                    "tensor " + entry + " should have the shape " + shape,
                    "weights and " + CONFIG_FILE_NAME + " belong to different models");
        }
        return entry;
    }

    /// The bytes of tensor `name`, a read-only slice of its file's mapping.
    ///
    /// @throws CheckpointException as for [#file(String)]
    public MemorySegment segment(String name) {
        return file(name).segment(name);
    }

    /// Opens and checks every file now, so that nothing can turn out to be wrong later.
    ///
    /// @throws CheckpointException if a shard is not right
    public void openAll() {
        tensorsOf.keySet().forEach(this::shard);
    }

    private SafetensorsFile shard(String shard) {
        synchronized (opened) {
            SafetensorsFile file = opened.get(shard);
            if (file == null) {
                file = SafetensorsFile.open(root.resolve(shard), arena);
                requireAgreement(shard, file);
                opened.put(shard, file);
            }
            return file;
        }
    }

    private void requireAgreement(String shard, SafetensorsFile file) {
        SequencedSet<String> listed = tensorsOf.get(shard);
        if (listed == null) {
            throw new IllegalStateException(
                    "shard " + shard + " is not one of " + tensorsOf.keySet());
        }
        for (String name : listed) {
            if (!file.tensors().containsKey(name)) {
                throw new CheckpointException(
                        listing.toString(),
                        "places tensor "
                                + Quoted.text(name)
                                + " in "
                                + Quoted.text(shard)
                                + ", which does not hold it",
                        "fetch index and shards of the same revision");
            }
        }
        for (String name : file.tensors().keySet()) {
            @Nullable String owner = shardOf.get(name);
            // A tensor that the index does not mention is dead weight, which published checkpoints
            // have; two copies are
            // a contradiction.
            if (owner != null && !owner.equals(shard)) {
                throw new CheckpointException(
                        listing.toString(),
                        "places tensor "
                                + Quoted.text(name)
                                + " in "
                                + Quoted.text(owner)
                                + ", but "
                                + Quoted.text(shard)
                                + " holds one of that name too",
                        "fetch index and shards of the same revision");
            }
        }
    }

    /// Unmaps every file if the folder was opened without an arena; slices become inaccessible.
    /// Closing again does nothing.
    @Override
    public void close() {
        if (ownsArena && arena.scope().isAlive()) {
            arena.close();
        }
    }

    @Override
    public String toString() {
        return root + " (" + shardOf.size() + " tensors in " + tensorsOf.size() + " files)";
    }
}
