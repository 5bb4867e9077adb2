/// The reference engine: it opens a Hugging Face checkpoint, prefills, decodes with a paged latent
/// cache and samples, on nothing but `hal-api`. [Engine] is the way in; requests join and leave at
/// every step. It is written to be read by people who will write a better one.
@NullMarked
package dev.halcyon.engine;

import org.jspecify.annotations.NullMarked;
