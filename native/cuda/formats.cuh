// Element types: how they are read and written.
//
// Types travel as numbers that ElementCode in the backend knows too. A function with the template parameter ANY looks at
// the number at run time, which is the same for all threads; with a type as the parameter it is compiled for that type.
// Rounding is to nearest, ties to even, once. The two 8-bit types saturate.
#pragma once

#include "device.cuh"

#include <math.h>
#include <string.h>

enum ElementType { ANY = -1, F64 = 0, F32 = 1, F16 = 2, BF16 = 3, F8_E4M3 = 4, F8_E5M2 = 5 };

DEVICE uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

DEVICE float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

DEVICE uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// A float of 1 sign, some exponent and some mantissa bits.
struct FloatFormat {
    int mantissa_bits;
    int bias;
    uint32_t largest;       // code of the largest finite number
    uint32_t overflow;      // code of what is larger
    uint32_t nan;
    int sign_bit;
};

DEVICE FloatFormat format_of(int type) {
    switch (type) {
        case F16: return {10, 15, 0x7bff, 0x7c00, 0x7e00, 15};
        case BF16: return {7, 127, 0x7f7f, 0x7f80, 0x7fc0, 15};
        case F8_E4M3: return {3, 7, 0x7e, 0x7e, 0x7f, 7};
        default: return {2, 15, 0x7b, 0x7b, 0x7f, 7};
    }
}

// The code of the nearest number of a format, from the value itself: F64 to BF16 does not pass through F32.
DEVICE uint32_t encode(double value, int type) {
    FloatFormat format = format_of(type);
    uint64_t bits = bits_of(value);
    uint32_t sign = (uint32_t)(bits >> 63) << format.sign_bit;
    uint64_t magnitude = bits & 0x7fffffffffffffffull;
    if (magnitude > 0x7ff0000000000000ull) {
        return sign | format.nan;
    }
    int exponent = (int)(magnitude >> 52) - 1023;
    if (exponent == -1023) {
        return sign;                                    // zero, or far below every subnormal of these formats
    }
    if (exponent == 1024) {
        return sign | format.overflow;
    }
    int smallest = 1 - format.bias;
    int below = exponent < smallest ? smallest - exponent : 0;
    int shift = 52 - format.mantissa_bits + below;
    if (shift > 54) {
        return sign;
    }
    uint64_t significand = (magnitude & 0xfffffffffffffull) | 0x10000000000000ull;
    uint64_t kept = significand >> shift;
    uint64_t rest = significand & ((1ull << shift) - 1);
    uint64_t half = 1ull << (shift - 1);
    kept += rest > half || (rest == half && (kept & 1));
    // Rounding up may carry into the exponent, which the addition does by itself.
    uint64_t code = below > 0 ? kept
        : ((uint64_t)(exponent - smallest + 1) << format.mantissa_bits) + kept - (1ull << format.mantissa_bits);
    return sign | (code > format.largest ? format.overflow : (uint32_t)code);
}

DEVICE float power_of_two(int exponent) { return float_of((uint32_t)(exponent + 127) << 23); }

DEVICE float decode(uint32_t code, int type) {
    FloatFormat format = format_of(type);
    uint32_t magnitude = code & ((1u << format.sign_bit) - 1);
    uint32_t mantissa = magnitude & ((1u << format.mantissa_bits) - 1);
    int exponent = (int)(magnitude >> format.mantissa_bits);
    float value;
    if (type == F8_E4M3 ? magnitude == format.nan : magnitude > (format.largest | mantissa) && mantissa != 0) {
        value = float_of(0x7fc00000u);
    } else if (type != F8_E4M3 && magnitude > format.largest) {
        value = float_of(0x7f800000u);
    } else if (exponent == 0) {
        value = (float)mantissa * power_of_two(1 - format.bias - format.mantissa_bits);
    } else {
        value = (float)(mantissa | 1u << format.mantissa_bits) * power_of_two(exponent - format.bias - format.mantissa_bits);
    }
    return code >> format.sign_bit & 1 ? -value : value;
}

DEVICE float bf16_to_float(uint16_t code) { return float_of((uint32_t)code << 16); }

DEVICE uint16_t float_to_bf16(float value) {
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

DEVICE float f16_to_float(uint16_t code) {
#ifdef HALCYON_HOST
    return decode(code, F16);
#else
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(code));
    return value;
#endif
}

DEVICE uint16_t float_to_f16(float value) {
#ifdef HALCYON_HOST
    return (uint16_t)encode(value, F16);
#else
    uint16_t code;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(code) : "f"(value));
    return code;
#endif
}

// Bytes of an activation's element.
DEVICE int64_t element_bytes(int64_t type) { return type == F32 ? 4 : 2; }

// Element i of an activation: F32, F16 or BF16.
template <int Type>
DEVICE float load(const void *from, int64_t i, int64_t type) {
    switch (Type == ANY ? (int)type : Type) {
        case F32: return ((const float *)from)[i];
        case F16: return f16_to_float(((const uint16_t *)from)[i]);
        default: return bf16_to_float(((const uint16_t *)from)[i]);
    }
}

template <int Type>
DEVICE void store(void *to, int64_t i, int64_t type, float value) {
    switch (Type == ANY ? (int)type : Type) {
        case F32: ((float *)to)[i] = value; break;
        case F16: ((uint16_t *)to)[i] = float_to_f16(value); break;
        default: ((uint16_t *)to)[i] = float_to_bf16(value);
    }
}

// A value as it comes back from memory after having been stored.
template <int Type>
DEVICE float rounded(int64_t type, float value) {
    switch (Type == ANY ? (int)type : Type) {
        case F32: return value;
        case F16: return f16_to_float(float_to_f16(value));
        default: return bf16_to_float(float_to_bf16(value));
    }
}

// Element i of any floating-point type.
DEVICE double load_wide(const void *from, int64_t i, int64_t type) {
    switch ((int)type) {
        case F64: return ((const double *)from)[i];
        case F8_E4M3:
        case F8_E5M2: return decode(((const uint8_t *)from)[i], (int)type);
        default: return load<ANY>(from, i, type);
    }
}

DEVICE void store_wide(void *to, int64_t i, int64_t type, double value) {
    switch ((int)type) {
        case F64: ((double *)to)[i] = value; break;
        case F32: ((float *)to)[i] = (float)value; break;
        case F8_E4M3:
        case F8_E5M2: ((uint8_t *)to)[i] = (uint8_t)encode(value, (int)type); break;
        default: ((uint16_t *)to)[i] = (uint16_t)encode(value, (int)type);
    }
}

// One element of 1, 2, 4 or 8 bytes, as bits.
DEVICE uint64_t load_bits(const void *from, int64_t i, int64_t bytes) {
    switch ((int)bytes) {
        case 1: return ((const uint8_t *)from)[i];
        case 2: return ((const uint16_t *)from)[i];
        case 4: return ((const uint32_t *)from)[i];
        default: return ((const uint64_t *)from)[i];
    }
}

DEVICE void store_bits(void *to, int64_t i, int64_t bytes, uint64_t value) {
    switch ((int)bytes) {
        case 1: ((uint8_t *)to)[i] = (uint8_t)value; break;
        case 2: ((uint16_t *)to)[i] = (uint16_t)value; break;
        case 4: ((uint32_t *)to)[i] = (uint32_t)value; break;
        default: ((uint64_t *)to)[i] = value;
    }
}
