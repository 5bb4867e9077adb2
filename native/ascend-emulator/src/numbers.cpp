// The numbers that the emulator takes and gives are those of abi/constants.txt. Nothing of this file is in the library.
#include "nn.h"
#include "numbers.h"

namespace emu {

#define SAME(mine, kind, name) static_assert(static_cast<int64_t>(mine) == abi_##kind##_##name, #name)

SAME(F32, enum, aclDataType_FLOAT);
SAME(F16, enum, aclDataType_FLOAT16);
SAME(INT8, enum, aclDataType_INT8);
SAME(INT32, enum, aclDataType_INT32);
SAME(UINT8, enum, aclDataType_UINT8);
SAME(INT16, enum, aclDataType_INT16);
SAME(UINT16, enum, aclDataType_UINT16);
SAME(UINT32, enum, aclDataType_UINT32);
SAME(INT64, enum, aclDataType_INT64);
SAME(UINT64, enum, aclDataType_UINT64);
SAME(DOUBLE, enum, aclDataType_DOUBLE);
SAME(BOOL, enum, aclDataType_BOOL);
SAME(COMPLEX64, enum, aclDataType_COMPLEX64);
SAME(COMPLEX128, enum, aclDataType_COMPLEX128);
SAME(BF16, enum, aclDataType_BF16);
SAME(INT4, enum, aclDataType_INT4);
SAME(COMPLEX32, enum, aclDataType_COMPLEX32);
SAME(HIF8, enum, aclDataType_HIFLOAT8);
SAME(F8_E5M2, enum, aclDataType_FLOAT8_E5M2);
SAME(F8_E4M3FN, enum, aclDataType_FLOAT8_E4M3FN);
SAME(F8_E8M0, enum, aclDataType_FLOAT8_E8M0);
SAME(F4_E2M1, enum, aclDataType_FLOAT4_E2M1);
SAME(F4_E1M2, enum, aclDataType_FLOAT4_E1M2);
SAME(ND, enum, aclFormat_ND);
SAME(FRACTAL_NZ, enum, aclFormat_FRACTAL_NZ);
SAME(sizeof(void *), size, pointer);
SAME(sizeof(Code), size, aclError);
SAME(sizeof(DType), size, enum);
SAME(sizeof(bool), size, bool);
SAME(sizeof(size_t), size, size_t);

} // namespace emu
