/*
 * What every file of libhalcyon_cpu shares.
 *
 * A file is compiled for the instruction set that the end of its name says (build.sh has the list): no suffix means
 * any x86-64. Nothing here may be called before hcpu_features() has reported that the processor and the operating
 * system allow those instructions. Addresses are trusted: Java has checked them.
 */
#ifndef HCPU_H
#define HCPU_H

#include <stddef.h>
#include <stdint.h>

/* Raised with every change of an exported function; Java refuses a library of another version. */
#define HCPU_VERSION 2

/* Bits of hcpu_features(). */
#define HCPU_AVX512_BF16 1u /* AVX-512 F, BW, DQ, VL, VBMI, VNNI and BF16 */
#define HCPU_AMX 2u         /* the above, AMX-TILE and AMX-BF16, and the kernel's permission to use tiles */

#define HCPU_FAST_DOTS 4u   /* vdpbf16ps multiplies at least as many numbers in a time as F32 instructions do */

/* Marks the functions that Java calls; everything else stays inside the library. */
#define HCPU_EXPORT __attribute__((visibility("default")))

#endif
