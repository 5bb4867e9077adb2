package dev.halcyon.checkpoint;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.regex.Pattern;

/// What `model.safetensors.index.json` says: which shard holds which tensor.
///
/// The file's `metadata.total_size` is not read, because published checkpoints have wrong ones.
///
/// @param shardOf the shard's file name by tensor name, in file order
/// @param tensorsOf the tensor names by shard
record ShardIndex(
        SequencedMap<String, String> shardOf,
        SequencedMap<String, SequencedSet<String>> tensorsOf) {
    /// Where the index stands in a checkpoint folder.
    static final String FILE_NAME = "model.safetensors.index.json";

    // A plain name: no separator, drive or parent, so that a downloaded index cannot point outside
    // its folder.
    private static final Pattern PLAIN_NAME =
            Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.+-]{0,200}\\.safetensors");

    static ShardIndex parse(String source, byte[] json) {
        ObjectNode root = StrictJson.object(source, "index", json);
        JsonNode map = root.get("weight_map");
        if (!(map instanceof ObjectNode weights)) {
            throw new CheckpointException(
                    source,
                    map == null ? "has no weight_map" : "has a weight_map that is not an object",
                    "it must map tensor names to file names");
        }
        SequencedMap<String, String> shardOf = LinkedHashMap.newLinkedHashMap(weights.size());
        SequencedMap<String, SequencedSet<String>> tensorsOf = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> weight : weights.properties()) {
            String tensor = weight.getKey();
            if (!weight.getValue().isString()) {
                throw new CheckpointException(
                        source,
                        "maps tensor " + Quoted.text(tensor) + " to something other than a string",
                        "it must map tensor names to file names");
            }
            String shard = weight.getValue().stringValue();
            if (!PLAIN_NAME.matcher(shard).matches()) {
                throw new CheckpointException(
                        source,
                        "maps tensor " + Quoted.text(tensor) + " to " + Quoted.text(shard),
                        "a shard must be a plain file name in the same folder, ending in"
                                + " .safetensors");
            }
            shardOf.put(tensor, shard);
            tensorsOf.computeIfAbsent(shard, s -> new LinkedHashSet<>()).add(tensor);
        }
        if (shardOf.isEmpty()) {
            throw new CheckpointException(
                    source, "has an empty weight_map", "fetch the file again");
        }
        return new ShardIndex(
                Collections.unmodifiableSequencedMap(shardOf),
                Collections.unmodifiableSequencedMap(tensorsOf));
    }
}
