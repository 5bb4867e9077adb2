/*
 * Which instructions this process may use: CPUID says what the processor has, XGETBV whether the operating system
 * saves the registers, and for tiles Linux wants to be asked once a process.
 */
#include "hcpu.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define XCR0_AVX512 0xe6u        /* SSE, AVX, opmask, and both parts of the zmm registers */
#define XCR0_TILES 0x60000u      /* tile configuration and tile data */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

static uint64_t enabled_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static int has(uint32_t word, int bit)
{
    return word >> bit & 1;
}

/*
 * The permission holds for all threads, those that exist and those to come. The kernel refuses it where a thread has
 * an alternative signal stack too small for the tiles' state.
 */
static int may_use_tiles(void)
{
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

/*
 * AMD's processors do a vdpbf16ps in the time of an F32 multiply-add, which is half as many products; Intel's take
 * four to five times as long (measured on a Xeon with AMX).
 */
static int has_fast_dots(void)
{
    uint32_t a, b, c, d;
    return __get_cpuid(0, &a, &b, &c, &d) && b == signature_AMD_ebx && c == signature_AMD_ecx && d == signature_AMD_edx;
}

HCPU_EXPORT int32_t hcpu_version(void)
{
    return HCPU_VERSION;
}

HCPU_EXPORT int32_t hcpu_features(void)
{
    uint32_t a, b, c, d, unused;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, 27)) { /* OSXSAVE */
        return 0;
    }
    uint64_t state = enabled_state();
    if ((state & XCR0_AVX512) != XCR0_AVX512 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        return 0;
    }
    int avx512 = has(b, 16) && has(b, 17) && has(b, 30) && has(b, 31) && has(c, 1) && has(c, 11);
    int amx = has(d, 22) && has(d, 24);
    if (!__get_cpuid_count(7, 1, &a, &unused, &c, &d) || !avx512 || !has(a, 5)) {
        return 0;
    }
    uint32_t features = HCPU_AVX512_BF16;
    if (has_fast_dots()) {
        features |= HCPU_FAST_DOTS;
    }
    if (amx && (state & XCR0_TILES) == XCR0_TILES && may_use_tiles()) {
        features |= HCPU_AMX;
    }
    return (int32_t)features;
}
