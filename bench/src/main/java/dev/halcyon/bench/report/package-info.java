/// Results of one or more machines as one page that needs nothing else: tables, a roofline a
/// device, peers, and how portable the performance is.
@NullMarked
package dev.halcyon.bench.report;

import org.jspecify.annotations.NullMarked;
