/*
 * The control interface of the emulator: what CANN does not have. Everything here may be called from any thread at any
 * time; README.md lists keys, counters and rules. Its symbols exist in no CANN library, so a caller that finds
 * emu_version knows that it talks to an emulator.
 */
#ifndef HALCYON_ASCEND_EMULATOR_H
#define HALCYON_ASCEND_EMULATOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#define EMU_API __attribute__((visibility("default")))

EMU_API int32_t emu_version(void);
EMU_API const char *emu_profile(void);
EMU_API int32_t emu_configure(const char *key, const char *value);
EMU_API int64_t emu_count(const char *name);
EMU_API uint64_t emu_report(char *buffer, uint64_t size);
EMU_API uint64_t emu_launches(char *buffer, uint64_t size);
EMU_API void emu_clear(void);
EMU_API int32_t emu_reset(void);

#ifdef __cplusplus
}
#endif
#endif
