/// Recorded graphs: the recording lambda runs first and only collects a list; the list is then
/// captured in one go on streams of its own and made executable. A graph is destroyed when the
/// epoch of its arena ends and no replay is under way.
@NullMarked
package dev.halcyon.backend.cuda.graph;

import org.jspecify.annotations.NullMarked;
