/// Flight Recorder events: one for every submit, replay, fallback and arena, in the category
/// "Halcyon", so that a recording opened in JDK Mission Control shows what each kernel did.
/// Disabled events cost nothing.
@NullMarked
package dev.halcyon.hal.event;

import org.jspecify.annotations.NullMarked;
