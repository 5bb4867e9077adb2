/*
 * Reads memory as fast as it comes: one stream in order, eight cache lines a step, fetched ahead by hand because the
 * processor's own prefetcher stops at the end of a page.
 */
#include "hcpu.h"

#define LINE 64
#define LINES 8
#define AHEAD (32 * LINE)

/* Reads `bytes` bytes, a multiple of 512, from an address that is a multiple of 64. */
HCPU_EXPORT void hcpu_peak_read(const char *memory, int64_t bytes)
{
    for (const char *end = memory + bytes; memory < end; memory += LINES * LINE) {
        for (int line = 0; line < LINES; line++) {
            __builtin_prefetch(memory + AHEAD + line * LINE);
            /* The compiler may neither drop nor join the loads. */
            __asm__ volatile("vmovdqa64 %0, %%zmm0" : : "m"(*(const char(*)[LINE])(memory + line * LINE)) : "xmm0");
        }
    }
}
