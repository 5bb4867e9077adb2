/// Text to token ids and back, where the checkpoint brings a tokenizer.
@NullMarked
package dev.halcyon.engine.text;

import org.jspecify.annotations.NullMarked;
