#include <stddef.h>
#include <stdint.h>
#include <stringprep.h>

/// Prepares Unicode scalars in place by SASLprep; 0 when they could be. A function because the profile is an
/// array without a length. `stringprep` itself is not used: it begins again for each 50 scalars that it lacks.
static inline int waybill_saslprep(uint32_t *scalars, size_t *count, size_t room, int stored) {
    Stringprep_profile_flags flags = stored ? STRINGPREP_NO_UNASSIGNED : (Stringprep_profile_flags)0;
    return stringprep_4i(scalars, count, room, flags, stringprep_saslprep);
}
