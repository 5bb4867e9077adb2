/// Reads and writes model checkpoints: [dev.halcyon.checkpoint.SafetensorsFile] maps one file,
/// [dev.halcyon.checkpoint.CheckpointFolder] finds a tensor among shards,
/// [dev.halcyon.checkpoint.ModelConfig] is what `config.json` says, and
/// [dev.halcyon.checkpoint.SafetensorsWriter] writes them back. Files are hostile until checked:
/// whatever is wrong with one becomes a [dev.halcyon.checkpoint.CheckpointException] that names the
/// file, the place, the value and the remedy, before any memory is taken on the word of a header.
/// Everything that was opened may be read from any thread until it is closed.
@NullMarked
package dev.halcyon.checkpoint;

import org.jspecify.annotations.NullMarked;
